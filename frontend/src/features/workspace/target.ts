import type { Place } from "@/features/editor/text-buffer";

/** The file and the place in it that the page's address names. */
export interface Target {
  readonly path: string;
  readonly place: Place | null;
}

/** Reads `file`, `line` and `column` of an address. */
export function targetOf(query: { get(name: string): string | null }): Target | null {
  const path = query.get("file") ?? "";
  const number = (name: string) => {
    const value = query.get(name) ?? "";
    return /^[1-9][0-9]{0,8}$/.test(value) ? Number(value) : undefined;
  };
  if (path === "") return null;
  const line = number("line");
  const column = number("column");
  return { path, place: line === undefined ? null : { line, ...(column === undefined ? {} : { column }) } };
}
