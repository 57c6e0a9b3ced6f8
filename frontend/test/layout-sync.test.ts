import { describe, expect, it } from "vitest";
import type { LayoutAnswer } from "@/lib/account";
import { Store } from "@/lib/store";
import { LayoutSync, type OpenFiles, type Panes } from "@/features/workspace/layout-sync";

/** The server's row. */
class Row {
  version = 0;
  layout: Record<string, unknown> = {};
  writes = 0;
  down = false;

  read(): Promise<LayoutAnswer> {
    return Promise.resolve({ version: this.version, layout: { ...this.layout } });
  }

  write(fields: Record<string, unknown>): Promise<LayoutAnswer> {
    if (this.down) return Promise.reject(new Error("down"));
    this.writes++;
    this.version++;
    this.layout = { ...this.layout, ...fields };
    return this.read();
  }
}

const empty: OpenFiles = { tabs: [], active: "" };
const panes: Panes = { side: "files", sideOpen: true, terminalOpen: true };

/** A page at the row. */
function device(row: Row) {
  const files = new Store<OpenFiles>(empty);
  const shown = new Store<Panes>(panes);
  const state = { inUse: false };
  const sync = new LayoutSync({
    read: () => row.read(),
    write: (fields) => row.write(fields),
    inUse: () => state.inUse,
    applyFiles: (next) => files.set(next),
    applyPanes: (next) => shown.set(next),
    wait: 60_000,
  });
  const open = async () => {
    const remembered = await sync.begin();
    if (remembered) files.set(remembered);
    sync.follow("files", files, (value) => value);
    sync.follow("panes", shown, (value) => value);
  };
  return { files, shown, state, sync, open };
}

describe("the layout of a session", () => {
  it("is restored on another device", async () => {
    const row = new Row();
    const first = device(row);
    await first.open();
    first.files.set({ tabs: ["a.py", "b.py"], active: "b.py" });
    first.shown.set({ ...panes, side: "search" });
    await first.sync.flush();
    expect(row.writes).toBe(1);

    const second = device(row);
    await second.open();
    expect(second.files.get()).toEqual({ tabs: ["a.py", "b.py"], active: "b.py" });
    expect(second.shown.get().side).toBe("search");
    await second.sync.flush();
    expect(row.writes).toBe(1);
  });

  it("follows another device while nobody uses this one, and sends nothing back", async () => {
    const row = new Row();
    const [first, second] = [device(row), device(row)];
    await first.open();
    await second.open();
    first.files.set({ tabs: ["a.py"], active: "a.py" });
    await first.sync.flush();
    await second.sync.heard(row.version);
    expect(second.files.get().active).toBe("a.py");
    await second.sync.flush();
    await first.sync.heard(row.version);
    expect(row.writes).toBe(1);
  });

  it("never disturbs a device that is in use", async () => {
    const row = new Row();
    const [first, second] = [device(row), device(row)];
    await first.open();
    await second.open();
    second.state.inUse = true;
    first.files.set({ tabs: ["a.py"], active: "a.py" });
    await first.sync.flush();
    await second.sync.heard(row.version);
    expect(second.files.get()).toEqual(empty);
    // What it does itself is its own field: the other device's stays.
    second.shown.set({ ...panes, terminalOpen: false });
    await second.sync.flush();
    expect(row.layout).toEqual({ files: { tabs: ["a.py"], active: "a.py" }, panes: { ...panes, terminalOpen: false } });
  });

  it("is arranged by who comes last while an answer is under way", async () => {
    const row = new Row();
    const [first, second] = [device(row), device(row)];
    await first.open();
    await second.open();
    first.files.set({ tabs: ["a.py"], active: "a.py" });
    await first.sync.flush();
    const heard = second.sync.heard(row.version);
    second.files.set({ tabs: ["mine.py"], active: "mine.py" });
    await heard;
    expect(second.files.get().active).toBe("mine.py");
    await second.sync.flush();
    expect(row.layout.files).toEqual({ tabs: ["mine.py"], active: "mine.py" });
  });

  it("waits while the server cannot be reached", async () => {
    const row = new Row();
    const first = device(row);
    await first.open();
    row.down = true;
    first.files.set({ tabs: ["a.py"], active: "a.py" });
    await first.sync.flush();
    expect(row.writes).toBe(0);
    row.down = false;
    await first.sync.flush();
    expect(row.layout.files).toEqual({ tabs: ["a.py"], active: "a.py" });
  });

  it("that makes no sense is left alone", async () => {
    const row = new Row();
    row.layout = { files: { tabs: "x" }, panes: { side: "none" } };
    const first = device(row);
    await first.open();
    expect([first.files.get(), first.shown.get()]).toEqual([empty, panes]);
  });
});
