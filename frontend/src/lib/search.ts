/** The JSON of searches and replacements (docs/api/http.md, Search), parsed as lib/schemas does the rest. */
import * as z from "zod/mini";
import { count, flag, text } from "./shapes";

/** Lines and columns from 1, columns in UTF-16 code units, the end behind the last. */
export const matchSchema = z.object({
  line: z.number(),
  column: z.number(),
  end_line: z.number(),
  end_column: z.number(),
  /** A part of the line, and the match's column in it. */
  preview: z.string(),
  preview_column: z.number(),
});
export type Match = z.infer<typeof matchSchema>;

export const foundFileSchema = z.object({
  path: z.string(),
  revision: z.number(),
  matches: z.array(matchSchema),
  /** The file has more than are listed. */
  more: flag,
});
export type FoundFile = z.infer<typeof foundFileSchema>;

export const searchAnswerSchema = z.object({
  files: z.array(foundFileSchema),
  matches: z.number(),
  searched: count,
  skipped: count,
  truncated: flag,
});
export type SearchAnswer = z.infer<typeof searchAnswerSchema>;

export const replaceAnswerSchema = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      matches: z.number(),
      revision: count,
      /** Why the file was left as it is, or "". */
      reason: text,
    }),
  ),
  matches: z.number(),
  replaced: z.number(),
  truncated: flag,
});
export type ReplaceAnswer = z.infer<typeof replaceAnswerSchema>;

export interface SearchQuery {
  readonly text: string;
  readonly regex: boolean;
  readonly matchCase: boolean;
  readonly word: boolean;
  /** Globs, separated by commas. */
  readonly include: string;
  readonly exclude: string;
}

export function searchParams({ text, regex, matchCase, word, include, exclude }: SearchQuery, limit: number): URLSearchParams {
  const params = new URLSearchParams({ q: text, limit: String(limit) });
  if (regex) params.set("regex", "1");
  if (matchCase) params.set("case", "1");
  if (word) params.set("word", "1");
  if (include.trim()) params.set("include", include);
  if (exclude.trim()) params.set("exclude", exclude);
  return params;
}

export interface Replacement {
  readonly replacement: string;
  /** Only in these; absent: in all that the query finds. */
  readonly paths?: readonly string[];
  /** Counts, and changes nothing. */
  readonly dryRun?: boolean;
}

export function replaceBody(query: SearchQuery, { replacement, paths, dryRun }: Replacement): object {
  const globs = (text: string) => text.split(",").map((each) => each.trim()).filter(Boolean);
  return {
    q: query.text,
    replacement,
    regex: query.regex,
    case: query.matchCase,
    word: query.word,
    include: globs(query.include),
    exclude: globs(query.exclude),
    ...(paths ? { paths } : {}),
    ...(dryRun ? { dry_run: true } : {}),
  };
}
