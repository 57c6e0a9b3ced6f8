/** The JSON of shares and recordings (docs/api/http.md), parsed as lib/schemas does the rest. */
import { z } from "zod";
import { modeSchema, sessionSchema } from "./schemas";

const listOf = <T extends z.ZodType>(schema: T) =>
  z.object({
    data: z
      .array(schema)
      .nullish()
      .transform((data) => data ?? []),
  });

/** What the owner of a session gave out. */
export const shareSchema = z.object({
  id: z.string(),
  /** The one terminal that it is for; null: the whole workspace. */
  terminal: z.string().nullish().transform((name) => name ?? null),
  mode: modeSchema,
  kind: z.enum(["user", "link"]),
  /** Of the user that it names; null for a link. */
  username: z.string().nullish(),
  accepted: z
    .array(z.object({ username: z.string(), accepted_at: z.string() }))
    .nullish()
    .transform((accepted) => accepted ?? []),
  created_at: z.string(),
  expires_at: z.string(),
  /** The link's address: only in the answer that made it. */
  url: z.string().nullish(),
});
export type Share = z.infer<typeof shareSchema>;

export const shareListSchema = listOf(shareSchema);
export const shareAnswerSchema = z.object({ data: shareSchema });

/** A share as the one sees it who was given it. */
export const sharedSchema = z.object({
  id: z.string(),
  session: sessionSchema,
  /** The owner's username. */
  owner: z.string(),
  mode: modeSchema,
  terminal: z.string().nullish().transform((name) => name ?? null),
  expires_at: z.string(),
});
export type Shared = z.infer<typeof sharedSchema>;

export const sharedListSchema = listOf(sharedSchema);
export const sharedAnswerSchema = z.object({ data: sharedSchema });

export const recordingSchema = z.object({
  id: z.string(),
  terminal: z.string(),
  title: z.string().default(""),
  cols: z.number().default(80),
  rows: z.number().default(24),
  started_at: z.string(),
  ended_at: z.string().nullish(),
  /** Of the last event, in seconds. */
  duration: z.number().default(0),
  /** Of the file, in bytes. */
  size: z.number().default(0),
  active: z.boolean().default(false),
  /** Why it ended before its time. */
  error: z.string().default(""),
});
export type Recording = z.infer<typeof recordingSchema>;

export const recordingListSchema = listOf(recordingSchema);
export const recordingAnswerSchema = z.object({ data: recordingSchema });
