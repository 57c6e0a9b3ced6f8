"use client";

import { ChevronsDownUp, Download, FilePlus, FolderPlus, RefreshCw, Upload } from "lucide-react";
import { useRef, useState } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import type { Documents } from "@/features/editor/documents";
import { report } from "@/features/session/sign-out";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { joinPath, movedPath, parentOf } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import { inform } from "@/lib/toasts";
import { FileTree, type Editing } from "./file-tree";
import type { FileStore } from "./file-store";

interface Props {
  readonly session: string;
  readonly files: FileStore;
  readonly documents: Documents;
  /** Looks only: nothing here changes a file. */
  readonly readOnly: boolean;
  readonly onOpen: () => void;
  /** Shows the versions of a file. */
  readonly onHistory: (path: string) => void;
}

/** The files of the session, and what is done with them. */
export function FilePane({ session, files, documents, readOnly, onOpen, onHistory }: Props) {
  const { status, tree, error } = useStore(files.state);
  const selected = useStore(files.selected);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [deleting, setDeleting] = useState<Item | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const [uploadTo, setUploadTo] = useState("");

  /** The folder that is meant when none is named: the selected one, or the one around the selection. */
  const folder = () => (tree.get(selected)?.type === "folder" ? selected : tree.has(selected) ? parentOf(selected) : "");

  const create = (what: "file" | "folder", parent: string) => {
    if (parent) files.toggle(parent, true);
    setEditing({ what, parent });
  };
  const finish = async (name: string) => {
    if (!editing) return;
    setEditing(null);
    try {
      if (editing.what === "rename") {
        const to = joinPath(parentOf(editing.item.path), name);
        await files.move(editing.item.path, to);
        documents.moved(editing.item.path, to);
      } else if (editing.what === "folder") {
        await files.createFolder(joinPath(editing.parent, name));
      } else {
        documents.open((await files.createFile(joinPath(editing.parent, name))).path);
        onOpen();
      }
    } catch (failure) {
      report(editing.what === "rename" ? `Could not rename ${editing.item.path}` : `Could not create ${name}`, failure);
    }
  };
  const move = async (from: string, into: string) => {
    const to = movedPath(from, from, joinPath(into, from.slice(from.lastIndexOf("/") + 1)));
    if (to === from) return;
    try {
      await files.move(from, to);
      documents.moved(from, to);
    } catch (failure) {
      report(`Could not move ${from}`, failure);
    }
  };
  const remove = async ({ path, name }: Item) => {
    try {
      const undo = await files.remove(path);
      documents.removed(path);
      inform(`Deleted ${name}.`, { label: "Undo", run: () => void undo().catch((failure: unknown) => report(`Could not bring ${path} back`, failure)) });
    } catch (failure) {
      report(`Could not delete ${path}`, failure);
    }
  };
  const upload = async (list: readonly File[], into: string) => {
    if (list.length === 0) return;
    try {
      await files.upload(into, list);
      if (into) files.toggle(into, true);
    } catch (failure) {
      report("Could not upload", failure);
    }
  };

  return (
    <section aria-label="Explorer" className="flex min-h-0 w-full flex-1 flex-col bg-panel">
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
            <IconButton
              label="Upload files"
              onClick={() => {
                setUploadTo(folder());
                input.current?.click();
              }}
            >
              <Upload size={15} aria-hidden />
            </IconButton>
          </>
        )}
        <a href={api.archiveURL(session)} download aria-label="Download as zip" title="Download as zip" className="inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text">
          <Download size={15} aria-hidden />
        </a>
        <IconButton label="Collapse all" onClick={() => files.collapseAll()}>
          <ChevronsDownUp size={15} aria-hidden />
        </IconButton>
      </div>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          void upload([...(event.target.files ?? [])], uploadTo);
          event.target.value = "";
        }}
      />
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
          onEdited={(name) => void finish(name)}
          onCancelEdit={() => setEditing(null)}
          onOpen={(path) => {
            documents.open(path);
            onOpen();
          }}
          onCreate={create}
          onHistory={(item) => onHistory(item.path)}
          onRename={(item) => setEditing({ what: "rename", item })}
          onDelete={setDeleting}
          onMove={(from, into) => void move(from, into)}
          onUpload={(list, into) => void upload(list, into)}
          onDownload={(item) => window.location.assign(api.rawURL(session, item.path))}
          onCopyPath={(item) => {
            navigator.clipboard.writeText(item.path).then(
              () => inform("Path copied."),
              (failure: unknown) => report("Could not copy the path", failure),
            );
          }}
        />
      )}
      {deleting && (
        <Confirm
          title={`Delete “${deleting.name}”?`}
          action="Delete"
          onClose={() => setDeleting(null)}
          onConfirm={() => remove(deleting)}
        >
          {deleting.type === "folder" ? "The folder is deleted with everything in it." : "The file is deleted from the workspace."} The history keeps {deleting.type === "folder" ? "what was saved of it" : deleting.saved ? "it" : "nothing of it, since it was never saved"}.
        </Confirm>
      )}
    </section>
  );
}
