/** What is selected in the tree: any number of paths, one that has the focus, and the one that a range begins at. */
import { isWithin, movedPath } from "@/lib/paths";
import type { Rows } from "./rows";

export interface Selection {
  readonly paths: ReadonlySet<string>;
  /** "": none. */
  readonly focus: string;
  readonly anchor: string;
}

export const nothing: Selection = { paths: new Set(), focus: "", anchor: "" };

export function only(path: string): Selection {
  return path === "" ? nothing : { paths: new Set([path]), focus: path, anchor: path };
}

/** With a path added or taken out. */
export function toggled({ paths }: Selection, path: string): Selection {
  const next = new Set(paths);
  if (!next.delete(path)) next.add(path);
  return { paths: next, focus: path, anchor: path };
}

/** All from the anchor to the path; the rows say what lies between. */
export function ranged(selection: Selection, rows: Rows, path: string): Selection {
  const to = rows.indexOf(path);
  const anchored = rows.indexOf(selection.anchor);
  if (to < 0) return selection;
  const from = anchored < 0 ? to : anchored;
  const between = rows.slice(Math.min(from, to), Math.max(from, to) + 1).map(({ item }) => item.path);
  return { paths: new Set(between), focus: path, anchor: anchored < 0 ? path : selection.anchor };
}

/** Every row that is shown. */
export function everything({ focus, anchor }: Selection, rows: Rows): Selection {
  const first = rows.at(0)?.item.path ?? "";
  return { paths: new Set(rows.slice(0, rows.length).map(({ item }) => item.path)), focus: focus || first, anchor: anchor || first };
}

/** The selection after something was moved. */
export function followed(selection: Selection, from: string, to: string): Selection {
  const { paths, focus, anchor } = selection;
  if (![focus, anchor, ...paths].some((path) => path !== "" && isWithin(path, from))) return selection;
  return { paths: new Set([...paths].map((path) => movedPath(path, from, to))), focus: movedPath(focus, from, to), anchor: movedPath(anchor, from, to) };
}

/** The selection without what is not there any more. */
export function pruned(selection: Selection, has: (path: string) => boolean): Selection {
  const kept = [...selection.paths].filter(has);
  const focus = selection.focus === "" || has(selection.focus) ? selection.focus : "";
  const anchor = selection.anchor === "" || has(selection.anchor) ? selection.anchor : focus;
  if (kept.length === selection.paths.size && focus === selection.focus && anchor === selection.anchor) return selection;
  return { paths: new Set(kept), focus, anchor };
}
