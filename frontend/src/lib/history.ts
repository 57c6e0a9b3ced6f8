/** The JSON of the files' history (docs/api/http.md, History), parsed as lib/schemas does the rest. */
import * as z from "zod/mini";
import { itemTypeSchema } from "./schemas";
import { count, flag, listOf, text } from "./shapes";

/** What was done to a path, in one revision. */
export const versionSchema = z.object({
  revision: z.number(),
  op: z.enum(["put", "delete", "move"]),
  path: z.string(),
  /** Of a move: where it was before. */
  from: text,
  type: z._default(itemTypeSchema, "file"),
  size: count,
  saved: z._default(z.boolean(), true),
  unsaved_reason: text,
  source: text,
  user: z.pipe(z.nullish(z.object({ username: text })), z.transform((user) => user?.username ?? "")),
  created_at: z.string(),
});
export type Version = z.infer<typeof versionSchema>;

export const versionsSchema = z.object({
  versions: listOf(versionSchema),
  /** Where the next page begins, or "". */
  next: text,
});
export type Versions = z.infer<typeof versionsSchema>;

export const deletedFileSchema = z.object({
  path: z.string(),
  size: count,
  revision: z.number(),
  deleted_at: z.string(),
  source: text,
  /** The revision that it is restored to. */
  restore_revision: z.number(),
});
export type DeletedFile = z.infer<typeof deletedFileSchema>;

export const deletedSchema = z.object({
  files: listOf(deletedFileSchema),
  more: flag,
});
export type DeletedFiles = z.infer<typeof deletedSchema>;

export const removedSchema = z.object({ revision: count });

export const restoredSchema = z.object({
  revision: count,
  written: count,
  deleted: count,
  left: listOf(z.object({ path: z.string(), reason: text })),
});
export type Restored = z.infer<typeof restoredSchema>;

/** What is restored, and to when. Without a path it is everything. */
export interface Restore {
  readonly path?: string;
  readonly revision: number;
}
