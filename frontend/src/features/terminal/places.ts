/** Finds what programs print as places in files: `src/a.ts:10:5`, Python's `File "a.py", line 3`, `a.ts(10,5)`. */
export interface FoundPlace {
  /** Where it stands in the text, and how much of it is the link. */
  readonly start: number;
  readonly length: number;
  readonly path: string;
  readonly line: number;
  readonly column?: number;
}

/** Characters of a path: names with spaces are found in quotes only. */
const name = String.raw`[^\s"'\x60<>|:;,()\[\]{}=]+`;
const patterns: readonly RegExp[] = [
  /"(?<path>[^"]+)", line (?<line>\d{1,9})/g,
  new RegExp(String.raw`(?<path>(?:file:\/\/)?${name}):(?<line>\d{1,9})(?::(?<column>\d{1,9}))?(?![\d.])`, "g"),
  new RegExp(String.raw`(?<path>${name})\((?<line>\d{1,9})(?:,(?<column>\d{1,9}))?\)`, "g"),
];

export function findPlaces(text: string): FoundPlace[] {
  const found: FoundPlace[] = [];
  for (const pattern of patterns) {
    for (const match of text.matchAll(pattern)) {
      const { path = "", line = "", column } = match.groups ?? {};
      const inner = pattern === patterns[0] ? 1 : 0; // the quote
      const place = { start: match.index + inner, length: match[0].length - inner, path, line: Number(line), ...(column === undefined ? {} : { column: Number(column) }) };
      if (place.line > 0 && !found.some((other) => place.start < other.start + other.length && other.start < place.start + place.length)) found.push(place);
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** Where environments have the workspace. */
export const root = "/app/";

/**
 * The workspace's path that a program means which runs in `cwd`, itself a workspace path ("." for the root) or an
 * absolute one outside. null: it is not in the workspace, or no file there.
 */
export function resolvePlace(path: string, cwd: string, isFile: (path: string) => boolean): string | null {
  const plain = path.replace(/^file:\/\//, "");
  const tries = plain.startsWith("/") ? (plain.startsWith(root) ? [plain.slice(root.length)] : []) : [...(cwd.startsWith("/") ? [] : [`${cwd}/${plain}`]), plain];
  for (const each of tries) {
    const parts: string[] = [];
    for (const part of each.split("/")) {
      if (part === "" || part === ".") continue;
      if (part !== "..") parts.push(part);
      else if (parts.pop() === undefined) return null;
    }
    const normal = parts.join("/");
    if (normal !== "" && isFile(normal)) return normal;
  }
  return null;
}
