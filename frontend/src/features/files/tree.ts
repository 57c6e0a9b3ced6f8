/** The file tree as plain data: what a change does to it, at the cost of what changed. rows.ts has what it shows. */
import { baseName, movedPath, parentOf } from "@/lib/paths";
import type { Change, Item } from "@/lib/schemas";
import { sortKey } from "./sort-key";

/** So many new names are put into a sorted folder one by one; more, and it is sorted anew. */
const fewNames = 64;

interface Entry {
  readonly key: string;
  item: Item;
}

/** A folder's content: by name, and in its order once that was asked for. */
interface Content {
  readonly names: Map<string, Entry>;
  sorted: Item[] | undefined;
}

/** What all states of one tree share: only the newest of them may be read. */
interface Data {
  readonly items: Map<string, Item>;
  readonly folders: Map<string, Content>;
  /** What is in the environment alone, though nobody asked for that. */
  readonly unsaved: Map<string, Item>;
}

/**
 * Items by path. A tree is not copied when it changes: `with` answers a new one, by which watchers see that something
 * changed, and the one before must not be used any more.
 */
export class Tree implements ReadonlyMap<string, Item> {
  readonly #data: Data;

  constructor(data: Data = { items: new Map(), folders: new Map(), unsaved: new Map() }) {
    this.#data = data;
  }

  get size(): number {
    return this.#data.items.size;
  }
  get(path: string): Item | undefined {
    return this.#data.items.get(path);
  }
  has(path: string): boolean {
    return this.#data.items.has(path);
  }
  keys() {
    return this.#data.items.keys();
  }
  values() {
    return this.#data.items.values();
  }
  entries() {
    return this.#data.items.entries();
  }
  [Symbol.iterator]() {
    return this.#data.items.entries();
  }
  forEach(each: (item: Item, path: string, tree: ReadonlyMap<string, Item>) => void): void {
    this.#data.items.forEach((item, path) => each(item, path, this));
  }

  /** What is not saved, by path. What is ignored is left out on purpose, and is not in it. */
  get unsaved(): ReadonlyMap<string, Item> {
    return this.#data.unsaved;
  }

  hasName(folder: string, name: string): boolean {
    return this.#data.folders.get(folder)?.names.has(name) ?? false;
  }

  /** Names directly inside a folder. */
  namesIn(folder: string): Set<string> {
    return new Set(this.#data.folders.get(folder)?.names.keys());
  }

  /** What is directly inside a folder: folders first, then by name with numbers in their order. */
  childrenOf(folder: string): readonly Item[] {
    const content = this.#data.folders.get(folder);
    if (!content) return [];
    content.sorted ??= [...content.names.values()].sort(compare).map(({ item }) => item);
    return content.sorted;
  }

  /** The place of an item among its siblings, or -1. */
  placeOf(path: string): number {
    const parent = parentOf(path);
    const entry = this.#data.folders.get(parent)?.names.get(baseName(path));
    if (!entry) return -1;
    return placeFor(this.childrenOf(parent), entry);
  }

  /** The tree with the changes, in their order. Changes that were applied before do no harm. */
  with(changes: readonly Change[]): Tree {
    // Of many changes a folder is sorted once, at the end.
    if (changes.length > fewNames) for (const change of changes) this.#unsort(parentOf(change.path));
    for (const change of changes) {
      if (change.op === "delete") {
        this.#remove(change.path);
        continue;
      }
      if (change.op === "move" && change.from !== undefined) this.#move(change.from, change.path);
      this.#put(itemOf(change, this.get(change.path)?.link_target));
    }
    return new Tree(this.#data);
  }

  /** The tree with these items added or replaced. */
  withItems(items: Iterable<Item>): Tree {
    for (const item of items) this.#put(item);
    return new Tree(this.#data);
  }

  #unsort(folder: string): void {
    const content = this.#data.folders.get(folder);
    if (content) content.sorted = undefined;
  }

  #put(item: Item): void {
    const before = this.get(item.path);
    if (before?.type === "folder" && item.type !== "folder") this.#remove(item.path);
    this.#set(item);
    // The list gives parents first; a change may come without them.
    for (let parent = parentOf(item.path); parent !== ""; parent = parentOf(parent)) {
      if (this.get(parent)?.type === "folder") return;
      this.#set({ ...item, name: baseName(parent), path: parent, type: "folder", size: 0, link_target: "" });
    }
  }

  #set(item: Item): void {
    const { items, folders, unsaved } = this.#data;
    items.set(item.path, item);
    if (item.saved || item.unsaved_reason === "ignored") unsaved.delete(item.path);
    else unsaved.set(item.path, item);
    const parent = parentOf(item.path);
    let content = folders.get(parent);
    if (!content) folders.set(parent, (content = { names: new Map(), sorted: undefined }));
    const name = baseName(item.path);
    const before = content.names.get(name);
    if (before && (before.item.type === "folder") === (item.type === "folder")) {
      if (content.sorted) content.sorted[placeFor(content.sorted, before)] = item;
      before.item = item;
      return;
    }
    if (before) this.#drop(content, name, before);
    const entry = { key: sortKey(name), item };
    content.names.set(name, entry);
    content.sorted?.splice(placeFor(content.sorted, entry), 0, item);
  }

  #drop(content: Content, name: string, entry: Entry): void {
    content.sorted?.splice(placeFor(content.sorted, entry), 1);
    content.names.delete(name);
  }

  #remove(path: string): void {
    const { items, folders, unsaved } = this.#data;
    const content = folders.get(parentOf(path));
    const entry = content?.names.get(baseName(path));
    if (!content || !entry) return;
    this.#drop(content, baseName(path), entry);
    for (const each of this.#below(path)) {
      items.delete(each.path);
      unsaved.delete(each.path);
      folders.delete(each.path);
    }
  }

  #move(from: string, to: string): void {
    if (from === to) return;
    const moved = this.#below(from);
    // It was applied before.
    if (moved.length === 0) return;
    this.#remove(from);
    this.#remove(to);
    for (const each of moved) {
      const path = movedPath(each.path, from, to);
      this.#set({ ...each, path, name: baseName(path) });
    }
  }

  /** All that is within a folder, parents first. */
  below(path: string): Item[] {
    return this.#below(path).slice(1);
  }

  /** An item and all that is within it, parents first. */
  #below(path: string): Item[] {
    const item = this.get(path);
    if (!item) return [];
    const found = [item];
    // It grows while it is walked.
    for (const each of found) {
      for (const { item: child } of this.#data.folders.get(each.path)?.names.values() ?? []) found.push(child);
    }
    return found;
  }
}

function itemOf(change: Change, linkTarget = ""): Item {
  return {
    name: baseName(change.path),
    path: change.path,
    type: change.type,
    size: change.size,
    revision: change.revision,
    saved: change.saved,
    unsaved_reason: change.unsaved_reason,
    link_target: linkTarget,
  };
}

function compare(a: Entry, b: Entry): number {
  const folders = Number(b.item.type === "folder") - Number(a.item.type === "folder");
  if (folders !== 0) return folders;
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.item.name < b.item.name ? -1 : a.item.name > b.item.name ? 1 : 0;
}

/** Where an entry is in a sorted folder, or belongs. */
function placeFor(sorted: readonly Item[], entry: Entry): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = sorted[middle];
    if (item && compare({ key: sortKey(item.name), item }, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function treeOf(items: Iterable<Item>): Tree {
  return new Tree().withItems(items);
}

/** Those of the paths that are not within another of them. */
export function outermost(paths: Iterable<string>): string[] {
  const sorted = [...new Set(paths)].sort();
  const kept: string[] = [];
  const set = new Set(sorted);
  for (const path of sorted) {
    let within = false;
    for (let parent = parentOf(path); parent !== "" && !within; parent = parentOf(parent)) within = set.has(parent);
    if (!within) kept.push(path);
  }
  return kept;
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
