import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { changeSettings, changeTerminal, defaultSettings, settings, SettingsSync, settingsSchema, watchSettings, type SettingsAPI } from "@/lib/settings";

/** The server's row, and other devices at it. */
class Row implements SettingsAPI {
  version = 0;
  data: Record<string, unknown> = {};
  /** Runs between a device's reading and its writing, once. */
  between: (() => void) | undefined;
  down = false;

  settings(): Promise<{ version: number; settings: Record<string, unknown> }> {
    if (this.down) return Promise.reject(new Error("down"));
    return Promise.resolve({ version: this.version, settings: { ...this.data } });
  }

  saveSettings(version: number, data: Record<string, unknown>): Promise<number> {
    const other = this.between;
    this.between = undefined;
    other?.();
    if (version !== this.version) return Promise.reject(new Error("conflict"));
    this.write(data);
    return Promise.resolve(this.version);
  }

  write(data: Record<string, unknown>): void {
    this.version++;
    this.data = data;
  }
}

const isConflict = (error: unknown) => error instanceof Error && error.message === "conflict";
let undo: (() => void)[] = [];
let kept: Map<string, string>;

/** A page that is loaded: it reads what the browser keeps. */
function load(): void {
  undo.push(watchSettings());
}

function signIn(row: Row, user: string): SettingsSync {
  const sync = new SettingsSync(row, isConflict, 60_000);
  undo.push(sync.start(user));
  return sync;
}

beforeEach(() => {
  kept = new Map();
  const localStorage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  vi.stubGlobal("window", {
    localStorage,
    matchMedia: () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }),
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  });
  vi.stubGlobal("document", { documentElement: { dataset: {} } });
  load();
});

afterEach(() => {
  for (const each of undo.reverse()) each();
  undo = [];
  vi.unstubAllGlobals();
});

describe("settings", () => {
  it("take effect at once, are saved, and are there on another device", async () => {
    const row = new Row();
    const sync = signIn(row, "ada");
    changeSettings({ fontSize: 18 });
    expect(settings.get().fontSize).toBe(18);
    await sync.exchange();
    expect(row.data).toMatchObject({ fontSize: 18 });

    kept.clear();
    load();
    expect(settings.get().fontSize).toBe(defaultSettings.fontSize);
    await signIn(row, "ada").exchange();
    expect(settings.get().fontSize).toBe(18);
  });

  it("of two devices that choose at once, both choices are kept", async () => {
    const row = new Row();
    const sync = signIn(row, "ada");
    await sync.exchange();
    changeSettings({ wordWrap: true });
    row.between = () => row.write({ tabSize: 2, fromANewerPage: "kept" });
    await sync.exchange();
    expect(row.data).toEqual({ tabSize: 2, wordWrap: true, fromANewerPage: "kept" });
    expect(settings.get()).toMatchObject({ tabSize: 2, wordWrap: true });
  });

  it("chosen offline are kept over a reload and sent later", async () => {
    const row = new Row();
    const sync = signIn(row, "ada");
    await sync.exchange();
    row.down = true;
    changeTerminal({ fontSize: 20 });
    await expect(sync.exchange()).rejects.toThrow("down");
    load();
    expect(settings.get().terminal.fontSize).toBe(20);
    row.down = false;
    await sync.heard(row.version);
    expect(row.data).toMatchObject({ terminal: { fontSize: 20 } });
  });

  it("what is chosen while others are sent is sent too", async () => {
    const row = new Row();
    const sync = signIn(row, "ada");
    changeSettings({ tabSize: 2 });
    row.between = () => {
      changeSettings({ tabSize: 8 });
      void sync.exchange();
    };
    await sync.exchange();
    expect(row.data).toMatchObject({ tabSize: 8 });
  });

  it("of one user are not another's in the same browser", async () => {
    const ada = new Row();
    const eve = new Row();
    const first = signIn(ada, "ada");
    changeSettings({ theme: "contrast", fontSize: 30 });
    await first.exchange();
    await signIn(eve, "eve").exchange();
    expect(settings.get()).toEqual(defaultSettings);
    expect(eve.version).toBe(0);
  });

  it("chosen before a sign-in give way to the user's own, and else become them", async () => {
    const row = new Row();
    changeSettings({ theme: "light" });
    await signIn(row, "ada").exchange();
    expect(row.data).toMatchObject({ theme: "light" });

    kept.clear();
    load();
    changeSettings({ theme: "dark" });
    await signIn(row, "ada").exchange();
    expect(settings.get().theme).toBe("light");
  });

  it("that older pages kept are taken over", () => {
    kept.clear();
    kept.set("terminal-settings", JSON.stringify({ fontSize: 17, cursorStyle: "bar" }));
    kept.set("autosave", "false");
    kept.set("editor-options", JSON.stringify({ fontSize: 15, wordWrap: true, minimap: true, tabSize: "x" }));
    kept.set("theme", "light");
    load();
    expect(settings.get()).toMatchObject({ autosave: false, theme: "light", fontSize: 15, wordWrap: true, minimap: true, tabSize: 4, terminal: { fontSize: 17, cursorStyle: "bar", scrollback: 10_000 } });
  });

  it("that make no sense are the usual ones", () => {
    expect(settingsSchema.parse({ theme: "pink", fontSize: 1000, tabSize: "x", terminal: { cursorStyle: 7, fontSize: 20 } })).toEqual({
      ...defaultSettings,
      terminal: { ...defaultSettings.terminal, fontSize: 20 },
    });
    expect(settingsSchema.parse({ terminal: "x" })).toEqual(defaultSettings);
  });
});
