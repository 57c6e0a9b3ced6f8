"use client";

import { ChevronsDownUp, Download, FilePlus, Filter, FolderPlus, RefreshCw, Upload } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import type { Documents } from "@/features/editor/documents";
import { report } from "@/features/session/sign-out";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { plural } from "@/lib/format";
import { baseName, joinPath, parentOf } from "@/lib/paths";
import { inform } from "@/lib/toasts";
import { FileActions } from "./file-actions";
import { FileTree, type Editing, type UploadKind } from "./file-tree";
import type { FileStore } from "./file-store";
import { TakenDialog, type Taken } from "./taken-dialog";
import { UploadProgress } from "./upload-progress";
import { chosenFiles, droppedFiles, type Picked, type Uploads } from "./uploads";

interface Props {
  readonly session: string;
  readonly files: FileStore;
  readonly documents: Documents;
  readonly uploads: Uploads;
  /** Looks only: nothing here changes a file. */
  readonly readOnly: boolean;
  readonly onOpen: () => void;
  /** Shows the versions of a file. */
  readonly onHistory: (path: string) => void;
}

/** The files of the session, and what is done with them. */
export function FilePane({ session, files, documents, uploads, readOnly, onOpen, onHistory }: Props) {
  const { status, tree, error } = useStore(files.state);
  const { focus } = useStore(files.selection);
  const actions = useMemo(() => new FileActions(files, documents), [files, documents]);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);
  const [taken, setTaken] = useState<{ picked: readonly Picked[]; into: string; paths: readonly string[] } | null>(null);
  /** null: the box is closed. */
  const [filter, setFilter] = useState<string | null>(null);

  /** The folder that is meant when none is named: the one with the focus, or the one around it. */
  const folder = () => (tree.get(focus)?.type === "folder" ? focus : tree.has(focus) ? parentOf(focus) : "");

  const create = (what: "file" | "folder", parent: string) => {
    setFilter(null);
    if (parent) files.toggle(parent, true);
    setEditing({ what, parent });
  };
  const finish = async (name: string) => {
    if (!editing) return;
    setEditing(null);
    try {
      if (editing.what === "rename") {
        await actions.moveTo(editing.item.path, joinPath(parentOf(editing.item.path), name));
      } else if (editing.what === "folder") {
        await files.createFolder(joinPath(editing.parent, name));
      } else {
        documents.open((await files.createFile(joinPath(editing.parent, name))).path);
        onOpen();
      }
    } catch (failure) {
      report(`Could not create ${name}`, failure);
    }
  };
  const upload = (picked: readonly Picked[], into: string) => {
    const paths = picked.map(({ path, file }) => (file ? joinPath(into, path) : "")).filter((path) => tree.has(path));
    if (paths.length > 0) {
      setTaken({ picked, into, paths });
      return;
    }
    if (into) files.toggle(into, true);
    uploads.add(picked, into);
  };
  const uploadTaken = (choice: Taken) => {
    if (!taken) return;
    const { picked, into, paths } = taken;
    const there = new Set(paths);
    setTaken(null);
    uploads.add(
      picked.flatMap((each) => {
        const path = joinPath(into, each.path);
        if (!there.has(path) || choice === "replace") return [each];
        if (choice === "skip") return [];
        const free = files.freePath(parentOf(path), baseName(path));
        return [{ ...each, path: into ? free.slice(into.length + 1) : free }];
      }),
      into,
    );
  };
  const unpack = async (zip: File, into: string) => {
    try {
      inform(`Unpacking ${zip.name}…`);
      const { files: count, skipped } = await api.unpack(session, into, zip, () => undefined, new AbortController().signal);
      inform(`Unpacked ${plural(count, "file")}${skipped.length > 0 ? `; left out, since links cannot be unpacked: ${skipped.slice(0, 5).join(", ")}` : ""}.`);
      if (into) files.toggle(into, true);
    } catch (failure) {
      report(`Could not unpack ${zip.name}`, failure);
    }
  };
  const pickers = useRef<Partial<Record<UploadKind, HTMLInputElement | null>>>({});
  const target = useRef("");
  const pick = (kind: UploadKind, into: string) => {
    target.current = into;
    pickers.current[kind]?.click();
  };
  const picker = (kind: UploadKind) => (
    <input
      ref={(input) => {
        pickers.current[kind] = input;
        // React knows no such property.
        if (kind === "folder") input?.setAttribute("webkitdirectory", "");
      }}
      type="file"
      data-upload={kind}
      multiple={kind !== "zip"}
      accept={kind === "zip" ? ".zip,application/zip" : undefined}
      hidden
      onChange={({ target: input }) => {
        const zip = input.files?.[0];
        if (kind !== "zip") upload(chosenFiles(input.files), target.current);
        else if (zip) void unpack(zip, target.current);
        input.value = "";
      }}
    />
  );

  return (
    <section aria-label="Explorer" className="flex min-h-0 w-full min-w-0 flex-1 flex-col bg-panel">
      <div className="flex h-9 shrink-0 items-center pr-1 pl-3">
        <h2 className="flex-1 text-[12px] font-semibold text-muted">Files</h2>
        {!readOnly && (
          <>
            <IconButton label="New file" onClick={() => create("file", folder())}>
              <FilePlus size={15} aria-hidden />
            </IconButton>
            <IconButton label="New folder" onClick={() => create("folder", folder())}>
              <FolderPlus size={15} aria-hidden />
            </IconButton>
            <IconButton label="Upload files" onClick={() => pick("files", folder())}>
              <Upload size={15} aria-hidden />
            </IconButton>
          </>
        )}
        <a href={api.archiveURL(session)} download aria-label="Download as zip" title="Download as zip" className="inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text">
          <Download size={15} aria-hidden />
        </a>
        <IconButton label="Filter by name" aria-pressed={filter !== null} onClick={() => setFilter(filter === null ? "" : null)}>
          <Filter size={14} aria-hidden />
        </IconButton>
        <IconButton label="Collapse all" onClick={() => files.collapseAll()}>
          <ChevronsDownUp size={15} aria-hidden />
        </IconButton>
      </div>
      {picker("files")}
      {picker("folder")}
      {picker("zip")}
      {filter !== null && <FilterBox text={filter} onChange={setFilter} onClose={() => setFilter(null)} />}
      {status === "failed" && (
        <div className="px-3 py-4 text-[13px]">
          <p className="text-bad">{error}</p>
          <Button small className="mt-2" onClick={() => void files.load()}>
            <RefreshCw size={13} aria-hidden /> Try again
          </Button>
        </div>
      )}
      {status === "loading" ? (
        <div role="status" aria-label="Loading files" className="space-y-2.5 px-3 pt-2">
          {[60, 90, 72].map((width) => (
            <div key={width} className="pulse h-3 rounded bg-hover" style={{ width }} />
          ))}
        </div>
      ) : (
        <FileTree
          files={files}
          readOnly={readOnly}
          editing={editing}
          filter={filter ?? ""}
          onEdited={(name) => void finish(name)}
          onCancelEdit={() => setEditing(null)}
          onOpen={(path) => {
            documents.open(path);
            onOpen();
          }}
          onCreate={create}
          onHistory={(item) => onHistory(item.path)}
          onRename={(item) => setEditing({ what: "rename", item })}
          onDelete={() => setDeleting(files.chosen())}
          onMove={(paths, into) => void actions.move(paths, into)}
          onCut={() => actions.cut()}
          onCopy={() => actions.copy()}
          onPaste={(into) => void actions.paste(into)}
          onDuplicate={() => void actions.duplicate()}
          onDrop={(transfer, into) => {
            droppedFiles(transfer).then(
              (picked) => upload(picked, into),
              (failure: unknown) => report("Could not read what was dropped", failure),
            );
          }}
          onUpload={pick}
          onDownload={(item) => window.location.assign(item.type === "folder" ? api.archiveURL(session, item.path) : api.rawURL(session, item.path))}
          onCopyPath={(item) => {
            navigator.clipboard.writeText(item.path).then(
              () => inform("Path copied."),
              (failure: unknown) => report("Could not copy the path", failure),
            );
          }}
        />
      )}
      <UploadProgress uploads={uploads} />
      {deleting && deleting.length > 0 && (
        <Confirm title={deleting.length === 1 ? `Delete “${baseName(deleting[0] ?? "")}”?` : `Delete ${deleting.length} entries?`} action="Delete" onClose={() => setDeleting(null)} onConfirm={() => actions.remove(deleting)}>
          {deletionWords(deleting.map((path) => tree.get(path)))}
        </Confirm>
      )}
      {taken && <TakenDialog paths={taken.paths} onChoose={uploadTaken} onClose={() => setTaken(null)} />}
    </section>
  );
}

/** What is deleted, and what of it can be brought back. */
function deletionWords(items: readonly ({ readonly type: string; readonly saved: boolean } | undefined)[]): string {
  const [first] = items;
  const unsaved = items.some((item) => item?.saved === false);
  const what = items.length > 1 ? "They are deleted, folders with everything in them." : first?.type === "folder" ? "The folder is deleted with everything in it." : "The file is deleted from the workspace.";
  return `${what} The history keeps ${unsaved ? "what was saved; what is marked as not saved cannot be brought back" : first?.type === "folder" || items.length > 1 ? "what was saved" : "it"}.`;
}

function FilterBox({ text, onChange, onClose }: { readonly text: string; readonly onChange: (text: string) => void; readonly onClose: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <div className="shrink-0 px-2 pb-2">
      <input
        ref={input}
        type="search"
        aria-label="Filter files by name"
        placeholder="Filter by name"
        value={text}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
        }}
        className="h-7 w-full rounded-md border border-line-strong bg-bg px-2 text-[13px] placeholder:text-faint pointer-coarse:h-9"
      />
    </div>
  );
}
