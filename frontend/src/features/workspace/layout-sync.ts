/**
 * Carries the arrangement of a session to the user's other devices: the open files, the one in front, and which panes are
 * shown. Each is a field of its own on the server, and the last device to write a field wins it.
 *
 * A device that is in use is not disturbed: what others arrange is taken when the page opens, and later only while nobody
 * looks at it or types into it, and while nothing in it is unsaved.
 */
import { z } from "zod";
import type { LayoutAnswer } from "@/lib/account";
import type { Store } from "@/lib/store";
import type { LayoutState } from "./layout";

export const filesSchema = z.object({ tabs: z.array(z.string()).max(200), active: z.string() });
export const panesSchema = z.object({ side: z.enum(["files", "search", "history"]), sideOpen: z.boolean(), terminalOpen: z.boolean() });
export type OpenFiles = z.infer<typeof filesSchema>;
export type Panes = z.infer<typeof panesSchema>;

export interface LayoutSyncOptions {
  read(): Promise<LayoutAnswer>;
  write(fields: Record<string, unknown>): Promise<LayoutAnswer>;
  /** Whether somebody uses this page now. */
  inUse(): boolean;
  /** Arranges this page like another one. */
  applyFiles(files: OpenFiles): void;
  applyPanes(panes: Panes): void;
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
  /** What each field is on the server, as far as is known. */
  readonly #sent = new Map<string, string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> | undefined;
  #applying = false;

  constructor(options: LayoutSyncOptions) {
    this.#options = options;
    this.#wait = options.wait ?? 500;
  }

  /** The open files of the last device; null when there was none, or they cannot be read. */
  async begin(): Promise<OpenFiles | null> {
    const { version, layout } = await this.#options.read();
    this.#known = version;
    this.#note(layout);
    const panes = panesSchema.safeParse(layout.panes);
    if (panes.success) this.#apply(() => this.#options.applyPanes(panes.data));
    const files = filesSchema.safeParse(layout.files);
    return files.success ? files.data : null;
  }

  /** Sends a field whenever its store changes, until the returned function is called. */
  follow<T>(field: string, store: Store<T>, value: (state: T) => unknown): () => void {
    return store.subscribe(() => this.#changed(field, value(store.get())));
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
    const changed = (field: string) => was.get(field) !== this.#sent.get(field);
    const panes = panesSchema.safeParse(layout.panes);
    const files = filesSchema.safeParse(layout.files);
    this.#apply(() => {
      if (panes.success && changed("panes")) this.#options.applyPanes(panes.data);
      if (files.success && changed("files")) this.#options.applyFiles(files.data);
    });
  }

  /** Sends what waits, at once. What fails waits on. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    const fields = this.#pending;
    if (Object.keys(fields).length === 0) return;
    this.#pending = {};
    this.#writing = this.#options
      .write(fields)
      .then(
        ({ version }) => {
          this.#known = Math.max(this.#known, version);
          this.#note(fields);
        },
        () => {
          this.#pending = { ...fields, ...this.#pending };
        },
      )
      .finally(() => {
        this.#writing = undefined;
      });
    await this.#writing;
  }

  dispose(): void {
    clearTimeout(this.#timer);
  }

  #busy(): boolean {
    return this.#writing !== undefined || Object.keys(this.#pending).length > 0;
  }

  #changed(field: string, value: unknown): void {
    if (this.#applying) return;
    if (this.#sent.get(field) === JSON.stringify(value)) {
      this.#pending = Object.fromEntries(Object.entries(this.#pending).filter(([name]) => name !== field));
      return;
    }
    this.#pending = { ...this.#pending, [field]: value };
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), this.#wait);
  }

  #note(fields: Record<string, unknown>): void {
    for (const [field, value] of Object.entries(fields)) this.#sent.set(field, JSON.stringify(value));
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
