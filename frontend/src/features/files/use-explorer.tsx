"use client";

import { useState } from "react";
import type { Documents } from "@/features/editor/documents";
import { report } from "@/features/session/sign-out";
import { api } from "@/lib/api";
import { plural } from "@/lib/format";
import { baseName, joinPath, parentOf } from "@/lib/paths";
import { complain, inform } from "@/lib/toasts";
import { copyAll, failureWords, moveAll, removeAll, type Failure } from "./changes";
import { dropped } from "./dropped";
import type { FileStore } from "./file-store";
import type { Editing, TreeActions } from "./file-tree";
import type { Uploads } from "./uploads";

interface Options {
  readonly session: string;
  readonly files: FileStore;
  readonly uploads: Uploads;
  readonly documents: Documents;
  readonly onOpen: () => void;
  /** Shows the versions of a file. */
  readonly onHistory: (path: string) => void;
  /** Asks for files, a folder or a zip. */
  readonly onChoose: (what: "files" | "folder" | "zip", into: string) => void;
}

/** What the tree and its buttons do, with the words for what went wrong. */
export function useExplorer({ session, files, uploads, documents, onOpen, onHistory, onChoose }: Options) {
  const [editing, setEditing] = useState<Editing | null>(null);
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);

  const tell = (attempted: string, failures: readonly Failure[]) => {
    // One alone may say that the user is signed out.
    const [first] = failures;
    if (failures.length === 1 && first) report(`Could not ${attempted} ${first.path}`, first.error);
    else if (failures.length > 1) complain(failureWords(attempted, failures));
  };
  const copy = async (paths: readonly string[], folder: (path: string) => string) => {
    const { failures, left } = await copyAll(files, paths, folder);
    tell("copy", failures);
    if (left > 0) inform(`${plural(left, "entry is", "entries are")} not in the copy, being not saved.`);
  };
  const move = async (paths: readonly string[], into: string) => tell("move", await moveAll(files, paths, into, documents));
  const paste = async (into: string) => {
    const clipboard = files.clipboard.get();
    if (!clipboard) return;
    if (!clipboard.cut) return copy(clipboard.paths, () => into);
    files.clipboard.set(null);
    await move(clipboard.paths, into);
  };

  const actions: TreeActions = {
    onOpen: (path, preview = false) => {
      documents.open(path, { preview });
      onOpen();
    },
    onCreate: (what, parent) => {
      if (parent) files.toggle(parent, true);
      setEditing({ what, parent });
    },
    onRename: (item) => setEditing({ what: "rename", item }),
    onDelete: setDeleting,
    onMove: (paths, into) => void move(paths, into),
    onDrop: (data, into) => {
      dropped(data).then(
        (found) => {
          if (into) files.toggle(into, true);
          return uploads.add(found, into);
        },
        (error: unknown) => complain("Could not read what was dropped", error),
      );
    },
    onDownload: (paths) => {
      const [first] = paths;
      const single = paths.length === 1 && first !== undefined && files.state.get().tree.get(first)?.type === "file";
      window.location.assign(single ? api.rawURL(session, first) : api.archiveURL(session, paths));
    },
    onCopyPath: (paths) => {
      navigator.clipboard.writeText(paths.join("\n")).then(
        () => inform(paths.length === 1 ? "Path copied." : "Paths copied."),
        (failure: unknown) => report("Could not copy the path", failure),
      );
    },
    onClip: (paths, cut) => files.clipboard.set({ paths, cut }),
    onPaste: (into) => void paste(into),
    onDuplicate: (paths) => void copy(paths, parentOf),
    onHistory,
    onUpload: onChoose,
    onUndo: () => files.undo.get()?.(),
  };

  const finish = async (name: string) => {
    if (!editing) return;
    setEditing(null);
    try {
      if (editing.what === "rename") {
        const to = joinPath(parentOf(editing.item.path), name);
        await files.move(editing.item.path, to);
        documents.moved(editing.item.path, to);
        files.reveal(to);
      } else if (editing.what === "folder") {
        await files.createFolder(joinPath(editing.parent, name));
      } else {
        // Who makes a file wants to write in it.
        documents.reveal((await files.createFile(joinPath(editing.parent, name))).path, { line: 1 });
        onOpen();
      }
    } catch (failure) {
      report(editing.what === "rename" ? `Could not rename ${editing.item.path}` : `Could not create ${name}`, failure);
    }
  };
  const remove = async () => {
    if (!deleting) return;
    const { failures, removed, undo } = await removeAll(files, deleting, documents);
    tell("delete", failures);
    const [first] = removed;
    if (first === undefined) return;
    const what = removed.length === 1 ? baseName(first) : plural(removed.length, "entry", "entries");
    const bringBack = () => {
      if (files.undo.get() === bringBack) files.undo.set(null);
      void undo().then((left) => tell("bring back", left));
    };
    files.undo.set(bringBack);
    inform(`Deleted ${what}.`, { label: "Undo", run: bringBack });
  };
  return { actions, editing, deleting, finish, cancelEdit: () => setEditing(null), remove, keep: () => setDeleting(null) };
}
