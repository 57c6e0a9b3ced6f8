"use client";

import { ChevronRight, Copy, Download, FileMinus, FilePlus, FolderPlus, History, Pencil, SquareArrowOutUpRight, Trash2 } from "lucide-react";
import { useCallback, useEffect, useId, useMemo, useRef, useState, type DragEvent, type KeyboardEvent } from "react";
import { Menu } from "@/components/ui/menu";
import { useStore } from "@/hooks/use-store";
import { formatBytes } from "@/lib/format";
import { nameError, parentOf } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import { FileIcon } from "./file-icon";
import type { FileStore } from "./file-store";
import { NameInput } from "./name-input";
import { namesIn, unsavedReason, visibleRows, type Row } from "./tree";

export type Editing =
  | { readonly what: "file" | "folder"; readonly parent: string }
  | { readonly what: "rename"; readonly item: Item };

interface Props {
  readonly files: FileStore;
  readonly readOnly: boolean;
  readonly editing: Editing | null;
  readonly onEdited: (name: string) => void;
  readonly onCancelEdit: () => void;
  readonly onOpen: (path: string) => void;
  readonly onCreate: (what: "file" | "folder", parent: string) => void;
  readonly onRename: (item: Item) => void;
  readonly onDelete: (item: Item) => void;
  readonly onMove: (from: string, into: string) => void;
  readonly onUpload: (files: readonly File[], into: string) => void;
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
  const { files, readOnly, editing, onOpen } = props;
  const { tree } = useStore(files.state);
  const expanded = useStore(files.expanded);
  const selected = useStore(files.selected);
  const rows = useMemo(() => visibleRows(tree, expanded), [tree, expanded]);
  const [menu, setMenu] = useState<{ item: Item | null; x: number; y: number } | null>(null);
  const [dropInto, setDropInto] = useState<string | null>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const scroller = useRef<HTMLDivElement>(null);
  const typed = useRef({ text: "", at: 0 });
  const id = useId();
  const closeMenu = useCallback(() => setMenu(null), []);
  const index = rows.findIndex((row) => row.item.path === selected);

  useEffect(() => {
    const box = scroller.current;
    if (!box || index < 0) return;
    const top = index * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
  }, [index]);

  const select = (row: Row | undefined) => {
    if (row) files.selected.set(row.item.path);
  };
  const activate = (row: Row) => {
    files.selected.set(row.item.path);
    if (row.item.type === "folder") files.toggle(row.item.path);
    else onOpen(row.item.path);
  };
  const find = (key: string) => {
    const now = Date.now();
    typed.current = { text: now - typed.current.at < 700 ? typed.current.text + key : key, at: now };
    const wanted = typed.current.text.toLowerCase();
    const start = wanted.length > 1 ? index : index + 1;
    const order = [...rows.slice(Math.max(0, start)), ...rows.slice(0, Math.max(0, start))];
    select(order.find((row) => row.item.name.toLowerCase().startsWith(wanted)));
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[index];
    const folder = row?.item.type === "folder";
    switch (event.key) {
      case "ArrowDown":
        select(rows[Math.min(index + 1, rows.length - 1)]);
        break;
      case "ArrowUp":
        select(rows[Math.max(index - 1, 0)]);
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
        else if (row && row.depth > 0) files.selected.set(parentOf(row.item.path));
        break;
      case "Enter":
      case " ":
        if (row) activate(row);
        break;
      case "F2":
        if (row && !readOnly) props.onRename(row.item);
        break;
      case "Delete":
        if (row && !readOnly) props.onDelete(row.item);
        break;
      default:
        if (event.key.length !== 1) return;
        find(event.key);
    }
    event.preventDefault();
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
    const from = event.dataTransfer.getData(dragType);
    if (from) props.onMove(from, folderOf(item));
    else props.onUpload([...event.dataTransfer.files], folderOf(item));
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
                selected={row.item.path === selected}
                readOnly={readOnly}
                target={dropInto !== null && dropInto !== "" && dropInto === row.item.path}
                onClick={() => activate(row)}
                onMenu={(x, y) => {
                  files.selected.set(row.item.path);
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
      {rows.length === 0 && !creating && <p className="px-3 py-2 text-[13px] text-muted">{readOnly ? "No files yet." : "No files yet. Create one, drop some here, or make them in the terminal."}</p>}
      {menu && <Menu label="File actions" at={menu} onClose={closeMenu} groups={menuGroups(props, menu.item)} />}
    </div>
  );
}

function menuGroups({ readOnly, onOpen, onCreate, onRename, onDelete, onDownload, onCopyPath, onHistory }: Props, item: Item | null) {
  const parent = item === null ? "" : item.type === "folder" ? item.path : parentOf(item.path);
  const create = [
    { label: "New file…", icon: <FilePlus size={14} />, onSelect: () => onCreate("file", parent) },
    { label: "New folder…", icon: <FolderPlus size={14} />, onSelect: () => onCreate("folder", parent) },
  ];
  if (item === null) return [create];
  const file = item.type === "file";
  const open = file ? [[{ label: "Open", icon: <SquareArrowOutUpRight size={14} />, onSelect: () => onOpen(item.path) }]] : [];
  const copy = { label: "Copy path", icon: <Copy size={14} />, onSelect: () => onCopyPath(item) };
  const download = file ? [{ label: "Download", icon: <Download size={14} />, disabled: !item.saved, onSelect: () => onDownload(item) }] : [];
  const history = file ? [{ label: "History", icon: <History size={14} />, disabled: !item.saved, onSelect: () => onHistory(item) }] : [];
  if (readOnly) return [...open, [copy, ...download, ...history]];
  return [
    ...open,
    create,
    [
      { label: "Rename…", icon: <Pencil size={14} />, shortcut: "F2", onSelect: () => onRename(item) },
      copy,
      ...download,
      ...history,
    ],
    [{ label: "Delete…", icon: <Trash2 size={14} />, danger: true, shortcut: "Del", onSelect: () => onDelete(item) }],
  ];
}

interface RowProps {
  readonly id: string;
  readonly row: Row;
  readonly selected: boolean;
  readonly readOnly: boolean;
  readonly target: boolean;
  readonly onClick: () => void;
  readonly onMenu: (x: number, y: number) => void;
  readonly onDragOver: (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
}

function TreeRow({ id, row: { item, depth, expanded, position, siblings }, selected, readOnly, target, onClick, onMenu, onDragOver, onDrop }: RowProps) {
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
      onDragStart={(event) => event.dataTransfer.setData(dragType, item.path)}
      onDragOver={onDragOver}
      onDrop={onDrop}
      onClick={onClick}
      onContextMenu={(event) => {
        event.preventDefault();
        event.stopPropagation();
        onMenu(event.clientX, event.clientY);
      }}
      className={`flex h-6 items-center gap-1 pr-2 select-none ${
        selected ? "bg-active group-focus-visible/tree:shadow-[inset_0_0_0_1px_var(--accent)]" : target ? "bg-hover" : "hover:bg-hover"
      }`}
      style={{ paddingLeft: 8 + depth * 12 }}
    >
      <ChevronRight size={14} aria-hidden className={`shrink-0 text-faint transition-transform ${expanded ? "rotate-90" : ""} ${folder ? "" : "invisible"}`} />
      <FileIcon path={item.path} type={item.type} open={expanded} />
      <span className={`ml-0.5 truncate ${item.saved ? "" : "text-faint italic"}`}>{item.name}</span>
      {!item.saved && <FileMinus size={13} aria-hidden className="ml-auto shrink-0 text-warn" />}
    </div>
  );
}
