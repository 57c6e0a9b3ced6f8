/** The rows of what was found: each file, and below it its matches unless they are folded away. */
import type { FoundFile, Match } from "@/lib/search";

export type ResultRow =
  | { readonly kind: "file"; readonly file: FoundFile; readonly folded: boolean }
  | { readonly kind: "match"; readonly file: FoundFile; readonly match: Match; readonly index: number };

export function rowsOf(files: readonly FoundFile[], folded: ReadonlySet<string>): ResultRow[] {
  const rows: ResultRow[] = [];
  for (const file of files) {
    const shut = folded.has(file.path);
    rows.push({ kind: "file", file, folded: shut });
    if (shut) continue;
    file.matches.forEach((match, index) => rows.push({ kind: "match", file, match, index }));
  }
  return rows;
}
