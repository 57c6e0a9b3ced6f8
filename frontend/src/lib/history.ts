/** The JSON of the files' history (docs/api/http.md, History), parsed as lib/schemas does the rest. */
import { z } from "zod";
import { itemTypeSchema } from "./schemas";

/** What was done to a path, in one revision. */
export const versionSchema = z.object({
  revision: z.number(),
  op: z.enum(["put", "delete", "move"]),
  path: z.string(),
  /** Of a move: where it was before. */
  from: z.string().default(""),
  type: itemTypeSchema.default("file"),
  size: z.number().default(0),
  saved: z.boolean().default(true),
  unsaved_reason: z.string().default(""),
  source: z.string().default(""),
  user: z
    .object({ username: z.string().default("") })
    .nullish()
    .transform((user) => user?.username ?? ""),
  created_at: z.string(),
});
export type Version = z.infer<typeof versionSchema>;

export const versionsSchema = z.object({
  versions: z
    .array(versionSchema)
    .nullish()
    .transform((versions) => versions ?? []),
  /** Where the next page begins, or "". */
  next: z.string().default(""),
});
export type Versions = z.infer<typeof versionsSchema>;

export const deletedFileSchema = z.object({
  path: z.string(),
  size: z.number().default(0),
  revision: z.number(),
  deleted_at: z.string(),
  source: z.string().default(""),
  /** The revision that it is restored to. */
  restore_revision: z.number(),
});
export type DeletedFile = z.infer<typeof deletedFileSchema>;

export const deletedSchema = z.object({
  files: z
    .array(deletedFileSchema)
    .nullish()
    .transform((files) => files ?? []),
  more: z.boolean().default(false),
});
export type DeletedFiles = z.infer<typeof deletedSchema>;

export const removedSchema = z.object({ revision: z.number().default(0) });

export const restoredSchema = z.object({
  revision: z.number().default(0),
  written: z.number().default(0),
  deleted: z.number().default(0),
  left: z
    .array(z.object({ path: z.string(), reason: z.string().default("") }))
    .nullish()
    .transform((left) => left ?? []),
});
export type Restored = z.infer<typeof restoredSchema>;

/** What is restored, and to when. Without a path it is everything. */
export interface Restore {
  readonly path?: string;
  readonly revision: number;
}
