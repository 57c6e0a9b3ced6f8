/**
 * Carries the arrangement of a session to the user's other devices: the open files in their groups with their cursors, the
 * terminals beside each other, which panes are shown, and how large they are. Each is a field of its own on the server, and the last device to
 * write a field wins it.
 *
 * A device that is in use is not disturbed: what others arrange is taken when the page opens, and later only while nobody
 * looks at it or types into it, and while nothing in it is unsaved. What could not be sent is sent when the server is there
 * again, by the next page if need be, unless another device has changed the same since.
 */
import * as z from "zod/mini";
import { arrangementSchema, type Arrangement } from "@/features/editor/documents";
import { terminalArrangementSchema, type TerminalArrangement } from "@/features/terminal/terminals";
import type { LayoutAnswer } from "@/lib/account";
import { backoffDelay, defaultBackoff } from "@/lib/backoff";
import { Problem } from "@/lib/problem";
import { splitSizesSchema, type SplitSizes } from "@/lib/split-sizes";
import { loadStored, saveStored } from "@/lib/storage";
import type { Store } from "@/lib/store";
import type { LayoutState } from "./layout";

export const panesSchema = z.object({ side: z.enum(["files", "search", "history"]), sideOpen: z.boolean(), terminalOpen: z.boolean() });
export type Panes = z.infer<typeof panesSchema>;

type FieldName = "files" | "terminals" | "panes" | "sizes";

/** Puts what is arranged into effect. */
export interface Arrangers {
  readonly files: (files: Arrangement) => void;
  readonly terminals: (terminals: TerminalArrangement) => void;
  readonly panes: (panes: Panes) => void;
  readonly sizes: (sizes: SplitSizes) => void;
}

/**
 * Fields of which this browser has no answer yet, as JSON: what each is, and what it may be on the server as far as this
 * browser knows, null for nothing.
 */
const unsentSchema = z.record(z.string(), z.object({ was: z.array(z.nullable(z.string())), now: z.string() }));
export type Unsent = z.infer<typeof unsentSchema>;

/** Where they are kept from one page to the next. */
export interface UnsentMemory {
  load(): Unsent;
  save(unsent: Unsent): void;
}

/** In the browser's storage. */
export function unsentMemory(session: string): UnsentMemory {
  const key = `layout-unsent:${session}`;
  return { load: () => loadStored(key, unsentSchema, {}), save: (unsent) => saveStored(key, unsent) };
}

export interface LayoutSyncOptions {
  readonly memory: UnsentMemory;
  read(): Promise<LayoutAnswer>;
  write(fields: Record<string, unknown>): Promise<LayoutAnswer>;
  /** Whether somebody uses this page now. */
  inUse(): boolean;
  readonly arrange: Arrangers;
  /** How long what changes is gathered, in milliseconds. */
  readonly wait?: number;
}

/** What of the panes is the same on every screen. */
export function panesOf({ side, sideOpen, terminalOpen }: LayoutState): Panes {
  return { side, sideOpen, terminalOpen };
}

export class LayoutSync {
  readonly #options: LayoutSyncOptions;
  readonly #wait: number;
  /** The newest version that this page has seen; 0: none. */
  #known = 0;
  #pending: Record<string, unknown> = {};
  /** What is on its way, without an answer yet. */
  #underWay: Record<string, unknown> = {};
  /** What each field is on the server, as far as is known. */
  readonly #sent = new Map<string, string>();
  /** Puts a field of what the server has into effect, in this order. */
  readonly #takers: Readonly<Record<FieldName, (value: unknown) => void>>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #failures = 0;
  #applying = false;
  #disposed = false;

  constructor(options: LayoutSyncOptions) {
    this.#options = options;
    this.#wait = options.wait ?? 500;
    const { panes, sizes, terminals, files } = options.arrange;
    this.#takers = { panes: taker(panesSchema, panes), sizes: taker(splitSizesSchema, sizes), terminals: taker(terminalArrangementSchema, terminals), files: taker(arrangementSchema, files) };
  }

  /** The open files of the last device; null when there was none, or they cannot be read. Panes and terminals are arranged. */
  async begin(): Promise<Arrangement | null> {
    const { version, layout } = await this.#options.read();
    this.#known = version;
    this.#note(layout);
    const current: Record<string, unknown> = { ...layout, ...this.#unsent(layout) };
    this.#apply(() => {
      this.#takers.panes(current.panes);
      this.#takers.sizes(current.sizes);
      this.#takers.terminals(current.terminals);
    });
    const files = arrangementSchema.safeParse(current.files);
    return files.success ? files.data : null;
  }

  /** What the last page of this browser did not send, of fields that nobody has changed since. They are sent now. */
  #unsent(layout: Record<string, unknown>): Record<string, unknown> {
    const kept = this.#options.memory.load();
    const mine: Record<string, unknown> = {};
    for (const [field, { was, now }] of Object.entries(kept)) {
      if (was.includes(jsonOf(layout[field]))) mine[field] = JSON.parse(now);
    }
    if (Object.keys(mine).length > 0) this.#later(mine);
    return mine;
  }

  /** Sends a field whenever its store changes, until the returned function is called. */
  follow<T>(field: FieldName, store: Store<T>, value: (state: T) => unknown): () => void {
    return store.subscribe(() => this.changed(field, value(store.get())));
  }

  /** A field is another one now. */
  changed(field: FieldName, value: unknown): void {
    if (this.#applying) return;
    const coming = field in this.#underWay ? jsonOf(this.#underWay[field]) : this.#sent.get(field);
    if (coming === jsonOf(value)) {
      this.#pending = Object.fromEntries(Object.entries(this.#pending).filter(([name]) => name !== field));
      this.#keep();
      return;
    }
    this.#later({ [field]: value });
  }

  /** Another device may have arranged this session, or another one, since. */
  async heard(version: number): Promise<void> {
    if (version <= this.#known || this.#options.inUse() || this.#busy()) return;
    const { version: now, layout } = await this.#options.read();
    // Meanwhile somebody came back to this page, or arranged it.
    if (now <= this.#known || this.#options.inUse() || this.#busy()) return;
    this.#known = now;
    const was = new Map(this.#sent);
    this.#note(layout);
    this.#apply(() => {
      for (const [field, take] of Object.entries(this.#takers)) if (was.get(field) !== this.#sent.get(field)) take(layout[field]);
    });
  }

  /** Sends what waits, at once. What fails is tried again. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    const fields = this.#pending;
    if (Object.keys(fields).length === 0) return;
    this.#pending = {};
    this.#underWay = fields;
    this.#writing = this.#options
      .write(fields)
      .then(
        ({ version }) => {
          this.#failures = 0;
          this.#known = Math.max(this.#known, version);
          this.#note(fields);
        },
        (error: unknown) => {
          if (error instanceof Problem && isFinal(error)) return;
          this.#failures++;
          this.#pending = { ...fields, ...this.#pending };
          if (!this.#disposed) this.#timer = setTimeout(() => void this.flush(), backoffDelay(this.#failures, Math.random(), defaultBackoff));
        },
      )
      .finally(() => {
        this.#writing = undefined;
        this.#underWay = {};
        this.#keep();
      });
    await this.#writing;
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  #busy(): boolean {
    return this.#writing !== undefined || Object.keys(this.#pending).length > 0;
  }

  #later(fields: Record<string, unknown>): void {
    this.#pending = { ...this.#pending, ...fields };
    this.#keep();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), this.#wait);
  }

  /** Remembers what has no answer yet, for the next page should this one end first. */
  #keep(): void {
    const unsent: Unsent = {};
    for (const [field, value] of Object.entries({ ...this.#underWay, ...this.#pending })) {
      const known = this.#sent.get(field) ?? null;
      unsent[field] = { was: field in this.#underWay ? [known, jsonOf(this.#underWay[field])] : [known], now: JSON.stringify(value) };
    }
    this.#options.memory.save(unsent);
  }

  #note(fields: Record<string, unknown>): void {
    for (const [field, value] of Object.entries(fields)) this.#sent.set(field, jsonOf(value) ?? "");
  }

  /** What is arranged here because another device was is not sent back. */
  #apply(change: () => void): void {
    this.#applying = true;
    try {
      change();
    } finally {
      this.#applying = false;
    }
  }
}

/** Whether the server would refuse the same again: not where it asks to wait, nor where the user has to sign in first. */
function isFinal({ status }: Problem): boolean {
  return status >= 400 && status < 500 && ![401, 408, 429].includes(status);
}

/** What makes no sense is left alone. */
function taker<T>(schema: z.ZodMiniType<T>, arrange: (value: T) => void): (value: unknown) => void {
  return (value) => {
    const parsed = schema.safeParse(value);
    if (parsed.success) arrange(parsed.data);
  };
}

/** One way of writing for what is equal: the database returns the keys of an object in an order of its own. */
function jsonOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );
}
