"use client";

import { FileWarning } from "lucide-react";
import dynamic from "next/dynamic";
import { useCallback, useDeferredValue, useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import type { FileStore } from "@/features/files/file-store";
import { unsavedReason } from "@/features/files/tree";
import { Boundary } from "@/features/viewers/boundary";
import { mostPlayedBytes, mostPreviewedBytes, previewKind, type PreviewKind } from "@/features/viewers/kind";
import type { Surroundings } from "@/features/viewers/markdown";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatBytes } from "@/lib/format";
import { CodeEditor } from "./code-editor";
import type { Document } from "./document";
import type { View } from "./document-state";
import type { Documents } from "./documents";
import { EditorFooter } from "./editor-footer";
import { encodings } from "./encoding";
import { mostShownBytes } from "./parts";

// What shows other things than text is loaded with the first of them.
const BinaryView = dynamic(() => import("@/features/viewers/binary-view"), { ssr: false });
const PreviewView = dynamic(() => import("@/features/viewers/preview-view"), { ssr: false });
const TooLarge = dynamic(() => import("@/features/viewers/too-large").then((module) => module.TooLarge), { ssr: false });
// So is what decides between two versions.
const ConflictDialog = dynamic(() => import("./conflict-dialog").then((module) => module.ConflictDialog), { ssr: false });
const StoredConflictDialog = dynamic(() => import("./stored-conflict-dialog").then((module) => module.StoredConflictDialog), { ssr: false });

interface Props {
  readonly session: string;
  /** The group of tabs that it is in. */
  readonly group: number;
  /** It has the keys: of several views of a file, the one that asks. */
  readonly focused: boolean;
  readonly document: Document;
  readonly documents: Documents;
  readonly files: FileStore;
  readonly readOnly: boolean;
  readonly onClose: () => void;
}

export function DocumentView({ session, group, focused, document: doc, documents, files, readOnly, onClose }: Props) {
  const { path, content, revision, size, deleted, theirs } = useStore(doc.state);
  const { tree } = useStore(files.state);
  const chosen = useStore(doc.viewIn(group));
  const preview = previewKind(path);
  const view: View = content.kind === "text" && preview === null ? "source" : chosen;
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
      {content.kind === "text" && content.large && (view === "source" || preview === "table") && <LargeBanner document={doc} download={api.rawURL(session, path)} />}
      {content.kind === "text" && !content.large && content.readOnly && (
        <Banner tone="warn">
          This file is in {encodings[content.encoding]}, which is not edited here.
          {!readOnly && (
            <Button small className="ml-auto" onClick={() => doc.convert("utf-8")}>
              Edit as UTF-8
            </Button>
          )}
        </Banner>
      )}

      {content.kind === "text" && view === "source" && (
        <CodeEditor document={doc} documents={documents} group={group} readOnly={readOnly || content.readOnly} light={content.large} onCursor={onCursor} />
      )}
      {content.kind === "text" && view === "preview" && preview !== null && (
        <Boundary key="preview">
          {content.large && preview !== "table" && size > mostPreviewedBytes ? (
            <TooLarge size={size} most={mostPreviewedBytes} download={api.rawURL(session, path)} />
          ) : (
            <TextPreview session={session} document={doc} documents={documents} files={files} kind={preview} whole={content.large && preview !== "table"} />
          )}
        </Boundary>
      )}
      {content.kind === "bytes" && (
        <Boundary key={`bytes ${view}`}>
          <BinaryView path={path} revision={revision} bytes={content.bytes} raw={view === "source"} download={api.rawURL(session, path)} />
        </Boundary>
      )}
      {content.kind === "loading" && (
        <div role="status" aria-label="Loading" className="flex-1 space-y-3 p-4">
          {[40, 65, 52, 30].map((width) => (
            <div key={width} className="pulse h-3 rounded bg-hover" style={{ width: `${width}%` }} />
          ))}
        </div>
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

      {content.kind === "text" && view === "source" && <EditorFooter document={doc} documents={documents} content={content} cursor={cursor} readOnly={readOnly} />}
      {focused && stored && settling && <StoredConflictDialog session={session} document={doc} conflict={stored} onClose={() => setSettling(false)} />}
      {focused && theirs && later !== theirs.revision && (
        <ConflictDialog document={doc} theirs={theirs.text} readable={theirs.readable} taken={(candidate) => tree.has(candidate)} onClose={() => setLater(theirs.revision)} />
      )}
    </>
  );
}

/** How much of a large text is shown, and more of it. */
function LargeBanner({ document: doc, download }: { readonly document: Document; readonly download: string }) {
  const { size } = useStore(doc.state);
  const { read, busy, error } = useStore(doc.reading);
  const whole = read >= size;
  return (
    <Banner tone={error === "" ? "warn" : "bad"}>
      <span className="min-w-0">
        {error !== ""
          ? `The next part could not be read: ${error}`
          : whole
            ? `Too large to edit here (${formatBytes(size)}): shown read-only.`
            : `Too large to edit here: the first ${formatBytes(read)} of ${formatBytes(size)} are shown, read-only.`}
      </span>
      {!whole && read < mostShownBytes && (
        <Button small className="ml-auto" disabled={busy} onClick={() => void doc.more()}>
          {busy ? "Loading…" : "Show more"}
        </Button>
      )}
      {!whole && read >= mostShownBytes && (
        <a className="ml-auto shrink-0 font-medium text-accent-text hover:underline" href={download}>
          Download
        </a>
      )}
    </Banner>
  );
}

interface TextPreviewProps {
  readonly session: string;
  readonly document: Document;
  readonly documents: Documents;
  readonly files: FileStore;
  readonly kind: PreviewKind;
  /** All of a large text is needed before any of it can be shown. */
  readonly whole: boolean;
}

/** A text as what it stands for, and what follows when it is edited beside. */
function TextPreview({ session, document: doc, documents, files, kind, whole }: TextPreviewProps) {
  const { path, size } = useStore(doc.state);
  const { read, error } = useStore(doc.reading);
  const { buffer } = doc;
  const due = whole && read < size;
  useEffect(() => {
    if (due && error === "") void doc.reach({ bytes: size });
  }, [due, error, doc, size]);
  const text = useSyncExternalStore(
    useCallback((changed: () => void) => buffer?.onChange(changed) ?? (() => undefined), [buffer]),
    () => buffer?.text() ?? "",
    () => "",
  );
  const around = useMemo<Surroundings>(
    () => ({
      path,
      open: (target) => documents.open(target),
      bytes: (target) => {
        const item = files.state.get().tree.get(target);
        if (!item || item.size === 0 || item.size > mostPlayedBytes) return Promise.reject(new Error(`${target} cannot be shown`));
        return api.bytes(session, target, { revision: item.revision, start: 0, end: item.size });
      },
    }),
    [session, path, documents, files],
  );
  const shown = useDeferredValue(text);
  if (due) {
    return (
      <p role="status" className="p-6 text-[13px] text-muted">
        {formatBytes(read)} of {formatBytes(size)} are there…
      </p>
    );
  }
  return <PreviewView kind={kind} text={shown} around={around} />;
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
