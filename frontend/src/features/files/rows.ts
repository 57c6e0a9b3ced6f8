/** The rows that a tree shows. Only those that are looked at are made: 50,000 entries cost what the folders that are open cost. */
import { baseName, parentOf } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import { treeOf, type Tree } from "./tree";

export interface Row {
  readonly item: Item;
  /** 0 at the root. */
  readonly depth: number;
  readonly expanded: boolean;
  /** Position among its siblings, from 1, and how many there are. */
  readonly position: number;
  readonly siblings: number;
}

/** A folder that is shown open. */
interface Opened {
  readonly path: string;
  readonly depth: number;
  readonly children: readonly Item[];
  /** Its open folders, in their order. */
  readonly inner: readonly { readonly place: number; readonly folder: Opened }[];
  /** How many rows are below it. */
  readonly count: number;
}

export class Rows {
  readonly length: number;
  readonly #tree: Tree;
  readonly #root: Opened;

  constructor(tree: Tree, expanded: ReadonlySet<string>) {
    this.#tree = tree;
    const byParent = new Map<string, string[]>();
    for (const path of expanded) {
      if (tree.get(path)?.type !== "folder") continue;
      const list = byParent.get(parentOf(path));
      if (list) list.push(path);
      else byParent.set(parentOf(path), [path]);
    }
    const open = (path: string, depth: number): Opened => {
      const children = tree.childrenOf(path);
      const inner = (byParent.get(path) ?? [])
        .map((each) => ({ place: tree.placeOf(each), folder: open(each, depth + 1) }))
        .sort((a, b) => a.place - b.place);
      return { path, depth, children, inner, count: inner.reduce((sum, { folder }) => sum + folder.count, children.length) };
    };
    this.#root = open("", 0);
    this.length = this.#root.count;
  }

  at(index: number): Row | undefined {
    if (index < 0 || index >= this.length) return undefined;
    let folder = this.#root;
    let rest = index;
    for (;;) {
      let next: Opened | undefined;
      let open = false;
      // `rest` becomes the place among the children.
      for (const { place, folder: inner } of folder.inner) {
        if (rest < place) break;
        open = rest === place;
        if (open) break;
        if (rest <= place + inner.count) {
          next = inner;
          rest -= place + 1;
          break;
        }
        rest -= inner.count;
      }
      if (next) {
        folder = next;
        continue;
      }
      const item = folder.children[rest];
      if (!item) return undefined;
      return { item, depth: folder.depth, expanded: open, position: rest + 1, siblings: folder.children.length };
    }
  }

  slice(begin: number, end: number): Row[] {
    const rows: Row[] = [];
    for (let index = Math.max(0, begin); index < Math.min(end, this.length); index++) {
      const row = this.at(index);
      if (row) rows.push(row);
    }
    return rows;
  }

  /** Where the row of a path is, or -1 while it is not shown. */
  indexOf(path: string): number {
    if (path === "" || !this.#tree.has(path)) return -1;
    let index = -1;
    let folder = this.#root;
    let parent = "";
    for (const name of path.split("/")) {
      if (index >= 0) {
        const opened = folder.inner.find(({ folder: inner }) => inner.path === parent);
        if (!opened) return -1;
        folder = opened.folder;
      }
      const reached = parent ? `${parent}/${name}` : name;
      const place = this.#tree.placeOf(reached);
      if (place < 0) return -1;
      index += 1 + place;
      for (const inner of folder.inner) if (inner.place < place) index += inner.folder.count;
      parent = reached;
    }
    return index;
  }

  /** The first row after `from`, around the end, whose name begins so. */
  find(start: string, from: number): number {
    const wanted = start.toLowerCase();
    for (let step = 0; step < this.length; step++) {
      const index = (from + step) % this.length;
      if (this.at(index)?.item.name.toLowerCase().startsWith(wanted) === true) return index;
    }
    return -1;
  }

  [Symbol.iterator](): IterableIterator<Row> {
    return this.slice(0, this.length).values();
  }
}

/** The rows to show, top to bottom. */
export function visibleRows(tree: Tree, expanded: ReadonlySet<string>): Rows {
  return new Rows(tree, expanded);
}

/** The part of a tree whose names or paths have the text, with the folders around it, all open. */
export function filtered(tree: Tree, text: string): { readonly tree: Tree; readonly expanded: ReadonlySet<string>; readonly found: number } {
  const wanted = text.toLowerCase();
  const byPath = wanted.includes("/");
  const items = new Map<string, Item>();
  const expanded = new Set<string>();
  let found = 0;
  for (const item of tree.values()) {
    if (!(byPath ? item.path : baseName(item.path)).toLowerCase().includes(wanted)) continue;
    found++;
    items.set(item.path, item);
    for (let parent = parentOf(item.path); parent !== "" && !expanded.has(parent); parent = parentOf(parent)) {
      const folder = tree.get(parent);
      if (folder) items.set(parent, folder);
      expanded.add(parent);
    }
  }
  return { tree: treeOf(items.values()), expanded, found };
}
