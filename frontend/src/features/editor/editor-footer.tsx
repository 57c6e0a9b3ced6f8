"use client";

import { useCallback, useEffect, useState } from "react";
import { Menu, type MenuItem } from "@/components/ui/menu";
import { useStore } from "@/hooks/use-store";
import type { Document } from "./document";
import type { DocumentContent } from "./document-state";
import type { Documents } from "./documents";
import { encodings, type Encoding } from "./encoding";
import { languageLabel } from "./language";
import { indentationOf, languageIDs, setIndentation } from "./monaco";
import { tabSizes } from "@/lib/settings";

interface Props {
  readonly document: Document;
  readonly documents: Documents;
  readonly content: Extract<DocumentContent, { kind: "text" }>;
  readonly cursor: { readonly line: number; readonly column: number };
  readonly readOnly: boolean;
}

/** What is true of the text that is shown, and how that is changed. */
export function EditorFooter({ document: doc, documents, content, cursor, readOnly }: Props) {
  const { save, deleted, error, revision } = useStore(doc.state);
  const autosave = useStore(documents.autosave);
  const text = useTextFacts(doc);
  const locked = readOnly || content.readOnly;
  return (
    <footer className="@container h-6 shrink-0 border-t border-line bg-panel">
      <div className="flex h-full items-center gap-3 overflow-hidden px-3 text-[12px] whitespace-nowrap text-muted">
        <span role="status" className={`truncate ${error || save === "conflict" ? "text-bad" : ""}`} title={error || (save === "saved" && revision > 0 ? `Saved as revision ${revision}` : undefined)}>
          <span>{locked ? "Read only" : saveLabel(save, deleted, error)}</span>
          {!locked && !error && save === "saved" && !deleted && revision > 0 && <span className="@max-2xl:hidden"> at revision {revision}</span>}
        </span>
        <span className="ml-auto tabular-nums">
          Ln {cursor.line}, Col {cursor.column}
        </span>
        {text && (
          <>
            <Choice
              label="Indentation"
              shown={indentationLabel(text.indentation)}
              disabled={readOnly}
              hideBelow="lg"
              groups={["spaces", "tabs"].map((what) => tabSizes.map((size) => ({ label: indentationLabel(`${what} ${size}`), onSelect: () => setIndentation(doc, `${what} ${size}`) })))}
            />
            <Choice
              label="Encoding"
              shown={encodings[content.encoding]}
              disabled={readOnly || content.large}
              hideBelow="md"
              groups={[written.filter((encoding) => encoding !== content.encoding).map((encoding) => ({ label: `Save as ${encodings[encoding]}`, onSelect: () => doc.convert(encoding) }))]}
            />
            <Choice
              label="Line ends"
              shown={text.lineEnds}
              disabled={locked}
              hideBelow="md"
              groups={[(["LF", "CRLF"] as const).map((lineEnds) => ({ label: lineEnds === "LF" ? "LF (Linux, macOS)" : "CRLF (Windows)", onSelect: () => doc.buffer?.setLineEnds(lineEnds) }))]}
            />
            <Choice
              label="Language"
              shown={languageLabel(text.language)}
              disabled={content.large}
              hideBelow="sm"
              groups={[text.languages.map((id) => ({ label: languageLabel(id), onSelect: () => doc.buffer?.setLanguage(id) }))]}
            />
          </>
        )}
        {!readOnly && (
          <button type="button" aria-pressed={autosave} className="hover:text-text" onClick={() => documents.autosave.set(!autosave)}>
            Autosave {autosave ? "on" : "off"}
          </button>
        )}
      </div>
    </footer>
  );
}

interface TextFacts {
  readonly language: string;
  readonly languages: readonly string[];
  readonly lineEnds: string;
  readonly indentation: string;
}

/** What the editor's model says of itself; it tells of a change. */
function useTextFacts(doc: Document): TextFacts | null {
  const [facts, setFacts] = useState<TextFacts | null>(null);
  useEffect(() => {
    const { buffer } = doc;
    if (!buffer) return;
    const read = () => {
      const next = { language: buffer.language, languages: languageIDs(), lineEnds: buffer.lineEnds, indentation: indentationOf(doc) };
      setFacts((now) => (now?.language === next.language && now.lineEnds === next.lineEnds && now.indentation === next.indentation ? now : next));
    };
    read();
    return buffer.onFacts(read);
  }, [doc]);
  return facts;
}

const written: readonly Encoding[] = ["utf-8", "utf-8-bom"];

function indentationLabel(indentation: string): string {
  const [what = "", size = ""] = indentation.split(" ");
  return `${what === "tabs" ? "Tabs" : "Spaces"}: ${size}`;
}

interface ChoiceProps {
  readonly label: string;
  /** What holds now. */
  readonly shown: string;
  readonly disabled: boolean;
  /** How wide its group of tabs has to be for it to have room. */
  readonly hideBelow: "sm" | "md" | "lg";
  readonly groups: readonly (readonly MenuItem[])[];
}

const hidden = { sm: "@max-md:hidden", md: "@max-lg:hidden", lg: "@max-xl:hidden" } as const;

function Choice({ label, shown, disabled, hideBelow, groups }: ChoiceProps) {
  const [at, setAt] = useState<{ x: number; y: number; end: true } | null>(null);
  const close = useCallback(() => setAt(null), []);
  return (
    <>
      <button
        type="button"
        aria-label={`${label}: ${shown}`}
        title={label}
        aria-haspopup="menu"
        disabled={disabled}
        onClick={({ currentTarget }) => {
          const { right, top } = currentTarget.getBoundingClientRect();
          setAt({ x: right, y: top, end: true });
        }}
        className={`rounded px-1 enabled:hover:bg-hover enabled:hover:text-text ${hidden[hideBelow]}`}
      >
        {shown}
      </button>
      {at && <Menu label={label} at={at} groups={groups} onClose={close} />}
    </>
  );
}

function saveLabel(save: string, deleted: boolean, error: string): string {
  if (error) return `Not saved: ${error}`;
  if (deleted) return "Deleted";
  return { saved: "Saved", unsaved: "Unsaved changes", saving: "Saving…", conflict: "Conflict" }[save] ?? save;
}
