/** The file tree as plain data: what a change does to it, and which rows it shows. */
import { baseName, isWithin, movedPath, parentOf } from "@/lib/paths";
import type { Change, Item } from "@/lib/schemas";

/** By path. */
export type Tree = ReadonlyMap<string, Item>;

export interface Row {
  readonly item: Item;
  /** 0 at the root. */
  readonly depth: number;
  readonly expanded: boolean;
  /** Position among its siblings, from 1, and how many there are. */
  readonly position: number;
  readonly siblings: number;
}

export function treeOf(items: readonly Item[]): Tree {
  const tree = new Map<string, Item>();
  for (const item of items) put(tree, item);
  return tree;
}

/** The tree after the changes. Changes that were applied before do no harm. */
export function applyChanges(tree: Tree, changes: readonly Change[]): Tree {
  const next = new Map(tree);
  for (const change of changes) {
    if (change.op === "delete") {
      remove(next, change.path);
    } else if (change.op === "move" && change.from !== undefined) {
      move(next, change.from, change.path);
      put(next, { ...itemOf(change), link_target: next.get(change.path)?.link_target ?? "" });
    } else {
      put(next, { ...itemOf(change), link_target: next.get(change.path)?.link_target ?? "" });
    }
  }
  return next;
}

/** The tree with one item added or replaced. */
export function withItem(tree: Tree, item: Item): Tree {
  const next = new Map(tree);
  put(next, item);
  return next;
}

function itemOf(change: Change): Item {
  return {
    name: baseName(change.path),
    path: change.path,
    type: change.type,
    size: change.size,
    revision: change.revision,
    saved: change.saved,
    unsaved_reason: change.unsaved_reason,
    link_target: "",
  };
}

function put(tree: Map<string, Item>, item: Item): void {
  const before = tree.get(item.path);
  if (before?.type === "folder" && item.type !== "folder") remove(tree, item.path);
  tree.set(item.path, item);
  // The list gives parents first; a change may come without them.
  for (let parent = parentOf(item.path); parent !== ""; parent = parentOf(parent)) {
    if (tree.get(parent)?.type === "folder") return;
    tree.set(parent, { ...item, name: baseName(parent), path: parent, type: "folder", size: 0, link_target: "" });
  }
}

function remove(tree: Map<string, Item>, path: string): void {
  const item = tree.get(path);
  tree.delete(path);
  if (item?.type !== "folder") return;
  for (const key of [...tree.keys()]) if (isWithin(key, path)) tree.delete(key);
}

function move(tree: Map<string, Item>, from: string, to: string): void {
  const item = tree.get(from);
  if (!item) return;
  const moved = item.type === "folder" ? [...tree.values()].filter(({ path }) => isWithin(path, from)) : [item];
  for (const { path } of moved) tree.delete(path);
  for (const each of moved) {
    const path = movedPath(each.path, from, to);
    tree.set(path, { ...each, path, name: baseName(path) });
  }
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function compare(a: Item, b: Item): number {
  const folders = Number(b.type === "folder") - Number(a.type === "folder");
  return folders || collator.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
}

/** The rows to show, top to bottom: folders first, then by name with numbers in their order. */
export function visibleRows(tree: Tree, expanded: ReadonlySet<string>): Row[] {
  const children = new Map<string, Item[]>();
  for (const item of tree.values()) {
    const parent = parentOf(item.path);
    const list = children.get(parent);
    if (list) list.push(item);
    else children.set(parent, [item]);
  }
  const rows: Row[] = [];
  const visit = (parent: string, depth: number) => {
    const items = (children.get(parent) ?? []).sort(compare);
    items.forEach((item, index) => {
      const open = item.type === "folder" && expanded.has(item.path);
      rows.push({ item, depth, expanded: open, position: index + 1, siblings: items.length });
      if (open) visit(item.path, depth + 1);
    });
  };
  visit("", 0);
  return rows;
}

/** The rows whose names have a text in them, in whatever case, with all folders that they are in. */
export function filteredRows(tree: Tree, text: string): Row[] {
  const wanted = text.toLowerCase();
  const kept = new Map<string, Item>();
  for (const item of tree.values()) {
    if (!item.name.toLowerCase().includes(wanted)) continue;
    kept.set(item.path, item);
    for (let parent = parentOf(item.path); parent !== "" && !kept.has(parent); parent = parentOf(parent)) {
      const folder = tree.get(parent);
      if (folder) kept.set(parent, folder);
    }
  }
  return visibleRows(kept, new Set(kept.keys()));
}

/** Names directly inside a folder. */
export function namesIn(tree: Tree, folder: string): Set<string> {
  const names = new Set<string>();
  for (const item of tree.values()) if (parentOf(item.path) === folder) names.add(item.name);
  return names;
}

/** Why an item is not saved, for people. */
export function unsavedReason(reason: string): string {
  const words: Record<string, string> = {
    ignored: "Not saved: generated files such as this are left out",
    too_large: "Not saved: larger than the limit for one file",
    workspace_full: "Not saved: the workspace is full",
    special: "Not saved: sockets, pipes and devices cannot be kept",
    unreadable: "Not saved: it cannot be read",
  };
  return words[reason] ?? "Not saved yet";
}
