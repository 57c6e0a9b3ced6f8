"use client";

import { X } from "lucide-react";
import { useEffect, useRef, type KeyboardEvent } from "react";
import { FileIcon } from "@/features/files/file-icon";
import { useStore } from "@/hooks/use-store";
import { baseName, parentOf } from "@/lib/paths";
import type { Document } from "./document";
import type { Documents } from "./documents";

interface Props {
  readonly documents: Documents;
  readonly onClose: (tab: Document) => void;
}

export function EditorTabs({ documents, onClose }: Props) {
  const { tabs, active } = useStore(documents.state);
  const keyDown = (event: KeyboardEvent) => {
    const index = tabs.findIndex((tab) => tab === active);
    const steps: Record<string, number> = { ArrowLeft: index - 1 + tabs.length, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 };
    const step = steps[event.key];
    if (event.key === "Delete" && active) {
      onClose(active);
    } else if (step !== undefined) {
      const next = tabs[step % tabs.length];
      if (next) documents.activate(next);
      event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[step % tabs.length]?.focus();
    } else {
      return;
    }
    event.preventDefault();
  };
  if (tabs.length === 0) return null;
  return (
    // The tabs have the focus; their keys are taken here (WAI-ARIA practices, tabs).
    // eslint-disable-next-line jsx-a11y/interactive-supports-focus
    <div role="tablist" aria-label="Open files" onKeyDown={keyDown} className="flex h-9 shrink-0 overflow-x-auto overflow-y-hidden border-b border-line bg-panel [scrollbar-width:none]">
      {tabs.map((tab) => (
        <EditorTab
          key={tab.id}
          tab={tab}
          selected={tab === active}
          // Of two files with one name each says where it is.
          folder={tabs.some((other) => other !== tab && baseName(other.path) === baseName(tab.path)) ? parentOf(tab.path) || "/" : ""}
          onSelect={() => documents.activate(tab)}
          onClose={() => onClose(tab)}
        />
      ))}
    </div>
  );
}

interface TabProps {
  readonly tab: Document;
  readonly selected: boolean;
  readonly folder: string;
  readonly onSelect: () => void;
  readonly onClose: () => void;
}

function EditorTab({ tab, selected, folder, onSelect, onClose }: TabProps) {
  const { path, save, deleted } = useStore(tab.state);
  const ref = useRef<HTMLButtonElement>(null);
  const unsaved = save !== "saved";
  const mark = save === "conflict" ? ", conflict" : unsaved ? ", unsaved" : deleted ? ", deleted" : "";
  useEffect(() => {
    if (selected) ref.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [selected]);
  return (
    <button
      ref={ref}
      type="button"
      role="tab"
      aria-selected={selected}
      aria-controls="editor-panel"
      aria-label={baseName(path) + mark}
      tabIndex={selected ? 0 : -1}
      title={path}
      onClick={onSelect}
      onAuxClick={(event) => {
        if (event.button === 1) onClose();
      }}
      className={`group relative flex max-w-52 min-w-24 shrink-0 items-center gap-1.5 border-r border-line pr-1.5 pl-3 text-[13px] focus-visible:outline-offset-[-2px] ${
        selected ? "bg-bg text-text before:absolute before:inset-x-0 before:top-0 before:h-0.5 before:bg-accent" : "text-muted hover:bg-hover"
      }`}
    >
      <FileIcon path={path} type="file" />
      <span className={`truncate ${deleted ? "line-through" : ""}`}>{baseName(path)}</span>
      {folder && <span className="truncate text-[12px] text-faint">{folder}</span>}
      {/* The Delete key closes too; the pointer has this. */}
      <span
        aria-hidden
        onClick={(event) => {
          event.stopPropagation();
          onClose();
        }}
        className="ml-auto flex size-5 shrink-0 items-center justify-center rounded text-faint hover:bg-active hover:text-text"
      >
        {unsaved && <span className={`size-2 rounded-full group-hover:hidden ${save === "conflict" ? "bg-bad" : "bg-accent"}`} />}
        <X size={14} className={unsaved ? "hidden group-hover:block" : selected ? "" : "opacity-0 group-hover:opacity-100"} />
      </span>
    </button>
  );
}
