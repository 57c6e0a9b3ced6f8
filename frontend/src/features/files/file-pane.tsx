"use client";

import { ChevronsDownUp, Download, EllipsisVertical, FileArchive, FilePlus, FolderPlus, FolderUp, ListFilter, RefreshCw, Upload } from "lucide-react";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Menu } from "@/components/ui/menu";
import type { Documents } from "@/features/editor/documents";
import { useMedia } from "@/hooks/use-media";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { plural } from "@/lib/format";
import { parentOf } from "@/lib/paths";
import { chosen } from "./dropped";
import { FileTree } from "./file-tree";
import type { FileStore } from "./file-store";
import { filtered } from "./rows";
import { treeMenu } from "./tree-menu";
import { UploadRow } from "./upload-row";
import type { Uploads } from "./uploads";
import { useExplorer } from "./use-explorer";

interface Props {
  readonly session: string;
  readonly files: FileStore;
  readonly uploads: Uploads;
  readonly documents: Documents;
  /** Looks only: nothing here changes a file. */
  readonly readOnly: boolean;
  readonly onOpen: () => void;
  /** Shows the versions of a file. */
  readonly onHistory: (path: string) => void;
}

/** The files of the session, and what is done with them. */
export function FilePane({ session, files, uploads, documents, readOnly, onOpen, onHistory }: Props) {
  const { status, tree, error } = useStore(files.state);
  const expanded = useStore(files.expanded);
  const filter = useStore(files.filter);
  const filesInput = useRef<HTMLInputElement>(null);
  const folderInput = useRef<HTMLInputElement>(null);
  const zipInput = useRef<HTMLInputElement>(null);
  const uploadTo = useRef("");
  const [more, setMore] = useState<{ x: number; y: number; end: true } | null>(null);
  const closeMore = useCallback(() => setMore(null), []);

  const choose = (what: "files" | "folder" | "zip", into: string) => {
    uploadTo.current = into;
    if (into) files.toggle(into, true);
    (what === "files" ? filesInput : what === "folder" ? folderInput : zipInput).current?.click();
  };
  const { actions, editing, deleting, finish, cancelEdit, remove, keep } = useExplorer({ session, files, uploads, documents, onOpen, onHistory, onChoose: choose });

  const { active } = useStore(documents.state);
  const follow = useStore(files.follow);
  const shown = active?.path ?? "";
  useEffect(() => {
    // What is selected already may be one of several.
    if (follow && shown !== "" && files.state.get().tree.has(shown) && !files.selection.get().paths.has(shown)) files.reveal(shown);
  }, [files, follow, shown]);

  const wanted = useDeferredValue(filter?.trim() ?? "");
  const part = useMemo(() => (wanted === "" ? null : filtered(tree, wanted)), [tree, wanted]);

  /** The folder that is meant when none is named: the selected one, or the one around the selection. */
  const folder = () => {
    const { focus } = files.selection.get();
    return tree.get(focus)?.type === "folder" ? focus : parentOf(focus);
  };
  const coarse = useMedia("(pointer: coarse), (max-width: 767px)");
  const clipboard = useStore(files.clipboard);
  const { focus } = useStore(files.selection);
  const touched = coarse ? tree.get(focus) : undefined;
  const name = deleting?.length === 1 ? tree.get(deleting[0] ?? "") : undefined;

  return (
    <section aria-label="Explorer" className="flex min-h-0 w-full flex-1 flex-col bg-panel">
      <div className="flex h-9 shrink-0 items-center pr-1 pl-3">
        <h2 className="min-w-0 flex-1 truncate text-[12px] font-semibold text-muted">Files</h2>
        {!readOnly && (
          <>
            <IconButton label="New file" onClick={() => actions.onCreate("file", folder())}>
              <FilePlus size={15} aria-hidden />
            </IconButton>
            <IconButton label="New folder" onClick={() => actions.onCreate("folder", folder())}>
              <FolderPlus size={15} aria-hidden />
            </IconButton>
          </>
        )}
        <IconButton label="Filter files" aria-pressed={filter !== null} onClick={() => files.filter.update((now) => (now === null ? "" : null))} className={filter === null ? "" : "bg-active text-text"}>
          <ListFilter size={15} aria-hidden />
        </IconButton>
        <IconButton label="Collapse all" onClick={() => files.collapseAll()}>
          <ChevronsDownUp size={15} aria-hidden />
        </IconButton>
        <IconButton
          label="More file actions"
          aria-haspopup="menu"
          aria-expanded={more !== null}
          onClick={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setMore({ x: box.right, y: box.bottom + 4, end: true });
          }}
        >
          <EllipsisVertical size={15} aria-hidden />
        </IconButton>
      </div>
      {more && (
        <Menu
          label="More file actions"
          at={more}
          onClose={closeMore}
          header={touched ? <span className="block max-w-60 truncate font-medium">{touched.name}</span> : undefined}
          groups={[
            // A finger has no second button: what that would offer is here.
            ...(touched ? treeMenu({ ...actions, readOnly }, touched, [touched.path], clipboard !== null) : []),
            ...(readOnly || touched
              ? []
              : [
                  [
                    { label: "Upload files…", icon: <Upload size={14} />, onSelect: () => choose("files", folder()) },
                    { label: "Upload a folder…", icon: <FolderUp size={14} />, onSelect: () => choose("folder", folder()) },
                    { label: "Unpack a zip…", icon: <FileArchive size={14} />, onSelect: () => choose("zip", folder()) },
                  ],
                ]),
            [{ label: "Download all as zip", icon: <Download size={14} />, onSelect: () => window.location.assign(api.archiveURL(session)) }],
            [{ label: "Refresh", icon: <RefreshCw size={14} />, onSelect: () => void files.load() }],
          ]}
        />
      )}
      <input ref={filesInput} type="file" multiple hidden aria-label="Files to upload" onChange={(event) => taken(event.target, (list) => void uploads.add(chosen(list), uploadTo.current))} />
      <input
        ref={folderInput}
        // React's types do not know it.
        {...{ webkitdirectory: "" }}
        type="file"
        hidden
        aria-label="Folder to upload"
        onChange={(event) => taken(event.target, (list) => void uploads.add(chosen(list), uploadTo.current))}
      />
      <input ref={zipInput} type="file" accept=".zip,application/zip" hidden aria-label="Zip to unpack" onChange={(event) => taken(event.target, (list) => list.forEach((zip) => void uploads.unpack(zip, uploadTo.current)))} />
      {filter !== null && <Filter text={filter} found={part?.found ?? null} onChange={(text) => files.filter.set(text)} onClose={() => files.filter.set(null)} />}
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
          {...actions}
          files={files}
          tree={part?.tree ?? tree}
          expanded={part?.expanded ?? expanded}
          empty={emptyWords(readOnly, part !== null)}
          readOnly={readOnly}
          editing={editing}
          onEdited={(name) => void finish(name)}
          onCancelEdit={cancelEdit}
        />
      )}
      <UploadRow uploads={uploads} />
      {deleting && (
        <Confirm title={name ? `Delete “${name.name}”?` : `Delete ${plural(deleting.length, "entry", "entries")}?`} action="Delete" onClose={keep} onConfirm={remove}>
          {deleteWords(deleting, name?.type)}
        </Confirm>
      )}
    </section>
  );
}

/** Hands over what was chosen, and lets the same be chosen again. */
function taken(input: HTMLInputElement, then: (list: File[]) => void): void {
  then([...(input.files ?? [])]);
  input.value = "";
}

function emptyWords(readOnly: boolean, filtering: boolean): string {
  if (filtering) return "No name has this in it. With a / in it, whole paths are looked at.";
  return readOnly ? "No files yet." : "No files yet. Create one, drop some here, or make them in the terminal.";
}

function deleteWords(paths: readonly string[], type: string | undefined) {
  if (type !== undefined) return `${type === "folder" ? "The folder is deleted with everything in it" : "The file is deleted from the workspace"}. The history keeps what was saved.`;
  return (
    <>
      <p>Folders are deleted with everything in them. The history keeps what was saved.</p>
      <ul className="mt-2 text-[13px] text-text">
        {paths.slice(0, 6).map((path) => (
          <li key={path} className="truncate" title={path}>
            {path}
          </li>
        ))}
      </ul>
      {paths.length > 6 && <p className="text-[13px]">and {paths.length - 6} more</p>}
    </>
  );
}

interface FilterProps {
  readonly text: string;
  readonly found: number | null;
  readonly onChange: (text: string) => void;
  readonly onClose: () => void;
}

function Filter({ text, found, onChange, onClose }: FilterProps) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <div className="relative shrink-0 px-2 pb-1.5">
      <input
        ref={input}
        type="search"
        aria-label="Filter files by name"
        placeholder="Filter by name"
        value={text}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          else if (event.key === "ArrowDown") document.querySelector<HTMLElement>('[role="tree"][aria-label="Files"]')?.focus();
          else return;
          event.preventDefault();
        }}
        className="h-7 w-full rounded-md border border-line-strong bg-bg pr-14 pl-2 text-[13px] outline-none placeholder:text-faint focus-visible:border-accent [&::-webkit-search-cancel-button]:hidden"
      />
      <span role="status" className="pointer-events-none absolute top-1 right-4 text-[12px] text-muted">
        {found === null ? "" : `${found} found`}
      </span>
    </div>
  );
}
