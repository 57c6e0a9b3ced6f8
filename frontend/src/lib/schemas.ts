/** The backend's JSON (docs/api), parsed. Unknown fields are ignored; missing optional ones get their zero value. */
import * as z from "zod/mini";
import { count, flag, listOf, orNull, text } from "./shapes";

export const phaseSchema = z.catch(z.enum(["stopped", "starting", "restoring", "ready", "stopping", "failed"]), "stopped");
export type Phase = z.infer<typeof phaseSchema>;

export const problemSchema = z.object({
  title: text,
  status: count,
  detail: text,
  code: z._default(z.string(), "internal"),
  errors: z._default(z.record(z.string(), z.string()), {}),
  current_revision: z.optional(z.number()),
  request_id: text,
});
export type ProblemBody = z.infer<typeof problemSchema>;

export const userSchema = z.object({
  id: z.string(),
  username: z.string(),
  email: text,
});
export type User = z.infer<typeof userSchema>;

export const signedInSchema = z.object({ user: userSchema });

export const modeSchema = z.catch(z.enum(["view", "write"]), "view");
export type Mode = z.infer<typeof modeSchema>;

/** What the user may do in a session: all of it as its owner, or what a share gives. */
export const accessSchema = z.object({
  owner: z.boolean(),
  mode: modeSchema,
  /** The one terminal that is shared; null: the whole workspace. */
  terminal: orNull(z.string()),
  expires_at: z.nullish(z.string()),
});
export type Access = z.infer<typeof accessSchema>;

export const sessionSchema = z.object({
  id: z.string(),
  name: z.string(),
  is_active: flag,
  phase: z._default(phaseSchema, "stopped"),
  reason: text,
  /** Among the sessions that wait for others to stop, 1 being the next; 0: it does not wait. */
  queue_place: count,
  created_at: z.string(),
  updated_at: z.string(),
  last_activity_at: z.nullish(z.string()),
  file_count: count,
  /** In bytes, of what is saved. */
  size: count,
  /** Given for one session, not in lists, which hold the user's own. */
  access: z.nullish(accessSchema),
});
export type Session = z.infer<typeof sessionSchema>;

export const sessionListSchema = z.object({ data: z.array(sessionSchema), count: z.number() });
export const sessionAnswerSchema = z.object({ data: sessionSchema });

export const itemTypeSchema = z.catch(z.enum(["file", "folder", "symlink", "special"]), "special");
export type ItemType = z.infer<typeof itemTypeSchema>;

export const itemSchema = z.object({
  name: z.string(),
  path: z.string(),
  type: itemTypeSchema,
  size: count,
  revision: count,
  saved: z._default(z.boolean(), true),
  unsaved_reason: text,
  link_target: text,
});
export type Item = z.infer<typeof itemSchema>;

export const itemListSchema = listOf(itemSchema);
export const fileAnswerSchema = z.object({ file: itemSchema });
export const copyAnswerSchema = z.extend(fileAnswerSchema, { left: count });
export const unpackedSchema = z.object({
  files: count,
  /** Links and special files, which only the environment makes. */
  skipped: listOf(z.string()),
});
export type Unpacked = z.infer<typeof unpackedSchema>;
export const fileContentSchema = z.extend(itemSchema, {
  content: text,
  encoding: z._default(z.enum(["utf-8", "base64"]), "utf-8"),
  /** The content is larger than what was asked for. */
  content_omitted: flag,
});
export type FileContent = z.infer<typeof fileContentSchema>;

export const syncSchema = z.object({
  watch_mode: text,
  pending: count,
  unsaved: count,
  braked: flag,
  message: text,
});
export type Sync = z.infer<typeof syncSchema>;

export const statusSchema = z.object({
  message: text,
  revision: count,
  phase: phaseSchema,
  reason: text,
  /** When the phase began. */
  since: text,
  environment: z.nullish(z.object({ limits: text, memory_bytes: count, memory_limit_bytes: count, cpu_seconds: count })),
  limits: z.nullish(z.object({ max_file_bytes: z.number() })),
});
export type Status = z.infer<typeof statusSchema>;

const exitSchema = z.object({
  code: count,
  signal: text,
  reason: text,
});
export type Exit = z.infer<typeof exitSchema>;

const watcherSchema = z.object({
  name: text,
  mode: z._default(modeSchema, "write"),
  visible: z._default(z.boolean(), true),
});
/** One viewer of a terminal: a window, of which a user may have several. */
export type Watcher = z.infer<typeof watcherSchema>;

export const terminalInfoSchema = z.object({
  name: z.string(),
  /** Names that it had before and that still reach it. */
  former_names: z._default(z.array(z.string()), []),
  title: text,
  cwd: text,
  /** How often the bell was rung. */
  bells: count,
  running: z._default(z.boolean(), true),
  foreground: text,
  viewers: count,
  watchers: listOf(watcherSchema),
  recording: flag,
  exit: z.nullish(exitSchema),
});
export type TerminalInfo = z.infer<typeof terminalInfoSchema>;
export const terminalListSchema = z.object({ terminals: z.array(terminalInfoSchema) });

export const changeSchema = z.object({
  path: z.string(),
  op: z.enum(["put", "delete", "move"]),
  from: z.optional(z.string()),
  type: z._default(itemTypeSchema, "file"),
  size: count,
  revision: count,
  source: text,
  saved: z._default(z.boolean(), true),
  unsaved_reason: text,
});
export type Change = z.infer<typeof changeSchema>;

const statusMessage = z.object({
  type: z.literal("status"),
  phase: phaseSchema,
  message: text,
  reason: text,
  stops_at: text,
  may_stay: flag,
  queue_place: count,
});
const errorMessage = z.object({
  type: z.literal("error"),
  code: text,
  message: text,
});

export const eventSchema = z.discriminatedUnion("type", [
  statusMessage,
  errorMessage,
  z.object({
    type: z.literal("files"),
    revision: z.number(),
    reset: flag,
    changes: listOf(changeSchema),
  }),
  z.object({
    type: z.literal("terminals"),
    terminals: listOf(terminalInfoSchema),
  }),
  z.object({
    type: z.literal("conflict"),
    path: z.string(),
    /** Where the file was then, and its versions are. */
    versions_path: text,
    /** Of the present version, of the other one, and of what both were made from (0: there was nothing). */
    revision: count,
    other_revision: count,
    base_revision: count,
    resolved: flag,
    message: text,
  }),
  z.object({
    type: z.literal("presence"),
    viewers: listOf(z.object({ connection: text, username: text })),
  }),
  z.extend(syncSchema, { type: z.literal("sync") }),
]);
export type WorkspaceEvent = z.infer<typeof eventSchema>;
export type ConflictEvent = Extract<WorkspaceEvent, { type: "conflict" }>;

export const terminalMessageSchema = z.discriminatedUnion("type", [
  statusMessage,
  errorMessage,
  z.object({
    type: z.literal("attached"),
    incarnation: z.string(),
    offset: z.number(),
    input_offset: count,
    cols: z._default(z.number(), 80),
    rows: z._default(z.number(), 24),
    reset: flag,
    snapshot: count,
    title: text,
    created: flag,
    mode: z._default(modeSchema, "write"),
  }),
  z.object({ type: z.literal("size"), cols: z.number(), rows: z.number() }),
  z.object({ type: z.literal("gap"), from: z.number(), to: z.number() }),
  z.object({ type: z.literal("title"), title: text }),
  z.extend(exitSchema, { type: z.literal("exit") }),
]);
export type TerminalMessage = z.infer<typeof terminalMessageSchema>;

/**
 * Parses one text frame. Undefined for a type that this client does not know, which the contract says to ignore;
 * throws for a known type that does not have its shape.
 */
export function parseMessage<T>(schema: z.ZodMiniType<T>, known: ReadonlySet<string>, text: string): T | undefined {
  const value: unknown = JSON.parse(text);
  const head = z.object({ type: z.string() }).safeParse(value);
  if (!head.success || !known.has(head.data.type)) return undefined;
  return schema.parse(value);
}

const aliveSchema = z.object({ type: z.literal("alive") });
const aliveTypes: ReadonlySet<string> = new Set(["alive"]);

/** Whether a text frame says that the server lives, and that it goes on to say so. */
export function isAlive(text: string): boolean {
  return parseMessage(aliveSchema, aliveTypes, text) !== undefined;
}

export const eventTypes: ReadonlySet<string> = new Set([
  "status", "error", "files", "terminals", "conflict", "presence", "sync",
]);
export const terminalMessageTypes: ReadonlySet<string> = new Set([
  "status", "error", "attached", "size", "gap", "title", "exit",
]);
