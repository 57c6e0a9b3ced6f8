"use client";

import { ArrowDown, ArrowUp, CaseSensitive, Regex, X } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { IconButton } from "@/components/ui/button";
import { useStore } from "@/hooks/use-store";
import type { TerminalScreen } from "./terminals";

/** Finds text in a terminal and its history. Enter goes on, Shift+Enter back, Escape closes. */
export function SearchBar({ screen, onClose }: { readonly screen: TerminalScreen; readonly onClose: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [term, setTerm] = useState("");
  const [caseSensitive, setCaseSensitive] = useState(false);
  const [regex, setRegex] = useState(false);
  const found = useStore(screen.found);

  useEffect(() => {
    input.current?.focus();
    return () => {
      screen.stopSearch();
      screen.focus();
    };
  }, [screen]);
  useEffect(() => screen.search(term, { caseSensitive, regex, incremental: true }, "next"), [screen, term, caseSensitive, regex]);

  const go = (direction: "next" | "previous") => screen.search(term, { caseSensitive, regex, incremental: false }, direction);
  const keyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") go(event.shiftKey ? "previous" : "next");
    else if (event.key === "Escape") onClose();
    else return;
    event.preventDefault();
  };
  const count = term === "" ? "" : found.count === 0 ? "None" : found.index < 0 ? `${found.count}+` : `${found.index + 1} of ${found.count}`;
  return (
    <search aria-label="Search the terminal" className="absolute top-2 right-4 z-20 flex items-center gap-0.5 rounded-md border border-line bg-raised p-1 shadow-float max-sm:right-2 max-sm:left-2">
      <input
        ref={input}
        aria-label="Find"
        value={term}
        spellCheck={false}
        onChange={(event) => setTerm(event.target.value)}
        onKeyDown={keyDown}
        className="h-7 w-44 min-w-0 flex-1 rounded bg-bg px-2 text-[13px]"
      />
      <span role="status" className="w-16 shrink-0 px-1 text-center text-[12px] text-muted tabular-nums">
        {count}
      </span>
      <IconButton label="Match case" aria-pressed={caseSensitive} className={caseSensitive ? "bg-active text-text" : ""} onClick={() => setCaseSensitive(!caseSensitive)}>
        <CaseSensitive size={15} aria-hidden />
      </IconButton>
      <IconButton label="Regular expression" aria-pressed={regex} className={regex ? "bg-active text-text" : ""} onClick={() => setRegex(!regex)}>
        <Regex size={15} aria-hidden />
      </IconButton>
      <IconButton label="Previous match" onClick={() => go("previous")}>
        <ArrowUp size={15} aria-hidden />
      </IconButton>
      <IconButton label="Next match" onClick={() => go("next")}>
        <ArrowDown size={15} aria-hidden />
      </IconButton>
      <IconButton label="Close the search" onClick={onClose}>
        <X size={15} aria-hidden />
      </IconButton>
    </search>
  );
}
