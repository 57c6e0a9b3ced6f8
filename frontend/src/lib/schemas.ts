/** The backend's JSON (docs/api), parsed. Unknown fields are ignored; missing optional ones get their zero value. */
import { z } from "zod";

export const phaseSchema = z
  .enum(["stopped", "starting", "restoring", "ready", "stopping", "failed"])
  .catch("stopped");
export type Phase = z.infer<typeof phaseSchema>;

export const problemSchema = z.object({
  title: z.string().default(""),
  status: z.number().default(0),
  detail: z.string().default(""),
  code: z.string().default("internal"),
  errors: z.record(z.string(), z.string()).default({}),
  current_revision: z.number().optional(),
  request_id: z.string().default(""),
});
export type ProblemBody = z.infer<typeof problemSchema>;

export const userSchema = z.object({
  id: z.string(),
  username: z.string(),
  email: z.string().default(""),
});
export type User = z.infer<typeof userSchema>;

export const signedInSchema = z.object({ user: userSchema });

export const modeSchema = z.enum(["view", "write"]).catch("view");
export type Mode = z.infer<typeof modeSchema>;

/** What the user may do in a session: all of it as its owner, or what a share gives. */
export const accessSchema = z.object({
  owner: z.boolean(),
  mode: modeSchema,
  /** The one terminal that is shared; null: the whole workspace. */
  terminal: z.string().nullish().transform((name) => name ?? null),
  expires_at: z.string().nullish(),
});
export type Access = z.infer<typeof accessSchema>;

export const sessionSchema = z.object({
  id: z.string(),
  name: z.string(),
  is_active: z.boolean().default(false),
  phase: phaseSchema.default("stopped"),
  reason: z.string().default(""),
  created_at: z.string(),
  updated_at: z.string(),
  last_activity_at: z.string().nullish(),
  file_count: z.number().default(0),
  /** In bytes, of what is saved. */
  size: z.number().default(0),
  /** Given for one session, not in lists, which hold the user's own. */
  access: accessSchema.nullish(),
});
export type Session = z.infer<typeof sessionSchema>;

export const sessionListSchema = z.object({ data: z.array(sessionSchema), count: z.number() });
export const sessionAnswerSchema = z.object({ data: sessionSchema });

export const itemTypeSchema = z.enum(["file", "folder", "symlink", "special"]).catch("special");
export type ItemType = z.infer<typeof itemTypeSchema>;

export const itemSchema = z.object({
  name: z.string(),
  path: z.string(),
  type: itemTypeSchema,
  size: z.number().default(0),
  revision: z.number().default(0),
  saved: z.boolean().default(true),
  unsaved_reason: z.string().default(""),
  link_target: z.string().default(""),
});
export type Item = z.infer<typeof itemSchema>;

export const itemListSchema = z
  .array(itemSchema)
  .nullable()
  .transform((items) => items ?? []);
export const fileAnswerSchema = z.object({ file: itemSchema });
export const copyAnswerSchema = fileAnswerSchema.extend({ left: z.number().default(0) });
export const unpackedSchema = z.object({
  files: z.number().default(0),
  /** Links and special files, which only the environment makes. */
  skipped: z
    .array(z.string())
    .nullish()
    .transform((paths) => paths ?? []),
});
export type Unpacked = z.infer<typeof unpackedSchema>;
export const fileContentSchema = itemSchema.extend({
  content: z.string().default(""),
  encoding: z.enum(["utf-8", "base64"]).default("utf-8"),
});
export type FileContent = z.infer<typeof fileContentSchema>;

export const syncSchema = z.object({
  watch_mode: z.string().default(""),
  pending: z.number().default(0),
  unsaved: z.number().default(0),
  braked: z.boolean().default(false),
  message: z.string().default(""),
});
export type Sync = z.infer<typeof syncSchema>;

export const statusSchema = z.object({
  message: z.string().default(""),
  revision: z.number().default(0),
  phase: phaseSchema,
  reason: z.string().default(""),
  environment: z
    .object({ limits: z.string().default(""), memory_bytes: z.number().default(0), memory_limit_bytes: z.number().default(0) })
    .nullish(),
  limits: z
    .object({ max_file_bytes: z.number() })
    .nullish(),
});
export type Status = z.infer<typeof statusSchema>;

const exitSchema = z.object({
  code: z.number().default(0),
  signal: z.string().default(""),
  reason: z.string().default(""),
});
export type Exit = z.infer<typeof exitSchema>;

const watcherSchema = z.object({
  name: z.string().default(""),
  mode: modeSchema.default("write"),
  visible: z.boolean().default(true),
});
/** One viewer of a terminal: a window, of which a user may have several. */
export type Watcher = z.infer<typeof watcherSchema>;

export const terminalInfoSchema = z.object({
  name: z.string(),
  /** Names that it had before and that still reach it. */
  former_names: z.array(z.string()).default([]),
  title: z.string().default(""),
  cwd: z.string().default(""),
  /** How often the bell was rung. */
  bells: z.number().default(0),
  running: z.boolean().default(true),
  foreground: z.string().default(""),
  viewers: z.number().default(0),
  watchers: z
    .array(watcherSchema)
    .nullish()
    .transform((watchers) => watchers ?? []),
  recording: z.boolean().default(false),
  exit: exitSchema.nullish(),
});
export type TerminalInfo = z.infer<typeof terminalInfoSchema>;
export const terminalListSchema = z.object({ terminals: z.array(terminalInfoSchema) });

export const changeSchema = z.object({
  path: z.string(),
  op: z.enum(["put", "delete", "move"]),
  from: z.string().optional(),
  type: itemTypeSchema.default("file"),
  size: z.number().default(0),
  revision: z.number().default(0),
  source: z.string().default(""),
  saved: z.boolean().default(true),
  unsaved_reason: z.string().default(""),
});
export type Change = z.infer<typeof changeSchema>;

const statusMessage = z.object({
  type: z.literal("status"),
  phase: phaseSchema,
  message: z.string().default(""),
  reason: z.string().default(""),
  stops_at: z.string().default(""),
  may_stay: z.boolean().default(false),
  queue_place: z.number().default(0),
});
const errorMessage = z.object({
  type: z.literal("error"),
  code: z.string().default(""),
  message: z.string().default(""),
});

export const eventSchema = z.discriminatedUnion("type", [
  statusMessage,
  errorMessage,
  z.object({
    type: z.literal("files"),
    revision: z.number(),
    reset: z.boolean().default(false),
    changes: z
      .array(changeSchema)
      .nullish()
      .transform((changes) => changes ?? []),
  }),
  z.object({
    type: z.literal("terminals"),
    terminals: z
      .array(terminalInfoSchema)
      .nullish()
      .transform((terminals) => terminals ?? []),
  }),
  z.object({
    type: z.literal("conflict"),
    path: z.string(),
    /** Of the present version, of the other one, and of what both were made from (0: there was nothing). */
    revision: z.number().default(0),
    other_revision: z.number().default(0),
    base_revision: z.number().default(0),
    resolved: z.boolean().default(false),
    message: z.string().default(""),
  }),
  z.object({
    type: z.literal("presence"),
    viewers: z
      .array(z.object({ connection: z.string().default(""), username: z.string().default("") }))
      .nullish()
      .transform((viewers) => viewers ?? []),
  }),
  syncSchema.extend({ type: z.literal("sync") }),
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
    input_offset: z.number().default(0),
    cols: z.number().default(80),
    rows: z.number().default(24),
    reset: z.boolean().default(false),
    snapshot: z.number().default(0),
    title: z.string().default(""),
    created: z.boolean().default(false),
    mode: modeSchema.default("write"),
  }),
  z.object({ type: z.literal("size"), cols: z.number(), rows: z.number() }),
  z.object({ type: z.literal("gap"), from: z.number(), to: z.number() }),
  z.object({ type: z.literal("title"), title: z.string().default("") }),
  exitSchema.extend({ type: z.literal("exit") }),
]);
export type TerminalMessage = z.infer<typeof terminalMessageSchema>;

/**
 * Parses one text frame. Undefined for a type that this client does not know, which the contract says to ignore;
 * throws for a known type that does not have its shape.
 */
export function parseMessage<T>(schema: z.ZodType<T>, known: ReadonlySet<string>, text: string): T | undefined {
  const value: unknown = JSON.parse(text);
  const head = z.object({ type: z.string() }).safeParse(value);
  if (!head.success || !known.has(head.data.type)) return undefined;
  return schema.parse(value);
}

export const eventTypes: ReadonlySet<string> = new Set([
  "status", "error", "files", "terminals", "conflict", "presence", "sync",
]);
export const terminalMessageTypes: ReadonlySet<string> = new Set([
  "status", "error", "attached", "size", "gap", "title", "exit",
]);
