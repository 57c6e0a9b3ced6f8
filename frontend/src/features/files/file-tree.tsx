"use client";

import { ChevronRight, FileMinus } from "lucide-react";
import { memo, useCallback, useEffect, useId, useMemo, useRef, useState, type DragEvent, type KeyboardEvent, type MouseEvent, type SyntheticEvent } from "react";
import { Menu } from "@/components/ui/menu";
import { useHold } from "@/hooks/use-hold";
import { useMedia } from "@/hooks/use-media";
import { useStore } from "@/hooks/use-store";
import { formatBytes } from "@/lib/format";
import { nameError, parentOf } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import { draggedFiles, dragFiles, filesOf } from "./file-drag";
import { FileIcon } from "./file-icon";
import type { FileStore } from "./file-store";
import { NameInput } from "./name-input";
import { visibleRows, type Row } from "./rows";
import { everything, only, ranged, toggled } from "./selection";
import { unsavedReason, type Tree } from "./tree";
import { treeMenu } from "./tree-menu";

export type Editing =
  | { readonly what: "file" | "folder"; readonly parent: string }
  | { readonly what: "rename"; readonly item: Item };

export interface TreeActions {
  /** `preview`: to be looked at, in the place of what was looked at before. */
  readonly onOpen: (path: string, preview?: boolean) => void;
  readonly onCreate: (what: "file" | "folder", parent: string) => void;
  readonly onRename: (item: Item) => void;
  readonly onDelete: (paths: readonly string[]) => void;
  readonly onMove: (paths: readonly string[], into: string) => void;
  readonly onDrop: (data: DataTransfer, into: string) => void;
  readonly onDownload: (paths: readonly string[]) => void;
  readonly onCopyPath: (paths: readonly string[]) => void;
  readonly onHistory: (path: string) => void;
  readonly onClip: (paths: readonly string[], cut: boolean) => void;
  readonly onPaste: (into: string) => void;
  readonly onDuplicate: (paths: readonly string[]) => void;
  readonly onUpload: (what: "files" | "folder" | "zip", into: string) => void;
  /** Brings back what was deleted last. */
  readonly onUndo: () => void;
}

interface Props extends TreeActions {
  readonly files: FileStore;
  /** What is shown: the whole tree, or what a filter leaves of it. */
  readonly tree: Tree;
  readonly expanded: ReadonlySet<string>;
  /** What to say when there is nothing to show. */
  readonly empty: string;
  readonly readOnly: boolean;
  readonly editing: Editing | null;
  readonly onEdited: (name: string) => void;
  readonly onCancelEdit: () => void;
}

/** In pixels: for a pointer, and for a finger. */
const rowHeights = { fine: 24, coarse: 36 } as const;
/** From so many rows on, only those near the window are in the page. */
const windowFrom = 300;
const overscan = 12;
/** In rows: what is scrolled less than this is in the page already. */
const scrollStep = 4;

/**
 * The tree, with one tab stop: arrows move, Enter opens, F2 renames, Delete deletes, letters find. Several rows are
 * selected with Shift, Ctrl and Ctrl+A, and what is done is done with all of them.
 */
export function FileTree(props: Props) {
  const { files, tree, expanded, readOnly, editing, onOpen } = props;
  const selection = useStore(files.selection);
  const clipboard = useStore(files.clipboard);
  const rows = useMemo(() => visibleRows(tree, expanded), [tree, expanded]);
  const cut = useMemo(() => new Set(clipboard?.cut === true ? clipboard.paths : []), [clipboard]);
  const [menu, setMenu] = useState<{ item: Item | null; x: number; y: number } | null>(null);
  const [dropInto, setDropInto] = useState<string | null>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const coarse = useMedia("(pointer: coarse)");
  const rowHeight = coarse ? rowHeights.coarse : rowHeights.fine;
  const typed = useRef({ text: "", at: 0 });
  const id = useId();
  const closeMenu = useCallback(() => setMenu(null), []);
  const index = rows.indexOf(selection.focus);

  useEffect(() => {
    const box = scroller.current;
    if (!box || index < 0) return;
    const top = index * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
  }, [index, rowHeight]);

  const select = (row: Row | undefined, extend = false) => {
    if (row) files.selection.update((now) => (extend ? ranged(now, rows, row.item.path) : only(row.item.path)));
  };
  const activate = (row: Row, preview = false) => {
    select(row);
    if (row.item.type === "folder") files.toggle(row.item.path);
    else onOpen(row.item.path, preview);
  };
  const click = (event: MouseEvent, row: Row) => {
    if (event.shiftKey) select(row, true);
    else if (event.ctrlKey || event.metaKey) files.selection.update((now) => toggled(now, row.item.path));
    // A second click means it.
    else activate(row, event.detail < 2);
  };
  /** What an action on this row means: the selection, if the row is part of it. */
  const meant = (path: string): string[] => (selection.paths.has(path) ? [...selection.paths] : path ? [path] : []);
  const find = (key: string, now: number) => {
    typed.current = { text: now - typed.current.at < 700 ? typed.current.text + key : key, at: now };
    const start = typed.current.text.length > 1 ? index : index + 1;
    select(rows.at(rows.find(typed.current.text, Math.max(0, start))));
  };
  const chord = (key: string) => {
    const paths = meant(selection.focus);
    const focused = tree.get(selection.focus);
    if (key === "a") files.selection.update((now) => everything(now, rows));
    else if (key === "c" && paths.length > 0) props.onClip(paths, false);
    else if (key === "x" && paths.length > 0 && !readOnly) props.onClip(paths, true);
    else if (key === "v" && !readOnly) props.onPaste(folderOf(focused ?? null));
    else if (key === "z" && !readOnly) props.onUndo();
    else return false;
    return true;
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || event.altKey) return;
    if (event.ctrlKey || event.metaKey) {
      if (!event.shiftKey && chord(event.key.toLowerCase())) event.preventDefault();
      return;
    }
    const row = rows.at(index);
    const folder = row?.item.type === "folder";
    const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
    switch (event.key) {
      case "ArrowDown":
        select(rows.at(Math.min(index + 1, rows.length - 1)), event.shiftKey);
        break;
      case "ArrowUp":
        select(rows.at(Math.max(index - 1, 0)), event.shiftKey);
        break;
      case "PageDown":
        select(rows.at(Math.min(index + page, rows.length - 1)), event.shiftKey);
        break;
      case "PageUp":
        select(rows.at(Math.max(index - page, 0)), event.shiftKey);
        break;
      case "Home":
        select(rows.at(0), event.shiftKey);
        break;
      case "End":
        select(rows.at(rows.length - 1), event.shiftKey);
        break;
      case "ArrowRight":
        if (folder && !row.expanded) files.toggle(row.item.path, true);
        else if (folder) select(rows.at(index + 1));
        break;
      case "ArrowLeft":
        if (folder && row.expanded) files.toggle(row.item.path, false);
        else if (row && row.depth > 0) files.selection.set(only(parentOf(row.item.path)));
        break;
      case "Enter":
      case " ":
        if (row) activate(row);
        break;
      case "Escape":
        if (clipboard?.cut === true) files.clipboard.set(null);
        else files.selection.update((now) => ({ ...now, paths: new Set() }));
        break;
      case "F2":
        if (row && !readOnly) props.onRename(row.item);
        break;
      case "Delete":
        if (row && !readOnly) props.onDelete(meant(row.item.path));
        break;
      case "ContextMenu":
        if (row) openMenu(row);
        break;
      case "F10":
        if (!row || !event.shiftKey) return;
        openMenu(row);
        break;
      default:
        if (event.key.length !== 1) return;
        find(event.key, event.timeStamp);
    }
    event.preventDefault();
  };
  const openMenu = (row: Row) => {
    const at = document.getElementById(`${id}-${index}`)?.getBoundingClientRect();
    if (at) setMenu({ item: row.item, x: at.left + 40, y: at.bottom });
  };

  /** Where a drop at this row goes. */
  const folderOf = (item: Item | null) => (item === null ? "" : item.type === "folder" ? item.path : parentOf(item.path));
  const dragOver = (event: DragEvent, item: Item | null) => {
    if (readOnly || (!event.dataTransfer.types.includes(draggedFiles) && !event.dataTransfer.types.includes("Files"))) return;
    event.preventDefault();
    event.stopPropagation();
    setDropInto(folderOf(item));
  };
  const drop = (event: DragEvent, item: Item | null) => {
    event.preventDefault();
    event.stopPropagation();
    setDropInto(null);
    if (readOnly) return;
    if (event.dataTransfer.types.includes(draggedFiles)) props.onMove(filesOf(event.dataTransfer), folderOf(item));
    else props.onDrop(event.dataTransfer, folderOf(item));
  };

  /** The row that an event is about. */
  const rowOf = ({ target }: SyntheticEvent) => {
    const element = target instanceof Element ? target.closest<HTMLElement>("[data-row]") : null;
    return element ? rows.at(Number(element.dataset.row)) : undefined;
  };
  const menuAt = (row: Row, x: number, y: number) => {
    if (!selection.paths.has(row.item.path)) select(row);
    setMenu({ item: row.item, x, y });
  };
  const hold = useHold((event) => {
    const row = rowOf(event);
    if (row) menuAt(row, event.clientX, event.clientY);
  });

  const windowed = rows.length >= windowFrom;
  /** As many as are ever in the page at once. */
  const slots = Math.ceil(view.height / rowHeight) + 2 * overscan + 2;
  const begin = windowed ? Math.max(0, Math.floor(view.top / rowHeight) - overscan) : 0;
  const end = windowed ? Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + overscan) : rows.length;
  /** The keys go on in the tree once a name is taken or given up. */
  const back = (then: () => void) => {
    then();
    list.current?.focus();
  };
  const nameInput = (initial: string, depth: number, siblings: ReadonlySet<string>) => (
    <NameInput initial={initial} depth={depth} height={rowHeight} validate={(name) => nameError(name, siblings)} onSubmit={(name) => back(() => props.onEdited(name))} onCancel={props.onCancelEdit} onEscape={() => back(props.onCancelEdit)} />
  );
  const creating = editing && editing.what !== "rename" ? editing : null;
  const creatingDepth = creating ? creating.parent.split("/").filter(Boolean).length : 0;

  return (
    <div
      ref={scroller}
      className={`min-h-0 flex-1 overflow-auto pb-6 ${dropInto === "" ? "bg-hover" : ""}`}
      onScroll={({ currentTarget: { scrollTop, clientHeight: height } }) => {
        const top = scrollTop - (scrollTop % (scrollStep * rowHeight));
        setView((now) => (now.top === top && now.height === height ? now : { top, height }));
      }}
      onContextMenu={(event) => {
        event.preventDefault();
        if (!readOnly) setMenu({ item: null, x: event.clientX, y: event.clientY });
      }}
      onDragOver={(event) => dragOver(event, null)}
      onDragLeave={() => setDropInto(null)}
      onDrop={(event) => drop(event, null)}
    >
      {creating?.parent === "" && nameInput("", 0, tree.namesIn(""))}
      <div
        ref={list}
        role="tree"
        aria-label="Files"
        aria-multiselectable
        tabIndex={0}
        aria-activedescendant={index >= 0 ? `${id}-${index}` : undefined}
        onKeyDown={keyDown}
        onFocus={() => {
          if (index < 0) select(rows.at(0));
        }}
        // What is done with a row comes here, so that rows have nothing that changes as they are scrolled.
        {...hold.handlers}
        onClick={(event) => {
          const row = rowOf(event);
          if (row && !hold.was()) click(event, row);
        }}
        onContextMenu={(event) => {
          const row = rowOf(event);
          if (!row) return;
          event.preventDefault();
          event.stopPropagation();
          menuAt(row, event.clientX, event.clientY);
        }}
        onDragStart={(event) => {
          const row = rowOf(event);
          if (row) dragFiles(event.dataTransfer, meant(row.item.path));
        }}
        onDragOver={(event) => {
          const row = rowOf(event);
          if (row) dragOver(event, row.item);
        }}
        onDrop={(event) => {
          const row = rowOf(event);
          if (row) drop(event, row.item);
        }}
        className="group/tree min-h-6 text-[13px] focus-visible:outline-none"
      >
        {begin > 0 && <div style={{ height: begin * rowHeight }} />}
        {rows.slice(begin, end).map((row, at) => (
          // Of many rows, those that are scrolled out are those that come in: the page changes them, and makes none.
          <div key={windowed ? (begin + at) % slots : row.item.path} role="none">
            {editing?.what === "rename" && editing.item.path === row.item.path ? (
              nameInput(row.item.name, row.depth, new Set([...tree.namesIn(parentOf(row.item.path))].filter((name) => name !== row.item.name)))
            ) : (
              <TreeRow
                id={`${id}-${begin + at}`}
                height={rowHeight}
                index={begin + at}
                item={row.item}
                depth={row.depth}
                expanded={row.expanded}
                position={row.position}
                siblings={row.siblings}
                selected={selection.paths.has(row.item.path)}
                focused={begin + at === index}
                cut={cut.has(row.item.path)}
                draggable={!readOnly && !coarse}
                target={dropInto !== null && dropInto !== "" && dropInto === row.item.path}
              />
            )}
            {creating?.parent === row.item.path && nameInput("", creatingDepth, tree.namesIn(creating.parent))}
          </div>
        ))}
        {end < rows.length && <div style={{ height: (rows.length - end) * rowHeight }} />}
      </div>
      {rows.length === 0 && !creating && <p className="px-3 py-2 text-[13px] text-muted">{props.empty}</p>}
      {menu && <Menu label="File actions" at={menu} onClose={closeMenu} groups={treeMenu(props, menu.item, menu.item ? meant(menu.item.path) : [], clipboard !== null)} />}
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly index: number;
  readonly item: Item;
  readonly height: number;
  readonly depth: number;
  readonly expanded: boolean;
  readonly position: number;
  readonly siblings: number;
  readonly selected: boolean;
  readonly focused: boolean;
  /** Waits to be pasted elsewhere. */
  readonly cut: boolean;
  readonly draggable: boolean;
  readonly target: boolean;
}

const TreeRow = memo(function TreeRow({ id, index, item, height, depth, expanded, position, siblings, selected, focused, cut, draggable, target }: RowProps) {
  const folder = item.type === "folder";
  const note = item.saved ? (item.link_target ? `Link to ${item.link_target}` : "") : `${unsavedReason(item.unsaved_reason)} (${formatBytes(item.size)})`;
  return (
    // The tree has the focus and the keys (aria-activedescendant), and takes the pointer for all of them.
    <div
      id={id}
      data-row={index}
      role="treeitem"
      aria-level={depth + 1}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-selected={selected}
      aria-expanded={folder ? expanded : undefined}
      aria-label={item.saved ? item.name : `${item.name}, ${lowerFirst(note)}`}
      title={note || undefined}
      draggable={draggable}
      className={`flex items-center gap-1 pr-2 select-none ${
        selected ? "bg-active" : target ? "bg-hover" : "hover:bg-hover"
      } ${focused ? "group-focus-visible/tree:shadow-[inset_0_0_0_1px_var(--accent)]" : ""} ${cut ? "opacity-60" : ""}`}
      style={{ height, paddingLeft: 8 + depth * 12 }}
    >
      {folder ? <ChevronRight size={14} aria-hidden className={`shrink-0 text-faint transition-transform ${expanded ? "rotate-90" : ""}`} /> : <span className="w-3.5 shrink-0" />}
      <FileIcon path={item.path} type={item.type} open={expanded} />
      <span className={`ml-0.5 truncate ${item.saved ? "" : "text-muted italic"}`}>{item.name}</span>
      {!item.saved && <FileMinus size={13} aria-hidden className="ml-auto shrink-0 text-warn" />}
    </div>
  );
});

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
