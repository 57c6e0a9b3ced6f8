import { describe, expect, it } from "vitest";
import type { Arrangement } from "@/features/editor/documents";
import type { TerminalArrangement } from "@/features/terminal/terminals";
import { LayoutSync, type Panes, type Unsent } from "@/features/workspace/layout-sync";
import type { LayoutAnswer } from "@/lib/account";
import type { SplitSizes } from "@/lib/split-sizes";
import { Problem } from "@/lib/problem";
import { Store } from "@/lib/store";

/** The database keeps the keys of an object in an order of its own. */
function reordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reordered);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, reordered(part)] as const).reverse());
}

/** The server's row. */
class Row {
  version = 0;
  layout: Record<string, unknown> = {};
  writes = 0;
  down = false;
  /** The status that writes are refused with; 0: they are taken. */
  refuses = 0;
  /** Writes are taken, and their answers held back until it is resolved. */
  held: Promise<void> | undefined;

  read(): Promise<LayoutAnswer> {
    return Promise.resolve({ version: this.version, layout: reordered(this.layout) as Record<string, unknown> });
  }

  write(fields: Record<string, unknown>): Promise<LayoutAnswer> {
    if (this.down) return Promise.reject(new Error("down"));
    if (this.refuses) return Promise.reject(new Problem({ request_id: "", title: "Refused", status: this.refuses, detail: "", code: "refused", errors: {} }));
    this.writes++;
    this.version++;
    this.layout = { ...this.layout, ...fields };
    return this.held ? this.held.then(() => this.read()) : this.read();
  }
}

/** One group of tabs. */
function open(active: string, ...tabs: string[]): Arrangement {
  return { groups: [{ tabs, active, pinned: [], preview: "" }], group: 0, cursors: {} };
}

const empty = open("");
const activeOf = (files: Store<Arrangement>) => files.get().groups[0]?.active;
const panes: Panes = { side: "files", sideOpen: true, terminalOpen: true };

/** A browser's storage. */
class Memory {
  unsent: Unsent = {};

  load(): Unsent {
    return this.unsent;
  }

  save(unsent: Unsent): void {
    this.unsent = unsent;
  }
}

/** A page at the row, of a browser of its own unless it is given. */
function device(row: Row, memory = new Memory()) {
  const files = new Store<Arrangement>(empty);
  const terminals = new Store<TerminalArrangement>({ groups: [], active: "1" });
  const shown = new Store<Panes>(panes);
  const sizes = new Store<SplitSizes>({});
  const state = { inUse: false };
  const sync = new LayoutSync({
    memory,
    read: () => row.read(),
    write: (fields) => row.write(fields),
    inUse: () => state.inUse,
    arrange: { files: (next) => files.set(next), terminals: (next) => terminals.set(next), panes: (next) => shown.set(next), sizes: (next) => sizes.set(next) },
    wait: 60_000,
  });
  const begin = async () => {
    const remembered = await sync.begin();
    if (remembered) files.set(remembered);
    sync.follow("files", files, (value) => value);
    sync.follow("terminals", terminals, (value) => value);
    sync.follow("panes", shown, (value) => value);
    sync.follow("sizes", sizes, (value) => value);
  };
  return { files, terminals, shown, sizes, state, sync, open: begin };
}

describe("the layout of a session", () => {
  it("is sent by the next page when this one ends first, unless another device has changed it since", async () => {
    const [row, memory] = [new Row(), new Memory()];
    const first = device(row, memory);
    await first.open();
    first.files.set(open("z.py", "z.py"));
    await first.sync.flush();
    row.down = true;
    first.files.set(open("a.py", "a.py"));
    first.shown.set({ ...panes, terminalOpen: false });
    await first.sync.flush();
    first.sync.dispose();

    row.down = false;
    row.layout = { ...row.layout, panes: { ...panes, side: "search" } };
    row.version++;
    const second = device(row, memory);
    await second.open();
    expect(activeOf(second.files)).toBe("a.py");
    expect(second.shown.get()).toEqual({ ...panes, side: "search" });
    await second.sync.flush();
    expect(row.layout).toEqual({ files: open("a.py", "a.py"), panes: { ...panes, side: "search" } });
    const third = device(row, memory);
    await third.open();
    await third.sync.flush();
    expect(row.writes).toBe(2);
  });

  it.each([
    [413, 0],
    [401, 1],
    [429, 1],
    [503, 1],
  ])("that the server refuses with %i is sent again %i times", async (status, times) => {
    const row = new Row();
    const first = device(row);
    await first.open();
    row.refuses = status;
    first.files.set(open("a.py", "a.py"));
    await first.sync.flush();
    row.refuses = 0;
    await first.sync.flush();
    first.sync.dispose();
    expect(row.writes).toBe(times);
  });

  it("is what it was when that is chosen again while another is on its way", async () => {
    const row = new Row();
    const first = device(row);
    await first.open();
    first.files.set(open("a.py", "a.py"));
    await first.sync.flush();
    let answer: () => void = () => undefined;
    row.held = new Promise((resolve) => {
      answer = resolve;
    });
    first.files.set(open("b.py", "b.py"));
    const sent = first.sync.flush();
    first.files.set(open("a.py", "a.py"));
    answer();
    await sent;
    await first.sync.flush();
    expect(row.layout.files).toEqual(open("a.py", "a.py"));
  });

  it.each([true, false])("of a page that ends while it is sent is what it was last, whether that has arrived (%s) or not", async (arrived) => {
    const [row, memory] = [new Row(), new Memory()];
    const first = device(row, memory);
    await first.open();
    row.held = new Promise(() => undefined);
    const before = row.layout;
    first.files.set(open("b.py", "b.py"));
    void first.sync.flush();
    first.files.set(open("c.py", "c.py"));
    first.sync.dispose();
    if (!arrived) row.layout = before;

    row.held = undefined;
    const second = device(row, memory);
    await second.open();
    await second.sync.flush();
    expect([activeOf(second.files), row.layout.files]).toEqual(["c.py", open("c.py", "c.py")]);
  });

  it("is restored on another device", async () => {
    const row = new Row();
    const first = device(row);
    await first.open();
    first.files.set(open("b.py", "a.py", "b.py"));
    first.shown.set({ ...panes, side: "search" });
    first.sizes.set({ files: 300, terminal: 200 });
    first.terminals.set({ groups: [["1", "2"]], active: "2" });
    await first.sync.flush();
    expect(row.writes).toBe(1);

    const second = device(row);
    await second.open();
    expect(second.files.get()).toEqual(open("b.py", "a.py", "b.py"));
    expect(second.shown.get().side).toBe("search");
    expect(second.sizes.get()).toEqual({ files: 300, terminal: 200 });
    expect(second.terminals.get()).toEqual({ groups: [["1", "2"]], active: "2" });
    await second.sync.flush();
    expect(row.writes).toBe(1);
  });

  it("follows another device while nobody uses this one, and sends nothing back", async () => {
    const row = new Row();
    const [first, second] = [device(row), device(row)];
    await first.open();
    await second.open();
    first.files.set(open("a.py", "a.py"));
    await first.sync.flush();
    await second.sync.heard(row.version);
    expect(activeOf(second.files)).toBe("a.py");
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
    first.files.set(open("a.py", "a.py"));
    await first.sync.flush();
    await second.sync.heard(row.version);
    expect(second.files.get()).toEqual(empty);
    // What it does itself is its own field: the other device's stays.
    second.shown.set({ ...panes, terminalOpen: false });
    await second.sync.flush();
    expect(row.layout).toEqual({ files: open("a.py", "a.py"), panes: { ...panes, terminalOpen: false } });
  });

  it("is arranged by who comes last while an answer is under way", async () => {
    const row = new Row();
    const [first, second] = [device(row), device(row)];
    await first.open();
    await second.open();
    first.files.set(open("a.py", "a.py"));
    await first.sync.flush();
    const heard = second.sync.heard(row.version);
    second.files.set(open("mine.py", "mine.py"));
    await heard;
    expect(activeOf(second.files)).toBe("mine.py");
    await second.sync.flush();
    expect(row.layout.files).toEqual(open("mine.py", "mine.py"));
  });

  it("waits while the server cannot be reached", async () => {
    const row = new Row();
    const first = device(row);
    await first.open();
    row.down = true;
    first.files.set(open("a.py", "a.py"));
    await first.sync.flush();
    expect(row.writes).toBe(0);
    row.down = false;
    await first.sync.flush();
    expect(row.layout.files).toEqual(open("a.py", "a.py"));
  });

  it("that makes no sense is left alone", async () => {
    const row = new Row();
    row.layout = { files: { tabs: "x" }, panes: { side: "none" } };
    const first = device(row);
    await first.open();
    expect([first.files.get(), first.shown.get()]).toEqual([empty, panes]);
  });
});
