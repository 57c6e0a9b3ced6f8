import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { shownOf, Terminals, type TerminalScreen } from "@/features/terminal/terminals";
import { terminalInfoSchema } from "@/lib/schemas";
import { Store } from "@/lib/store";
import { fakeEnvironment, FakeSocket } from "./support/fake-socket";

const info = (name: string, foreground = "") => terminalInfoSchema.parse({ name, foreground });

function make() {
  const environment = fakeEnvironment();
  const sizes: ((cols: number, rows: number) => void)[] = [];
  const closed: string[] = [];
  let viewers = 0;
  const terminals = new Terminals({
    session: "s",
    endpoint: (query) => `ws://host/ws?${query.toString()}`,
    environment,
    client: () => `viewer${++viewers}`,
    createScreen: (handlers): TerminalScreen => {
      sizes.push((cols, rows) => handlers.resized(cols, rows));
      return {
        mount: () => () => undefined, fit: () => undefined, focus: () => undefined, setViewOnly: () => undefined, dump: () => ({}), found: new Store({ index: -1, count: 0 }), onSearch: () => () => undefined,
        search: () => undefined, stopSearch: () => undefined, copy: () => false, paste: () => Promise.resolve(), text: () => "", dispose: () => undefined,
        reset: () => undefined, size: () => undefined, write: (_, __, done) => done(),
      };
    },
    list: () => Promise.resolve([]),
    update: () => Promise.resolve([]),
    closeOnServer: (name) => {
      closed.push(name);
      return Promise.resolve();
    },
    notice: () => undefined,
  });
  const attach = (index: number) => {
    sizes[index]?.(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "attached", incarnation: "a", offset: 0, created: true });
    return FakeSocket.last;
  };
  return { terminals, attach, closed };
}

const names = (terminals: Terminals) => terminals.state.get().tabs.map((tab) => tab.name);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Terminals", () => {
  it("connects when the size is known, and gives new ones free names", () => {
    const { terminals, attach } = make();
    terminals.open("1");
    expect(FakeSocket.dialed).toHaveLength(0);
    attach(0);
    terminals.listed([info("1"), info("2")]);
    expect(terminals.open().name).toBe("3");
    expect(names(terminals)).toEqual(["1", "2", "3"]);
  });

  it("puts terminals side by side, and remembers it", async () => {
    const { terminals } = make();
    const shown = () => shownOf(terminals.state.get()).map((tab) => tab.name);
    const first = terminals.open("1");
    const second = await terminals.split(first);
    expect([second.name, shown(), terminals.state.get().active]).toEqual(["2", ["1", "2"], second]);
    const third = terminals.open();
    expect(shown()).toEqual(["3"]);
    terminals.join(first, third);
    expect(shown()).toEqual(["1", "3", "2"]);
    expect([terminals.neighbour(1), terminals.neighbour(-1)]).toEqual([second, first]);
    terminals.unjoin(third);
    expect(shown()).toEqual(["3"]);
    expect(terminals.neighbour(1)).toBeNull();
    terminals.activate(second);
    expect(shown()).toEqual(["1", "2"]);
    await terminals.close(second);
    expect([shown(), terminals.state.get().groups]).toEqual([["1"], []]);
    await terminals.split(first);
    await terminals.split(first);
    await terminals.split(first);
    expect([shown().length, terminals.canSplit]).toEqual([4, false]);
  });

  it("does not bring back a tab that was closed while the server still lists it", async () => {
    const { terminals, attach } = make();
    const tab = terminals.open("1");
    const socket = attach(0);
    await terminals.close(tab);
    expect(socket.controls).toContainEqual({ type: "close" });
    terminals.listed([info("1")]);
    expect(names(terminals)).toEqual([]);
    terminals.listed([]);
    terminals.listed([info("1")]);
    expect(names(terminals)).toEqual(["1"]);
  });

  it("closes over HTTP what it is not attached to", async () => {
    const { terminals, attach, closed } = make();
    const tab = terminals.open("1");
    const socket = attach(0);
    socket.end(1006);
    await terminals.close(tab);
    expect(closed).toEqual(["1"]);
  });

  it("runs a command at a prompt, not into a program", async () => {
    const { terminals, attach } = make();
    terminals.open("1");
    const first = attach(0);
    await terminals.run("python3 main.py");
    expect(first.typed).toBe("\x15python3 main.py\r");
    terminals.listed([info("1", "vim")]);
    expect((await terminals.run("node a.js")).name).toBe("2");
    expect(attach(1).typed).toBe("\x15node a.js\r");
  });

  it("has the server forget an ended program, and begins it anew for a command", async () => {
    const { terminals, attach, closed } = make();
    terminals.open("1");
    attach(0).say({ type: "exit", code: 0 });
    await terminals.run("ls");
    expect(closed).toEqual(["1"]);
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "attached", incarnation: "a", offset: 0, created: true });
    expect(FakeSocket.last.typed).toBe("\x15ls\r");
  });
});
