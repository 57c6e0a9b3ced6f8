/**
 * What a replacement makes of a match, before it is made. The server replaces, by RE2's rules; for plain text that is
 * the replacement itself, for a regular expression it is worked out here only where the browser's expressions find
 * the very same match, and is left open everywhere else.
 */
import type { Match, SearchQuery } from "@/lib/search";

export interface Piece {
  readonly before: string;
  readonly match: string;
  readonly after: string;
}

/** So much of the line before a match is shown, so that the match is in sight. */
const lead = 16;

/** The preview's parts around the match; the blanks that the line begins with are left out. */
export function pieceOf({ preview, preview_column, line, column, end_line, end_column }: Match): Piece {
  const start = Math.min(preview_column - 1, preview.length);
  const end = end_line === line ? Math.min(start + end_column - column, preview.length) : preview.length;
  let before = preview.slice(0, start).trimStart();
  if (before.length > lead) before = `…${before.slice(-lead)}`;
  return { before, match: preview.slice(start, end), after: preview.slice(end) };
}

/** The browser's form of a query; null where there is none. */
export function expressionOf({ text, regex, matchCase, word }: SearchQuery): RegExp | null {
  if (!regex) return null;
  // (?i) and (?s) at the beginning are RE2's flags for all of it; names of groups are written otherwise.
  const head = /^\(\?([is]+)\)/.exec(text);
  const flags = new Set(["m", "y", "d", ...(matchCase ? [] : ["i"]), ...(head?.[1] ?? "").split("").filter(Boolean)]);
  const source = text.slice(head?.[0].length ?? 0).replaceAll("(?P<", "(?<");
  try {
    return new RegExp(word ? String.raw`\b(?:${source})\b` : source, [...flags].join(""));
  } catch {
    return null;
  }
}

/** Go's template: $1, $name, ${1} and ${name}; $$ is a dollar; the longest name counts, and an unknown one is empty. */
export function expand(template: string, match: RegExpExecArray): string {
  return template.replaceAll(/\$(?:\$|\{(\w+)\}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare;
    if (name === undefined) return "$";
    if (/^\d+$/.test(name)) return match[Number(name)] ?? "";
    return match.groups?.[name] ?? "";
  });
}

/** What stands there after the replacement; null where only the server knows. */
export function replacedOf(match: Match, query: SearchQuery, expression: RegExp | null, replacement: string): string | null {
  if (!query.regex) return replacement;
  if (!replacement.includes("$")) return replacement;
  if (!expression || match.end_line !== match.line) return null;
  expression.lastIndex = match.preview_column - 1;
  const found = expression.exec(match.preview);
  const whole = match.preview.length >= match.preview_column - 1 + match.end_column - match.column;
  if (found?.[0].length !== match.end_column - match.column || !whole) return null;
  return expand(replacement, found);
}
