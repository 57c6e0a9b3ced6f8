"use client";

import { FileWarning, Image as ImageIcon } from "lucide-react";
import { useCallback, useEffect, useState, type ReactNode } from "react";
import { Mark } from "@/components/brand";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import type { Commands } from "@/features/commands/commands";
import type { FileStore } from "@/features/files/file-store";
import { unsavedReason } from "@/features/files/tree";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatBytes } from "@/lib/format";
import { baseName } from "@/lib/paths";
import { complain } from "@/lib/toasts";
import { CodeEditor } from "./code-editor";
import { ConflictDialog } from "./conflict-dialog";
import { StoredConflictDialog } from "./stored-conflict-dialog";
import type { Document } from "./document";
import type { Documents } from "./documents";
import { EditorTabs } from "./editor-tabs";
import { languageLabel, languageOf } from "./language";

interface Props {
  readonly session: string;
  readonly commands: Commands;
  readonly documents: Documents;
  readonly files: FileStore;
  /** Looks only: nothing here changes a file. */
  readonly readOnly: boolean;
}

export function EditorPane({ session, commands, documents, files, readOnly }: Props) {
  const { active } = useStore(documents.state);
  const [closing, setClosing] = useState<Document | null>(null);
  const close = (tab: Document) => {
    if (tab.dirty) setClosing(tab);
    else documents.close(tab);
  };

  useEffect(() => {
    const save = () => {
      if (readOnly) return;
      const { active: shown } = documents.state.get();
      void shown?.save().then((saved) => {
        const { save: state, error } = shown.state.get();
        if (!saved && state !== "conflict") complain(`${shown.path} is not saved${error ? `: ${error}` : ""}`);
      });
    };
    const closeShown = () => {
      const { active: shown } = documents.state.get();
      if (shown?.dirty) setClosing(shown);
      else if (shown) documents.close(shown);
    };
    const open = () => documents.state.get().active !== null;
    return commands.register(
      // Without a file or the right to change one, the key does nothing: the browser would save the page.
      { id: "file.save", title: "File: Save", keys: ["Mod+S"], hidden: readOnly, run: save },
      { id: "file.close", title: "File: Close", when: open, run: closeShown },
    );
  }, [commands, documents, readOnly]);

  return (
    <section aria-label="Editor" className="flex min-h-0 w-full flex-1 flex-col bg-bg">
      <EditorTabs documents={documents} onClose={close} />
      {active ? (
        <div id="editor-panel" role="tabpanel" aria-label={baseName(active.path)} className="flex min-h-0 flex-1 flex-col">
          <DocumentView session={session} document={active} documents={documents} files={files} readOnly={readOnly} onClose={() => documents.close(active)} />
        </div>
      ) : (
        <Placeholder readOnly={readOnly} />
      )}
      {closing && (
        <Dialog title={`Save ${baseName(closing.path)} before closing?`} onClose={() => setClosing(null)}>
          <p className="mt-2 text-muted">It has changes that are not saved.</p>
          <DialogActions>
            <Button onClick={() => setClosing(null)}>Cancel</Button>
            <Button
              onClick={() => {
                documents.close(closing);
                setClosing(null);
              }}
            >
              Close without saving
            </Button>
            <Button
              kind="primary"
              onClick={() => {
                void closing.save().then((saved) => {
                  if (saved) documents.close(closing);
                  else complain(`${closing.path} is not saved`);
                  setClosing(null);
                });
              }}
            >
              Save
            </Button>
          </DialogActions>
        </Dialog>
      )}
    </section>
  );
}

function Placeholder({ readOnly }: { readonly readOnly: boolean }) {
  const look = [["Open a file", "Ctrl P"], ["Search in files", "Ctrl Shift F"], ["All commands", "F1"]] as const;
  const keys = readOnly ? look : ([...look, ["Save", "Ctrl S"], ["Run the open file", "Ctrl Enter"]] as const);
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-5 p-6 text-[13px] text-muted">
      <Mark size={32} />
      <dl className="grid grid-cols-[auto_auto] gap-x-6 gap-y-1.5">
        {keys.map(([what, how]) => (
          <div key={what} className="contents">
            <dt className="text-right">{what}</dt>
            <dd className="text-text">{how}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

interface ViewProps {
  readonly session: string;
  readonly document: Document;
  readonly documents: Documents;
  readonly files: FileStore;
  readonly readOnly: boolean;
  readonly onClose: () => void;
}

function DocumentView({ session, document: doc, documents, files, readOnly, onClose }: ViewProps) {
  const { path, content, save, size, deleted, theirs, error } = useStore(doc.state);
  const { tree } = useStore(files.state);
  const autosave = useStore(documents.autosave);
  const [cursor, setCursor] = useState({ line: 1, column: 1 });
  /** The other version that the user wants to decide on later. */
  const [later, setLater] = useState(0);
  const onCursor = useCallback((line: number, column: number) => setCursor({ line, column }), []);
  const item = tree.get(path);
  const stored = useStore(documents.conflicts).get(path);
  const [settling, setSettling] = useState(false);

  return (
    <>
      {theirs && (
        <Banner tone="bad">
          This file was changed elsewhere while you edited it.
          <Button small className="ml-auto" onClick={() => setLater(0)}>
            Compare…
          </Button>
        </Banner>
      )}
      {stored && !theirs && !readOnly && (
        <Banner tone="warn">
          The editor and a program changed this file at the same time: both versions are kept.
          <Button small className="ml-auto" onClick={() => setSettling(true)}>
            Merge…
          </Button>
        </Banner>
      )}
      {deleted && (
        <Banner tone="warn">
          {readOnly ? "This file was deleted." : "This file was deleted. Saving creates it again."}
          {!readOnly && (
            <Button small className="ml-auto" onClick={() => void doc.save()}>
              Save
            </Button>
          )}
          <Button small kind="ghost" className={readOnly ? "ml-auto" : ""} onClick={onClose}>
            Close
          </Button>
        </Banner>
      )}
      {item && !item.saved && content.kind === "text" && <Banner tone="warn">{unsavedReason(item.unsaved_reason)}. Use it in the terminal.</Banner>}
      {content.kind === "text" && content.readOnly && <Banner tone="warn">Too large to edit here ({formatBytes(size)}): shown read-only.</Banner>}

      {content.kind === "text" && <CodeEditor document={doc} documents={documents} readOnly={readOnly || content.readOnly} onCursor={onCursor} />}
      {content.kind === "loading" && (
        <div role="status" aria-label="Loading" className="flex-1 space-y-3 p-4">
          {[40, 65, 52, 30].map((width) => (
            <div key={width} className="pulse h-3 rounded bg-hover" style={{ width: `${width}%` }} />
          ))}
        </div>
      )}
      {content.kind === "image" && (
        <div className="flex min-h-0 flex-1 items-center justify-center overflow-auto bg-panel p-6">
          {/* eslint-disable-next-line @next/next/no-img-element -- a data URL has nothing to optimise */}
          <img src={content.url} alt={baseName(path)} className="max-h-full max-w-full object-contain" />
        </div>
      )}
      {content.kind === "binary" && (
        <Notice icon={<ImageIcon size={24} aria-hidden />} title="Binary file" text={`${formatBytes(size)}. It cannot be shown as text.`}>
          <a className="mt-3 inline-flex h-8 items-center rounded-md border border-line-strong bg-raised px-3 text-[13px] font-medium hover:bg-hover" href={api.rawURL(session, path)}>
            Download
          </a>
        </Notice>
      )}
      {content.kind === "unavailable" && (
        <Notice
          icon={<FileWarning size={24} aria-hidden />}
          title={item && !item.saved ? "Only in the running session" : "This file cannot be shown"}
          text={item && !item.saved ? `${unsavedReason(item.unsaved_reason)} (${formatBytes(item.size)}). It can be used in the terminal.` : content.message}
        >
          <Button className="mt-3" onClick={() => void doc.load()}>
            Try again
          </Button>
        </Notice>
      )}

      {content.kind === "text" && (
        <footer className="flex h-6 shrink-0 items-center gap-4 border-t border-line bg-panel px-3 text-[12px] whitespace-nowrap text-muted">
          <span role="status" className={`truncate ${error ? "text-bad" : ""}`} title={error || undefined}>
            {readOnly ? "Read only" : saveLabel(save, deleted, error)}
          </span>
          <span className="ml-auto tabular-nums">
            Ln {cursor.line}, Col {cursor.column}
          </span>
          <span className="max-sm:hidden">{languageLabel(languageOf(path))}</span>
          {!readOnly && (
            <button type="button" aria-pressed={autosave} className="hover:text-text" onClick={() => documents.autosave.set(!autosave)}>
              Autosave {autosave ? "on" : "off"}
            </button>
          )}
        </footer>
      )}
      {stored && settling && <StoredConflictDialog session={session} document={doc} conflict={stored} onClose={() => setSettling(false)} />}
      {theirs && later !== theirs.revision && (
        <ConflictDialog document={doc} theirs={theirs.text} readable={theirs.readable} taken={(candidate) => tree.has(candidate)} onClose={() => setLater(theirs.revision)} />
      )}
    </>
  );
}

function saveLabel(save: string, deleted: boolean, error: string): string {
  if (error) return `Not saved: ${error}`;
  if (deleted) return "Deleted";
  return { saved: "Saved", unsaved: "Unsaved changes", saving: "Saving…", conflict: "Conflict" }[save] ?? save;
}

function Banner({ tone, children }: { readonly tone: "warn" | "bad"; readonly children: ReactNode }) {
  return (
    <div role="status" className={`flex min-h-9 shrink-0 items-center gap-2 border-b border-line bg-panel px-3 py-1 text-[13px] ${tone === "bad" ? "text-bad" : "text-warn"}`}>
      {children}
    </div>
  );
}

function Notice({ icon, title, text, children }: { readonly icon: ReactNode; readonly title: string; readonly text: string; readonly children: ReactNode }) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center p-6 text-center">
      <span className="text-faint">{icon}</span>
      <h2 className="mt-2 font-semibold">{title}</h2>
      <p className="mt-1 max-w-md text-[13px] text-muted">{text}</p>
      {children}
    </div>
  );
}
