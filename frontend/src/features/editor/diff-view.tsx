"use client";

import { useEffect, useRef, useState } from "react";
import { errorText } from "@/lib/problem";
import { languageOf } from "./language";
import { editorOptions, loadMonaco } from "./monaco";

interface Props {
  /** Of the file: its extension says the language. */
  readonly path: string;
  readonly original: string;
  readonly modified: string;
  /** For who cannot see which side is which. */
  readonly labels: readonly [original: string, modified: string];
  readonly className?: string;
}

/** What differs between two texts, to look at: beside each other where there is room, else below. */
export function DiffView({ path, original, modified, labels: [left, right], className = "" }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [error, setError] = useState("");

  useEffect(() => {
    let gone = false;
    let undo: (() => void) | undefined;
    loadMonaco().then(
      (monaco) => {
        if (gone || !host.current) return;
        const language = languageOf(path);
        const [before, after] = [monaco.editor.createModel(original, language), monaco.editor.createModel(modified, language)];
        const editor = monaco.editor.createDiffEditor(host.current, {
          ...editorOptions,
          readOnly: true,
          originalEditable: false,
          renderOverviewRuler: false,
          renderSideBySide: true,
          useInlineViewWhenSpaceIsLimited: true,
          renderSideBySideInlineBreakpoint: 640,
          hideUnchangedRegions: { enabled: true },
          originalAriaLabel: left,
          modifiedAriaLabel: right,
        });
        editor.setModel({ original: before, modified: after });
        undo = () => {
          // First: what the editor has scheduled for its model would find the editor gone.
          editor.setModel(null);
          editor.dispose();
          before.dispose();
          after.dispose();
        };
      },
      (failure: unknown) => {
        if (!gone) setError(errorText(failure));
      },
    );
    return () => {
      gone = true;
      undo?.();
    };
  }, [path, original, modified, left, right]);

  if (error !== "") return <p className="p-4 text-[13px] text-bad">{error}</p>;
  return <div ref={host} className={`overflow-hidden rounded-md border border-line ${className}`} />;
}
