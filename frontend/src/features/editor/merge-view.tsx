"use client";

import type * as Monaco from "monaco-editor";
import { useEffect, useMemo, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { plural } from "@/lib/format";
import { merge, type Choice, type Lines } from "@/lib/merge";
import { composed, hasMarkers } from "./merge-text";
import { languageOf } from "./language";
import { editorOptions, loadMonaco } from "./monaco";

interface Props {
  readonly path: string;
  /** What both were made from; null: that is not known, and each difference is a conflict. */
  readonly base: string | null;
  readonly mine: string;
  readonly theirs: string;
  readonly labels: { readonly mine: string; readonly theirs: string };
  /** The merged text; null: something is still to be decided. */
  readonly onResult: (text: string | null) => void;
}

/**
 * Two versions become one: what only one side changed is in the result already, for the rest one chooses, or edits the
 * result by hand.
 */
export function MergeView({ path, base, mine, theirs, labels, onResult }: Props) {
  const merged = useMemo(() => merge(base, mine, theirs), [base, mine, theirs]);
  const conflicts = useMemo(() => merged.chunks.filter(({ kind }) => kind === "conflict"), [merged]);
  const [choices, setChoices] = useState<readonly (Choice | null)[]>(() => conflicts.map(() => null));
  /** The result as it was edited by hand; null: as the choices make it. */
  const [edited, setEdited] = useState<string | null>(null);
  const text = useMemo(() => edited ?? composed(merged, choices, labels), [edited, merged, choices, labels]);
  const open = hasMarkers(text, labels);

  useEffect(() => onResult(open ? null : text), [onResult, open, text]);

  const choose = (index: number, choice: Choice) => setChoices((now) => now.map((each, at) => (at === index ? choice : each)));
  const both = (kind: "mine" | "theirs") => merged.chunks.filter((chunk) => chunk.kind === kind).length;

  return (
    <div className="mt-3 flex min-h-0 flex-col gap-3">
      <p role="status" className="text-[13px] text-muted">
        {conflicts.length === 0
          ? `Both changes fit together: ${plural(both("mine"), "place")} of ${labels.mine.toLowerCase()}, ${plural(both("theirs"), "place")} of ${labels.theirs.toLowerCase()}. This is the result.`
          : `${plural(conflicts.length, "place was", "places were")} changed on both sides${base === null ? " or cannot be told apart, since what they were made from is not kept" : ""}; the rest is in the result already.`}
      </p>
      <div className={`grid min-h-0 gap-3 ${conflicts.length > 0 ? "md:grid-cols-[2fr_3fr]" : ""}`}>
        {conflicts.length > 0 && (
          <ol aria-label="Conflicts" className="max-h-[46vh] space-y-2 overflow-y-auto max-md:max-h-[26vh]">
            {conflicts.map((chunk, index) => (
              <li key={index} className="rounded-md border border-line p-2">
                <fieldset disabled={edited !== null}>
                  <legend className="sr-only">
                    Conflict {index + 1} of {conflicts.length}
                  </legend>
                  <Version label={labels.mine} lines={chunk.mine} chosen={choices[index] === "mine" || choices[index] === "both"} />
                  <Version label={labels.theirs} lines={chunk.theirs} chosen={choices[index] === "theirs" || choices[index] === "both"} />
                  <div className="mt-1.5 flex flex-wrap gap-1">
                    {(
                      [
                        ["mine", labels.mine],
                        ["theirs", labels.theirs],
                        ["both", "Both"],
                      ] as const
                    ).map(([choice, label]) => (
                      <Button key={choice} small aria-pressed={choices[index] === choice} kind={choices[index] === choice ? "primary" : "secondary"} onClick={() => choose(index, choice)}>
                        {label}
                      </Button>
                    ))}
                  </div>
                </fieldset>
              </li>
            ))}
          </ol>
        )}
        <div className="flex min-h-0 min-w-0 flex-col">
          <div className="flex h-7 items-center text-[12px] font-medium text-muted">
            <span className="flex-1">Result{edited === null ? "" : ", edited by hand"}</span>
            {edited !== null && (
              <Button small kind="ghost" onClick={() => setEdited(null)}>
                Discard the edits
              </Button>
            )}
          </div>
          <ResultEditor path={path} text={text} onEdit={setEdited} />
        </div>
      </div>
    </div>
  );
}

function Version({ label, lines, chosen }: { readonly label: string; readonly lines: Lines; readonly chosen: boolean }) {
  return (
    <div className={`mb-1 border-l-2 pl-2 ${chosen ? "border-accent" : "border-line-strong"}`}>
      <p className="text-[11px] text-muted">{label}</p>
      <pre className="max-h-24 overflow-auto font-mono text-[12px] leading-4 whitespace-pre">{lines.length === 0 ? <i className="text-faint">nothing</i> : lines.join("\n")}</pre>
    </div>
  );
}

/** The result, to be edited. */
function ResultEditor({ path, text, onEdit }: { readonly path: string; readonly text: string; readonly onEdit: (text: string) => void }) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Monaco.editor.IStandaloneCodeEditor | null>(null);
  const shown = useRef(text);
  const [ready, setReady] = useState(false);

  useEffect(() => {
    let gone = false;
    let undo: (() => void) | undefined;
    void loadMonaco().then((monaco) => {
      if (gone || !host.current) return;
      const model = monaco.editor.createModel(shown.current, languageOf(path));
      const made = monaco.editor.create(host.current, { ...editorOptions, model, ariaLabel: "Result of the merge", lineNumbersMinChars: 3, unicodeHighlight: { ambiguousCharacters: false } });
      const edits = model.onDidChangeContent(() => {
        const now = model.getValue();
        if (now === shown.current) return;
        shown.current = now;
        onEdit(now);
      });
      editor.current = made;
      setReady(true);
      undo = () => {
        editor.current = null;
        edits.dispose();
        made.dispose();
        model.dispose();
      };
    });
    return () => {
      gone = true;
      undo?.();
    };
  }, [path, onEdit]);

  useEffect(() => {
    if (text === shown.current) return;
    shown.current = text;
    editor.current?.getModel()?.setValue(text);
  }, [text, ready]);

  return <div ref={host} className="h-[42vh] overflow-hidden rounded-md border border-line max-md:h-[30vh]" />;
}
