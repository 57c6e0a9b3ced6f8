import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { commandLine, exitWords } from "@/features/run/command-line";
import { Runner } from "@/features/run/runner";
import { shownOf, Terminals, type TerminalScreen, type TerminalTab } from "@/features/terminal/terminals";
import { changeSchema, terminalInfoSchema, type TerminalInfo } from "@/lib/schemas";
import { Store } from "@/lib/store";
import { fakeEnvironment, FakeSocket } from "./support/fake-socket";

const info = (name: string, foreground = "") => terminalInfoSchema.parse({ name, foreground });

function make() {
  const environment = fakeEnvironment();
  const sizes: ((cols: number, rows: number) => void)[] = [];
  const closed: string[] = [];
  const commands: TerminalScreen["command"][] = [];
  let viewers = 0;
  let listed: readonly TerminalInfo[] = [];
  const list = () => Promise.resolve(listed);
  const terminals = new Terminals({
    session: "s",
    endpoint: (query) => `ws://host/ws?${query.toString()}`,
    environment,
    client: () => `viewer${++viewers}`,
    createScreen: (handlers): TerminalScreen => {
      sizes.push((cols, rows) => handlers.resized(cols, rows));
      const command: TerminalScreen["command"] = new Store<{ running: boolean; code: number | null }>({ running: false, code: null });
      commands.push(command);
      return {
        command,
        mount: () => () => undefined, fit: () => undefined, focus: () => undefined, setViewOnly: () => undefined, dump: () => ({}), found: new Store({ index: -1, count: 0 }), onSearch: () => () => undefined,
        search: () => undefined, stopSearch: () => undefined, copy: () => false, paste: () => Promise.resolve(), text: () => "", dispose: () => undefined,
        reset: () => undefined, size: () => undefined, write: (_, __, done) => done(),
      };
    },
    list,
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
  return { terminals, attach, closed, commands, list, lists: (...infos: TerminalInfo[]) => (listed = infos) };
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

  it("shows what another screen has in front as soon as it is listed, unless the user has chosen meanwhile", () => {
    const arranged = { groups: [["2", "3"]], active: "3" };
    const { terminals } = make();
    terminals.open("1");
    terminals.arrange(arranged);
    // What is awaited is not taken for a choice of this screen.
    expect(terminals.arrangement()).toEqual(arranged);
    terminals.listed([info("1")]);
    expect(terminals.arrangement()).toEqual(arranged);
    terminals.listed([info("1"), info("2"), info("3")]);
    expect([terminals.state.get().active?.name, shownOf(terminals.state.get()).map(({ name }) => name)]).toEqual(["3", ["2", "3"]]);

    for (const choose of [(tab: TerminalTab, at: Terminals) => at.activate(tab), (_: TerminalTab, at: Terminals) => at.open("4")]) {
      const other = make().terminals;
      const tab = other.open("1");
      other.arrange(arranged);
      choose(tab, other);
      const chosen = other.state.get().active?.name;
      other.listed([info("1"), info("3")]);
      expect(other.arrangement().active).toBe(chosen);
    }
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
    const { terminals, attach, closed, lists } = make();
    const tab = terminals.open("1");
    const socket = attach(0);
    socket.end(1006);
    lists({ ...info("renamed"), former_names: ["1"] });
    await terminals.close(tab);
    expect(closed).toEqual(["1"]);
  });

  it("closes what has ended before it begins anew, and nothing that has gone with its environment", async () => {
    const { terminals, attach, closed, lists } = make();
    const tab = terminals.open("1");
    attach(0).say({ type: "exit", code: 1 });
    await tab.restart();
    expect(closed).toEqual([]);
    attach(0).say({ type: "exit", code: 1 });
    lists(info("1"));
    await tab.restart();
    expect(closed).toEqual(["1"]);
    expect(FakeSocket.dialed).toHaveLength(3);
  });
});

describe("Runner", () => {
  /** A runner, its screen's reports, and what the server lists. */
  function makeRunner() {
    const { list, ...made } = make();
    const figures: string[] = [];
    const runner = new Runner({ session: "s", terminals: made.terminals, list, exists: () => false, figure: (path, by) => figures.push(`${path} by ${by}`) });
    return { ...made, runner, figures };
  }
  const change = (path: string, op = "put") => changeSchema.parse({ op, path, type: "file", revision: 2 });

  it("uses one terminal of its own again, and tells how a command ended", async () => {
    const { runner, terminals, attach, commands, lists } = makeRunner();
    terminals.open("1");
    await runner.run("main.py");
    const socket = attach(1);
    expect(names(terminals)).toEqual(["1", "run"]);
    expect(socket.typed).toBe("\x15cd /app && python3 main.py\r");
    // The prompt of the shell that begins.
    commands[1]?.set({ running: false, code: 0 });
    expect(runner.state.get()).toEqual({ kind: "running", path: "main.py" });
    commands[1]?.set({ running: true, code: null });
    commands[1]?.set({ running: false, code: 3 });
    expect(runner.state.get()).toEqual({ kind: "ended", path: "main.py", code: 3 });
    lists({ ...info("1"), cwd: "." }, { ...info("run"), cwd: "." });
    await runner.run("a b.js");
    expect(socket.typed).toBe("\x15cd /app && python3 main.py\r\x15node 'a b.js'\r");
    expect(names(terminals)).toEqual(["1", "run"]);
  });

  it("stops what runs before it runs again, and harder when asked twice", async () => {
    const { runner, attach, commands, lists } = makeRunner();
    await runner.run("main.py");
    const socket = attach(0);
    commands[0]?.set({ running: true, code: null });
    runner.stop();
    runner.stop();
    expect(socket.typed.slice(-2)).toBe("\x03\x1c");
    commands[0]?.set({ running: false, code: 131 });
    runner.stop();
    expect(socket.typed.slice(-2)).toBe("\x03\x1c");

    lists({ ...info("run", "python3"), cwd: "." });
    commands[0]?.set({ running: true, code: null });
    await runner.run("main.py");
    commands[0]?.set({ running: true, code: null });
    const again = runner.run("main.py");
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.typed.endsWith("\x03")).toBe(true);
    commands[0]?.set({ running: false, code: 130 });
    await again;
    expect(socket.typed.endsWith("\x03\x15python3 main.py\r")).toBe(true);
  });

  it("begins an ended terminal anew, and is over when its terminal goes", async () => {
    const { runner, terminals, attach, closed, commands, lists } = makeRunner();
    terminals.open("run");
    attach(0).say({ type: "exit", code: 0 });
    lists({ ...info("run"), running: false });
    await runner.run("main.py");
    expect(closed).toEqual(["run"]);
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "attached", incarnation: "a", offset: 0, created: true });
    expect(FakeSocket.last.typed).toContain("python3 main.py\r");
    commands[0]?.set({ running: true, code: null });
    const [tab] = terminals.state.get().tabs;
    if (tab) await terminals.close(tab);
    expect(runner.state.get()).toEqual({ kind: "ended", path: "main.py", code: null });
  });

  it("shows the figures of what it ran", async () => {
    const { runner, figures } = makeRunner();
    runner.changed([change(".figures/before-1.png")]);
    await runner.run("plot.py");
    runner.changed([change(".figures/plot-1.png"), change(".figures/plot-1.png.part"), change("own.png"), change(".figures/old-1.png", "delete")]);
    expect(figures).toEqual([".figures/plot-1.png by plot.py"]);
    // Its first name was seen; what only changes its name is no news.
    runner.changed([{ ...change(".figures/plot-2.png", "move"), from: ".figures/plot-2.png.part" }, { ...change(".figures/b.png", "move"), from: ".figures/plot-1.png" }]);
    expect(figures.slice(1)).toEqual([".figures/plot-2.png by plot.py"]);
    expect(await runner.run("notes.txt")).toBeNull();
  });
});

describe("commandLine", () => {
  const here = new Set(["go.mod", "tool/go.mod"]);
  it.each([
    ["main.py", "", "python3 main.py"],
    ["a b.js", "", "node 'a b.js'"],
    ["-x.sh", "", "bash ./-x.sh"],
    ["main.py", " --name 'a b'\n -v ", "python3 main.py --name 'a b' -v"],
    ["src/prog.c", "1", "cc -g -Wall -o /tmp/prog src/prog.c -lm && /tmp/prog 1"],
    ["it's.cpp", "", `c++ -g -Wall -o '/tmp/it'\\''s' 'it'\\''s.cpp' -lm && '/tmp/it'\\''s'`],
    ["tool/cmd/main.go", "", "go run ./tool/cmd"],
    ["notes.txt", "", null],
    ["Makefile", "", null],
  ])("%s %j", (path, args, line) => {
    expect(commandLine(path, args, (each) => here.has(each))).toBe(line);
  });
  it("runs TypeScript with what there is, or says what to install", () => {
    expect(commandLine("-a.ts", "1", () => false)).toBe(
      "if node --experimental-strip-types -e 0 2>/dev/null; then node --experimental-strip-types ./-a.ts 1; elif [ -x node_modules/.bin/tsx ]; then node_modules/.bin/tsx ./-a.ts 1; " +
        "elif command -v tsx >/dev/null; then tsx ./-a.ts 1; elif command -v bun >/dev/null; then bun run ./-a.ts 1; elif command -v deno >/dev/null; then deno run ./-a.ts 1; " +
        "else echo 'Node.js runs TypeScript from version 22.6 on, and this one is older. Install tsx, and run again: npm install --save-dev tsx'; (exit 127); fi",
    );
  });
  it("runs a file alone where there is no module", () => {
    expect(commandLine("x/main.go", "", () => false)).toBe("go run x/main.go");
  });
  it("says what an exit status means", () => {
    expect([0, 1, 127, 130, 137].map(exitWords)).toEqual(["Finished", "Exit 1", "Exit 127: not installed here", "Stopped", "Exit 137: killed, perhaps for its memory"]);
  });
});
