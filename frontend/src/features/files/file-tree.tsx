"use client";

import {
  ChevronRight, ClipboardPaste, Copy, CopyPlus, Download, FileArchive, FileMinus, FilePlus, FolderPlus, FolderUp, History, Link, Pencil, Scissors,
  SquareArrowOutUpRight, Trash2, Upload,
} from "lucide-react";
import { useCallback, useEffect, useId, useMemo, useRef, useState, type DragEvent, type KeyboardEvent, type MouseEvent } from "react";
import { Menu } from "@/components/ui/menu";
import { useStore } from "@/hooks/use-store";
import { formatBytes } from "@/lib/format";
import { nameError, parentOf } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import { FileIcon } from "./file-icon";
import type { FileStore } from "./file-store";
import { NameInput } from "./name-input";
import { extended, only, toggled } from "./selection";
import { filteredRows, namesIn, unsavedReason, visibleRows, type Row } from "./tree";

export type Editing =
  | { readonly what: "file" | "folder"; readonly parent: string }
  | { readonly what: "rename"; readonly item: Item };

export type UploadKind = "files" | "folder" | "zip";

interface Props {
  readonly files: FileStore;
  readonly readOnly: boolean;
  readonly editing: Editing | null;
  /** Only what has this in its name, and what that is in; "" is everything. */
  readonly filter: string;
  readonly onEdited: (name: string) => void;
  readonly onCancelEdit: () => void;
  readonly onOpen: (path: string) => void;
  readonly onCreate: (what: "file" | "folder", parent: string) => void;
  readonly onRename: (item: Item) => void;
  /** Of what is selected. */
  readonly onDelete: () => void;
  readonly onMove: (paths: readonly string[], into: string) => void;
  readonly onCut: () => void;
  readonly onCopy: () => void;
  readonly onPaste: (into: string) => void;
  readonly onDuplicate: () => void;
  readonly onDrop: (transfer: DataTransfer, into: string) => void;
  readonly onUpload: (what: UploadKind, into: string) => void;
  readonly onDownload: (item: Item) => void;
  readonly onCopyPath: (item: Item) => void;
  readonly onHistory: (item: Item) => void;
}

const rowHeight = 24;
/** From so many rows on, only those near the window are in the page. */
const windowFrom = 300;
const overscan = 12;
const dragType = "application/x-workspace-path";

/** The tree, with one tab stop: arrows move, Enter opens, F2 renames, Delete deletes, letters find. */
export function FileTree(props: Props) {
  const { files, readOnly, editing, filter, onOpen } = props;
  const { tree } = useStore(files.state);
  const expanded = useStore(files.expanded);
  const { focus, paths: selected } = useStore(files.selection);
  const clipboard = useStore(files.clipboard);
  const rows = useMemo(() => (filter === "" ? visibleRows(tree, expanded) : filteredRows(tree, filter)), [tree, expanded, filter]);
  const [menu, setMenu] = useState<{ item: Item | null; x: number; y: number } | null>(null);
  const [dropInto, setDropInto] = useState<string | null>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const scroller = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: "", at: 0 });
  const id = useId();
  const closeMenu = useCallback(() => setMenu(null), []);
  const index = rows.findIndex((row) => row.item.path === focus);

  useEffect(() => {
    const box = scroller.current;
    if (!box || index < 0) return;
    const top = index * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
  }, [index]);

  const select = (row: Row | undefined) => {
    if (row) files.selection.set(only(row.item.path));
  };
  const extend = (path: string | undefined) => {
    if (path !== undefined) files.selection.update((selection) => extended(selection, rows.map(({ item }) => item.path), path));
  };
  const click = (event: MouseEvent, row: Row) => {
    if (event.shiftKey) extend(row.item.path);
    else if (event.ctrlKey || event.metaKey) files.selection.update((selection) => toggled(selection, row.item.path));
    else activate(row);
  };
  const activate = (row: Row) => {
    select(row);
    if (row.item.type === "folder") files.toggle(row.item.path);
    else onOpen(row.item.path);
  };
  /** `now` in milliseconds. */
  const find = (key: string, now: number) => {
    typed.current = { text: now - typed.current.at < 700 ? typed.current.text + key : key, at: now };
    const wanted = typed.current.text.toLowerCase();
    const start = wanted.length > 1 ? index : index + 1;
    const order = [...rows.slice(Math.max(0, start)), ...rows.slice(0, Math.max(0, start))];
    select(order.find((row) => row.item.name.toLowerCase().startsWith(wanted)));
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.altKey) return;
    const row = rows[index];
    if (event.ctrlKey || event.metaKey) {
      if (shortcut(event.key.toLowerCase(), row)) event.preventDefault();
      return;
    }
    const folder = row?.item.type === "folder";
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        const next = rows[event.key === "ArrowDown" ? Math.min(index + 1, rows.length - 1) : Math.max(index - 1, 0)];
        if (event.shiftKey) extend(next?.item.path);
        else select(next);
        break;
      }
      case "Escape":
        if (clipboard) files.clipboard.set(null);
        else select(row);
        break;
      case "Home":
        select(rows[0]);
        break;
      case "End":
        select(rows[rows.length - 1]);
        break;
      case "ArrowRight":
        if (folder && !row.expanded) files.toggle(row.item.path, true);
        else if (folder) select(rows[index + 1]);
        break;
      case "ArrowLeft":
        if (folder && row.expanded) files.toggle(row.item.path, false);
        else if (row && row.depth > 0) files.selection.set(only(parentOf(row.item.path)));
        break;
      case "Enter":
      case " ":
        if (row) activate(row);
        break;
      case "F2":
        if (row && !readOnly) props.onRename(row.item);
        break;
      case "Delete":
        if (selected.size > 0 && !readOnly) props.onDelete();
        break;
      default:
        if (event.key.length !== 1) return;
        find(event.key, event.timeStamp);
    }
    event.preventDefault();
  };

  /** What the keys of every file manager do. Answers whether it was one of them. */
  const shortcut = (key: string, row: Row | undefined): boolean => {
    if (key === "a") files.selection.update(({ anchor }) => ({ focus, anchor, paths: new Set(rows.map(({ item }) => item.path)) }));
    else if (key === " " && row) files.selection.update((selection) => toggled(selection, row.item.path));
    else if (readOnly) return false;
    else if (key === "x" && selected.size > 0) props.onCut();
    else if (key === "c" && selected.size > 0) props.onCopy();
    else if (key === "v" && clipboard) props.onPaste(folderOf(row?.item ?? null));
    else return false;
    return true;
  };

  /** Where a drop at this row goes. */
  const folderOf = (item: Item | null) => (item === null ? "" : item.type === "folder" ? item.path : parentOf(item.path));
  const dragOver = (event: DragEvent, item: Item | null) => {
    if (readOnly || (!event.dataTransfer.types.includes(dragType) && !event.dataTransfer.types.includes("Files"))) return;
    event.preventDefault();
    event.stopPropagation();
    setDropInto(folderOf(item));
  };
  const drop = (event: DragEvent, item: Item | null) => {
    event.preventDefault();
    event.stopPropagation();
    setDropInto(null);
    const dragged = event.dataTransfer.getData(dragType);
    if (dragged) props.onMove(dragged.split("\0"), folderOf(item));
    else props.onDrop(event.dataTransfer, folderOf(item));
  };

  const windowed = rows.length >= windowFrom;
  const begin = windowed ? Math.max(0, Math.floor(view.top / rowHeight) - overscan) : 0;
  const end = windowed ? Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + overscan) : rows.length;
  const nameInput = (initial: string, depth: number, siblings: ReadonlySet<string>) => (
    <NameInput initial={initial} depth={depth} validate={(name) => nameError(name, siblings)} onSubmit={props.onEdited} onCancel={props.onCancelEdit} />
  );
  const creating = editing && editing.what !== "rename" ? editing : null;
  const creatingDepth = creating ? creating.parent.split("/").filter(Boolean).length : 0;

  return (
    <div
      ref={scroller}
      className={`min-h-0 flex-1 overflow-auto pb-6 ${dropInto === "" ? "bg-hover" : ""}`}
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
      onContextMenu={(event) => {
        event.preventDefault();
        if (!readOnly) setMenu({ item: null, x: event.clientX, y: event.clientY });
      }}
      onDragOver={(event) => dragOver(event, null)}
      onDragLeave={() => setDropInto(null)}
      onDrop={(event) => drop(event, null)}
    >
      {creating?.parent === "" && nameInput("", 0, namesIn(tree, ""))}
      <div
        role="tree"
        aria-label="Files"
        aria-multiselectable
        tabIndex={0}
        aria-activedescendant={index >= 0 ? `${id}-${index}` : undefined}
        onKeyDown={keyDown}
        onFocus={() => {
          if (index < 0) select(rows[0]);
        }}
        className="group/tree min-h-6 text-[13px] focus-visible:outline-none"
      >
        {begin > 0 && <div style={{ height: begin * rowHeight }} />}
        {rows.slice(begin, end).map((row, at) => (
          <div key={row.item.path} role="none">
            {editing?.what === "rename" && editing.item.path === row.item.path ? (
              nameInput(row.item.name, row.depth, new Set([...namesIn(tree, parentOf(row.item.path))].filter((name) => name !== row.item.name)))
            ) : (
              <TreeRow
                id={`${id}-${begin + at}`}
                row={row}
                selected={selected.has(row.item.path)}
                focused={row.item.path === focus}
                cut={clipboard?.cut === true && clipboard.paths.includes(row.item.path)}
                filter={filter}
                readOnly={readOnly}
                target={dropInto !== null && dropInto !== "" && dropInto === row.item.path}
                onClick={(event) => click(event, row)}
                onDragStart={(event) => {
                  if (!selected.has(row.item.path)) select(row);
                  event.dataTransfer.setData(dragType, files.chosen().join("\0"));
                }}
                onMenu={(x, y) => {
                  if (!selected.has(row.item.path)) select(row);
                  setMenu({ item: row.item, x, y });
                }}
                onDragOver={(event) => dragOver(event, row.item)}
                onDrop={(event) => drop(event, row.item)}
              />
            )}
            {creating?.parent === row.item.path && nameInput("", creatingDepth, namesIn(tree, creating.parent))}
          </div>
        ))}
        {end < rows.length && <div style={{ height: (rows.length - end) * rowHeight }} />}
      </div>
      {rows.length === 0 && filter !== "" && <p className="px-3 py-2 text-[13px] text-muted">No name has “{filter}” in it.</p>}
      {rows.length === 0 && filter === "" && !creating && <p className="px-3 py-2 text-[13px] text-muted">{readOnly ? "No files yet." : "No files yet. Create one, drop some here, or make them in the terminal."}</p>}
      {menu && <Menu label="File actions" at={menu} onClose={closeMenu} groups={menuGroups(props, menu.item, selected.size, clipboard !== null)} />}
    </div>
  );
}

function menuGroups(props: Props, item: Item | null, count: number, canPaste: boolean) {
  const { readOnly, onOpen, onCreate, onRename, onDownload, onCopyPath, onHistory } = props;
  const parent = item === null ? "" : item.type === "folder" ? item.path : parentOf(item.path);
  const create = [
    { label: "New file…", icon: <FilePlus size={14} />, onSelect: () => onCreate("file", parent) },
    { label: "New folder…", icon: <FolderPlus size={14} />, onSelect: () => onCreate("folder", parent) },
  ];
  const upload = [
    { label: "Upload files…", icon: <Upload size={14} />, onSelect: () => props.onUpload("files", parent) },
    { label: "Upload a folder…", icon: <FolderUp size={14} />, onSelect: () => props.onUpload("folder", parent) },
    { label: "Unpack a zip here…", icon: <FileArchive size={14} />, onSelect: () => props.onUpload("zip", parent) },
  ];
  const paste = { label: "Paste", icon: <ClipboardPaste size={14} />, shortcut: "Ctrl+V", disabled: !canPaste, onSelect: () => props.onPaste(parent) };
  if (item === null) return [create, [paste], upload];
  const many = count > 1;
  const file = item.type === "file";
  const open = file && !many ? [[{ label: "Open", icon: <SquareArrowOutUpRight size={14} />, onSelect: () => onOpen(item.path) }]] : [];
  const copyPath = { label: "Copy path", icon: <Link size={14} />, onSelect: () => onCopyPath(item) };
  const download = (file || item.type === "folder") && !many ? [{ label: file ? "Download" : "Download as zip", icon: <Download size={14} />, disabled: !item.saved, onSelect: () => onDownload(item) }] : [];
  const history = file && !many ? [{ label: "History", icon: <History size={14} />, disabled: !item.saved, onSelect: () => onHistory(item) }] : [];
  if (readOnly) return [...open, [copyPath, ...download, ...history]];
  return [
    ...open,
    ...(many ? [] : [create]),
    [
      { label: "Cut", icon: <Scissors size={14} />, shortcut: "Ctrl+X", onSelect: props.onCut },
      { label: "Copy", icon: <Copy size={14} />, shortcut: "Ctrl+C", onSelect: props.onCopy },
      paste,
      { label: "Duplicate", icon: <CopyPlus size={14} />, onSelect: props.onDuplicate },
    ],
    ...(item.type === "folder" && !many ? [upload] : []),
    [...(many ? [] : [{ label: "Rename…", icon: <Pencil size={14} />, shortcut: "F2", onSelect: () => onRename(item) }, copyPath]), ...download, ...history],
    [{ label: many ? `Delete ${count} entries…` : "Delete…", icon: <Trash2 size={14} />, danger: true, shortcut: "Del", onSelect: props.onDelete }],
  ].filter((group) => group.length > 0);
}

interface RowProps {
  readonly id: string;
  readonly row: Row;
  readonly selected: boolean;
  readonly focused: boolean;
  /** It is to be moved by the next paste. */
  readonly cut: boolean;
  readonly filter: string;
  readonly readOnly: boolean;
  readonly target: boolean;
  readonly onClick: (event: MouseEvent) => void;
  readonly onDragStart: (event: DragEvent) => void;
  readonly onMenu: (x: number, y: number) => void;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
}

function TreeRow({ id, row: { item, depth, expanded, position, siblings }, selected, focused, cut, filter, readOnly, target, onClick, onDragStart, onMenu, onDragOver, onDrop }: RowProps) {
  const folder = item.type === "folder";
  const note = item.saved ? (item.link_target ? `Link to ${item.link_target}` : "") : `${unsavedReason(item.unsaved_reason)} (${formatBytes(item.size)})`;
  return (
    // The tree has the focus and the keys (aria-activedescendant); the row only takes the pointer.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      id={id}
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-selected={selected}
      aria-expanded={folder ? expanded : undefined}
      aria-label={item.saved ? item.name : `${item.name}, not saved`}
      title={note || undefined}
      draggable={!readOnly}
      onDragStart={onDragStart}
      onDragOver={onDragOver}
      onDrop={onDrop}
      onClick={onClick}
      onContextMenu={(event) => {
        event.preventDefault();
        event.stopPropagation();
        onMenu(event.clientX, event.clientY);
      }}
      className={`flex h-6 items-center gap-1 pr-2 select-none ${
        selected ? "bg-active" : target ? "bg-hover" : "hover:bg-hover"
      } ${focused ? "group-focus-visible/tree:shadow-[inset_0_0_0_1px_var(--accent)]" : ""} ${cut ? "text-muted italic" : ""}`}
      style={{ paddingLeft: 8 + depth * 12 }}
    >
      <ChevronRight size={14} aria-hidden className={`shrink-0 text-faint transition-transform ${expanded ? "rotate-90" : ""} ${folder ? "" : "invisible"}`} />
      <FileIcon path={item.path} type={item.type} open={expanded} />
      <span className={`ml-0.5 truncate ${item.saved ? "" : "text-faint italic"}`}>
        <Marked name={item.name} filter={filter} />
      </span>
      {!item.saved && <FileMinus size={13} aria-hidden className="ml-auto shrink-0 text-warn" />}
    </div>
  );
}

/** The name, with what the filter found in it marked. */
function Marked({ name, filter }: { readonly name: string; readonly filter: string }) {
  const at = filter === "" ? -1 : name.toLowerCase().indexOf(filter.toLowerCase());
  if (at < 0) return name;
  return (
    <>
      {name.slice(0, at)}
      <mark className="bg-transparent font-semibold text-accent-text">{name.slice(at, at + filter.length)}</mark>
      {name.slice(at + filter.length)}
    </>
  );
}
