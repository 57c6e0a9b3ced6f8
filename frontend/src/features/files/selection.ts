/** Which entries of the tree are selected: one has the focus, and the rest were added to it. */
import { baseName, extensionOf, isWithin, joinPath, movedPath, parentOf } from "@/lib/paths";

export interface Selection {
  /** The row with the focus; "" is none. */
  readonly focus: string;
  /** Where a range begins. */
  readonly anchor: string;
  /** All that is selected, the focus included unless it was taken out. */
  readonly paths: ReadonlySet<string>;
}

export const nothing: Selection = { focus: "", anchor: "", paths: new Set() };

export function only(path: string): Selection {
  return path === "" ? nothing : { focus: path, anchor: path, paths: new Set([path]) };
}

/** Adds a path, or takes it out. */
export function toggled({ paths }: Selection, path: string): Selection {
  const next = new Set(paths);
  if (!next.delete(path)) next.add(path);
  return { focus: path, anchor: path, paths: next };
}

/** From the anchor to a path, in the order of the rows. */
export function extended(selection: Selection, rows: readonly string[], path: string): Selection {
  const [from, to] = [rows.indexOf(selection.anchor), rows.indexOf(path)];
  if (to < 0) return selection;
  if (from < 0) return only(path);
  return { focus: path, anchor: selection.anchor, paths: new Set(rows.slice(Math.min(from, to), Math.max(from, to) + 1)) };
}

/** The selection after a move of an entry. */
export function followed(selection: Selection, from: string, to: string): Selection {
  if (![selection.focus, selection.anchor, ...selection.paths].some((path) => path !== "" && isWithin(path, from))) return selection;
  const move = (path: string) => (path === "" ? "" : movedPath(path, from, to));
  return { focus: move(selection.focus), anchor: move(selection.anchor), paths: new Set([...selection.paths].map(move)) };
}

/** What an action on the selection is about: the selected that are there, without those inside another one. */
export function outermost(paths: Iterable<string>, there: (path: string) => boolean): string[] {
  const found = new Set([...paths].filter(there));
  const inside = (path: string) => {
    for (let above = parentOf(path); above !== ""; above = parentOf(above)) if (found.has(above)) return true;
    return false;
  };
  return [...found].filter((path) => !inside(path)).sort();
}

/** A free path in a folder for a copy: "a.txt", "a copy.txt", "a copy 2.txt". */
export function freePath(folder: string, name: string, taken: (path: string) => boolean): string {
  const first = joinPath(folder, name);
  if (!taken(first)) return first;
  const extension = extensionOf(name);
  const stem = extension === "" ? name : baseName(name).slice(0, -(extension.length + 1));
  const end = extension === "" ? "" : name.slice(stem.length);
  for (let number = 1; ; number++) {
    const path = joinPath(folder, `${stem} copy${number > 1 ? ` ${number}` : ""}${end}`);
    if (!taken(path)) return path;
  }
}
