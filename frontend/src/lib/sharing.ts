/** The JSON of shares and recordings (docs/api/http.md), parsed as lib/schemas does the rest. */
import * as z from "zod/mini";
import { modeSchema, sessionSchema } from "./schemas";
import { count, flag, listOf, orNull, text } from "./shapes";

const answerOf = <T extends z.ZodMiniType>(schema: T) => z.object({ data: listOf(schema) });

/** What the owner of a session gave out. */
export const shareSchema = z.object({
  id: z.string(),
  /** The one terminal that it is for; null: the whole workspace. */
  terminal: orNull(z.string()),
  mode: modeSchema,
  kind: z.enum(["user", "link"]),
  /** Of the user that it names; null for a link. */
  username: z.nullish(z.string()),
  accepted: listOf(z.object({ username: z.string(), accepted_at: z.string() })),
  created_at: z.string(),
  expires_at: z.string(),
  /** The link's address: only in the answer that made it. */
  url: z.nullish(z.string()),
});
export type Share = z.infer<typeof shareSchema>;

export const shareListSchema = answerOf(shareSchema);
export const shareAnswerSchema = z.object({ data: shareSchema });

/** A share as the one sees it who was given it. */
export const sharedSchema = z.object({
  id: z.string(),
  session: sessionSchema,
  /** The owner's username. */
  owner: z.string(),
  mode: modeSchema,
  terminal: orNull(z.string()),
  expires_at: z.string(),
});
export type Shared = z.infer<typeof sharedSchema>;

export const sharedListSchema = answerOf(sharedSchema);
export const sharedAnswerSchema = z.object({ data: sharedSchema });

export const recordingSchema = z.object({
  id: z.string(),
  terminal: z.string(),
  title: text,
  cols: z._default(z.number(), 80),
  rows: z._default(z.number(), 24),
  started_at: z.string(),
  ended_at: z.nullish(z.string()),
  /** Of the last event, in seconds. */
  duration: count,
  /** Of the file, in bytes. */
  size: count,
  active: flag,
  /** Why it ended before its time. */
  error: text,
});
export type Recording = z.infer<typeof recordingSchema>;

export const recordingListSchema = answerOf(recordingSchema);
export const recordingAnswerSchema = z.object({ data: recordingSchema });
