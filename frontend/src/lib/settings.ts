/**
 * What a user has chosen. The server keeps it, so that it is the same on every device; this browser keeps a copy, so that
 * the first paint is right and choices can be made offline. What was chosen here and is not saved yet wins over what comes
 * from the server, choice by choice.
 */
import * as z from "zod/mini";
import { loadStored, saveStored } from "./storage";
import { Store } from "./store";
import { applyTheme, storedTheme, themeChoices } from "./theme";

export const fontSizes = { least: 8, most: 32, usual: 13 } as const;
export const scrollbackLines = [1_000, 5_000, 10_000, 25_000, 50_000] as const;
export const cursorStyles = ["block", "bar", "underline"] as const;
export const tabSizes = [2, 3, 4, 8] as const;

const fontSize = z.catch(z.int().check(z.gte(fontSizes.least), z.lte(fontSizes.most)), fontSizes.usual);

export const terminalSchema = z.object({
  /** In pixels. */
  fontSize,
  cursorStyle: z.catch(z.enum(cursorStyles), "block"),
  cursorBlink: z.catch(z.boolean(), true),
  /** Lines kept above the screen. */
  scrollback: z.catch(z.int().check(z.gte(1_000), z.lte(50_000)), 10_000),
  /** Says the output to screen readers. */
  screenReader: z.catch(z.boolean(), false),
  /** Draws with the graphics card, where there is one. */
  webgl: z.catch(z.boolean(), true),
  copyOnSelect: z.catch(z.boolean(), false),
  /** Lets programs put text on the clipboard (OSC 52). They never read it. */
  programsCopy: z.catch(z.boolean(), false),
  /** Asks before several lines are pasted into a program that would run them one by one. */
  askBeforePaste: z.catch(z.boolean(), true),
});

/** A choice that is not one any more is the usual one; choices of a newer page are kept as they are. */
export const settingsSchema = z.object({
  theme: z.catch(z.enum(themeChoices), "system"),
  /** Of the editor; empty: the usual one. */
  fontFamily: z.catch(z.string().check(z.maxLength(100)), ""),
  fontSize,
  tabSize: z.catch(z.int().check(z.gte(1), z.lte(8)), 4),
  insertSpaces: z.catch(z.boolean(), true),
  /** Takes spaces or tabs, and how many, from what is in the file. */
  detectIndentation: z.catch(z.boolean(), true),
  wordWrap: z.catch(z.boolean(), false),
  minimap: z.catch(z.boolean(), false),
  autosave: z.catch(z.boolean(), true),
  terminal: z.catch(terminalSchema, terminalSchema.parse({})),
});
export type Settings = z.infer<typeof settingsSchema>;
export type TerminalSettings = z.infer<typeof terminalSchema>;
export const defaultSettings: Settings = settingsSchema.parse({});

export const settings = new Store<Settings>(defaultSettings);

export interface SettingsAPI {
  settings(): Promise<{ version: number; settings: Record<string, unknown> }>;
  /** Rejects with a conflict when that is not the present version. */
  saveSettings(version: number, settings: Record<string, unknown>): Promise<number>;
}

const key = "settings";
const cacheSchema = z.object({
  /** Whose they are; empty: of nobody who has signed in. */
  user: z.string(),
  version: z.number(),
  saved: z.record(z.string(), z.unknown()),
  /** What was chosen here and is not saved yet. */
  pending: z.record(z.string(), z.unknown()),
});
type Cache = z.infer<typeof cacheSchema>;

/** What older pages kept, each by itself. */
function older(): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const terminal = loadStored("terminal-settings", z.nullable(z.record(z.string(), z.unknown())), null);
  if (terminal) found.terminal = terminal;
  const autosave = loadStored("autosave", z.nullable(z.boolean()), null);
  if (autosave === false) found.autosave = false;
  Object.assign(found, loadStored("editor-options", z.nullable(z.record(z.string(), z.unknown())), null));
  const theme = storedTheme();
  if (theme !== "system") found.theme = theme;
  return found;
}

let cache: Cache = { user: "", version: 0, saved: {}, pending: {} };

function show(): void {
  const next = settingsSchema.parse({ ...cache.saved, ...cache.pending });
  if (JSON.stringify(next) === JSON.stringify(settings.get())) return;
  settings.set(next);
  applyTheme(next.theme);
}

function remember(change: Partial<Cache>): void {
  cache = { ...cache, ...change };
  saveStored(key, cache);
  show();
}

/** Reads what this browser keeps and follows its other tabs, until the returned function is called. */
export function watchSettings(): () => void {
  const read = () => {
    cache = loadStored(key, z.nullable(cacheSchema), null) ?? { user: "", version: 0, saved: {}, pending: older() };
    show();
    applyTheme(settings.get().theme);
  };
  const onStorage = (event: StorageEvent) => {
    if (event.key === key || event.key === null) read();
  };
  read();
  window.addEventListener("storage", onStorage);
  return () => window.removeEventListener("storage", onStorage);
}

/** Chooses; it takes effect at once and is saved in a moment. */
export function changeSettings(change: Partial<Settings>): void {
  remember({ pending: { ...cache.pending, ...change } });
  askSync?.();
}

export function changeTerminal(change: Partial<TerminalSettings>): void {
  const next = terminalSchema.safeParse({ ...settings.get().terminal, ...change });
  if (next.success) changeSettings({ terminal: next.data });
}

export function resetSettings(): void {
  changeSettings(defaultSettings);
}

/** Keeps the settings of the user who has signed in equal to the server's. */
export class SettingsSync {
  readonly #api: SettingsAPI;
  readonly #wait: number;
  readonly #isConflict: (error: unknown) => boolean;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The one exchange that goes on; what is asked for meanwhile comes after it. */
  #running: Promise<void> | undefined;
  #again = false;

  constructor(api: SettingsAPI, isConflict: (error: unknown) => boolean, wait = 400) {
    this.#api = api;
    this.#isConflict = isConflict;
    this.#wait = wait;
  }

  /** Begins for a user; the returned function ends it. */
  start(user: string): () => void {
    // Choices that somebody else made here are not this user's.
    if (cache.user !== user) remember({ user, version: -1, ...(cache.user === "" ? {} : { saved: {}, pending: {} }) });
    const soon = () => this.soon();
    askSync = soon;
    return () => {
      clearTimeout(this.#timer);
      if (askSync === soon) askSync = undefined;
    };
  }

  soon(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.exchange(), this.#wait);
  }

  /** The server has that version: it is fetched, or what waits here is sent again, unless all is known. */
  async heard(version: number): Promise<void> {
    if (version !== cache.version || Object.keys(cache.pending).length > 0) await this.exchange();
  }

  /** Sends what waits and takes what is new. A failure leaves all as it is: the next call tries again. */
  exchange(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#once()
      .finally(() => {
        this.#running = undefined;
      })
      .then(() => this.#rest());
    return this.#running;
  }

  async #rest(): Promise<void> {
    if (!this.#again) return;
    this.#again = false;
    await this.exchange();
  }

  async #once(): Promise<void> {
    const { user } = cache;
    const { version, settings: saved } = await this.#api.settings();
    if (cache.user !== user) return;
    const unclaimed = cache.version === -1 && version > 0;
    // Chosen before the sign-in, on a device that the user has not used: what the user chose elsewhere counts.
    remember({ version, saved, ...(unclaimed ? { pending: {} } : {}) });
    const sent = cache.pending;
    if (Object.keys(sent).length === 0) return;
    const all = { ...saved, ...sent };
    try {
      const next = await this.#api.saveSettings(version, all);
      if (cache.user !== user) return;
      // What was chosen again meanwhile still waits.
      const pending = Object.fromEntries(Object.entries(cache.pending).filter(([name, value]) => sent[name] !== value));
      remember({ version: next, saved: all, pending });
    } catch (error) {
      if (!this.#isConflict(error)) throw error;
      this.#again = true;
    }
  }
}

/** Of the one that goes on, if one does. */
let askSync: (() => void) | undefined;
