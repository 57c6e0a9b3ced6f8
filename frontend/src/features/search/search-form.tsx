"use client";

import { CaseSensitive, ChevronRight, Ellipsis, Regex, ReplaceAll, WholeWord } from "lucide-react";
import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { IconButton } from "@/components/ui/button";
import { useStore } from "@/hooks/use-store";
import type { Search } from "./search";

interface Props {
  readonly search: Search;
  readonly readOnly: boolean;
  readonly canReplace: boolean;
  readonly onReplaceAll: () => void;
  /** Moves on to what was found. */
  readonly onDown: () => void;
}

const field = "h-7 w-full min-w-0 rounded-md border border-line-strong bg-bg px-2 text-[13px] text-text placeholder:text-faint focus-visible:outline-offset-[-1px] aria-invalid:border-bad pointer-coarse:h-9";
const plain = { spellCheck: false, autoComplete: "off", autoCapitalize: "off", autoCorrect: "off" } as const;

/** What is searched for, in which files, and what replaces it. */
export function SearchForm({ search, readOnly, canReplace, onReplaceAll, onDown }: Props) {
  const query = useStore(search.query);
  const replacement = useStore(search.replacement);
  const replacing = useStore(search.replacing) && !readOnly;
  const { error, field: wrong } = useStore(search.state);
  const asked = useStore(search.asked);
  const [details, setDetails] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const showsDetails = details || query.include !== "" || query.exclude !== "";

  useEffect(() => {
    if (asked === null) return;
    input.current?.focus();
    input.current?.select();
  }, [asked]);

  const keyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return;
    const toggles: Record<string, () => void> = {
      KeyC: () => search.change({ matchCase: !query.matchCase }),
      KeyW: () => search.change({ word: !query.word }),
      KeyR: () => search.change({ regex: !query.regex }),
    };
    const toggle = event.altKey && !event.ctrlKey && !event.metaKey ? toggles[event.code] : undefined;
    if (toggle) toggle();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.altKey && canReplace) onReplaceAll();
    else if (event.key === "Enter") void search.run();
    else if (event.key === "ArrowDown") onDown();
    else return;
    event.preventDefault();
  };
  const errorID = `${id}-error`;
  const invalid = (name: string) => (error !== "" && wrong === name ? ({ "aria-invalid": true, "aria-describedby": errorID } as const) : {});

  return (
    // The keys are those of the fields within.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div role="search" aria-label="Search in files" onKeyDown={keyDown} className="flex shrink-0 gap-0.5 pr-2 pb-2 pl-1">
      {readOnly ? (
        <span className="w-1" />
      ) : (
        <button
          type="button"
          aria-label="Replace"
          title="Show the field for a replacement"
          aria-expanded={replacing}
          onClick={() => search.replacing.set(!replacing)}
          className="flex h-7 w-5 shrink-0 items-center justify-center self-start rounded-md text-muted hover:bg-hover hover:text-text pointer-coarse:h-9"
        >
          <ChevronRight size={14} aria-hidden className={replacing ? "rotate-90" : ""} />
        </button>
      )}
      <div className="flex min-w-0 flex-1 flex-col gap-1.5">
        <div className="relative">
          <input
            ref={input}
            {...plain}
            type="text"
            aria-label="Search"
            placeholder="Search"
            value={query.text}
            maxLength={1024}
            {...invalid("q")}
            onChange={(event) => search.change({ text: event.target.value })}
            className={`${field} pr-[78px]`}
          />
          <div className="absolute inset-y-0 right-0.5 flex items-center">
            <Toggle label="Match case" keys="Alt+C" on={query.matchCase} onToggle={(matchCase) => search.change({ matchCase })}>
              <CaseSensitive size={15} aria-hidden />
            </Toggle>
            <Toggle label="Whole words" keys="Alt+W" on={query.word} onToggle={(word) => search.change({ word })}>
              <WholeWord size={15} aria-hidden />
            </Toggle>
            <Toggle label="Regular expression" keys="Alt+R" on={query.regex} onToggle={(regex) => search.change({ regex })}>
              <Regex size={14} aria-hidden />
            </Toggle>
          </div>
        </div>
        {replacing && (
          <div className="flex items-center gap-1">
            <input
              {...plain}
              type="text"
              aria-label="Replace with"
              placeholder={query.regex ? "Replace with ($1, ${name})" : "Replace with"}
              value={replacement}
              onChange={(event) => search.replacement.set(event.target.value)}
              className={field}
            />
            <IconButton label="Replace all" title="Replace all (Ctrl+Alt+Enter)" disabled={!canReplace} onClick={onReplaceAll}>
              <ReplaceAll size={15} aria-hidden />
            </IconButton>
          </div>
        )}
        {showsDetails && (
          <>
            <label className="text-[12px] text-muted">
              Only in
              <input {...plain} type="text" placeholder="*.py, src/**" value={query.include} {...invalid("include")} onChange={(event) => search.change({ include: event.target.value })} className={`${field} mt-0.5`} />
            </label>
            <label className="text-[12px] text-muted">
              Not in
              <input {...plain} type="text" placeholder="vendor, *.min.js" value={query.exclude} {...invalid("exclude")} onChange={(event) => search.change({ exclude: event.target.value })} className={`${field} mt-0.5`} />
            </label>
          </>
        )}
        {error !== "" && (
          <p id={errorID} role="alert" className="text-[12px] leading-4 break-words text-bad">
            {wordsOf(wrong, error)}
          </p>
        )}
      </div>
      <IconButton
        label="Files to search in"
        aria-expanded={showsDetails}
        onClick={() => {
          if (showsDetails) search.change({ include: "", exclude: "" });
          setDetails(!showsDetails);
        }}
        className={showsDetails ? "bg-active text-text" : ""}
      >
        <Ellipsis size={15} aria-hidden />
      </IconButton>
    </div>
  );
}

/** The server's words begin behind the name of what they are about. */
function wordsOf(about: string, words: string): string {
  const names: Record<string, string> = { q: "This", include: "“Only in”", exclude: "“Not in”" };
  const name = names[about];
  return name === undefined ? words : `${name} ${words}.`;
}

interface ToggleProps {
  readonly label: string;
  readonly keys: string;
  readonly on: boolean;
  readonly onToggle: (on: boolean) => void;
  readonly children: ReactNode;
}

function Toggle({ label, keys, on, onToggle, children }: ToggleProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={`${label} (${keys})`}
      aria-pressed={on}
      onClick={() => onToggle(!on)}
      className={`flex size-6 items-center justify-center rounded ${on ? "bg-accent/25 text-accent-text" : "text-muted hover:bg-hover hover:text-text"}`}
    >
      {children}
    </button>
  );
}
