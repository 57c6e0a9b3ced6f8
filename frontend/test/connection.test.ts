import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TerminalConnection, type TerminalSink } from "@/features/terminal/connection";
import { answerMs } from "@/lib/socket";
import { fakeEnvironment, FakeSocket } from "./support/fake-socket";

/** A screen that renders when the test says so. */
class FakeScreen implements TerminalSink {
  shown = "";
  replayed = "";
  resets = 0;
  sizes: string[] = [];
  readonly #waiting: (() => void)[] = [];
  auto = true;

  reset(): void {
    this.resets++;
    this.shown = "";
  }
  write(bytes: Uint8Array, replay: boolean, done: () => void): void {
    const text = new TextDecoder().decode(bytes);
    this.shown += text;
    if (replay) this.replayed += text;
    if (this.auto) done();
    else this.#waiting.push(done);
  }
  size(cols: number, rows: number): void {
    this.sizes.push(`${cols}x${rows}`);
  }
  render(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
}

function make(mode: "view" | "write" = "write") {
  const environment = fakeEnvironment();
  const screen = new FakeScreen();
  const notices: string[] = [];
  const modes: string[] = [];
  const connection = new TerminalConnection({
    session: "s",
    name: "1",
    client: "me",
    mode,
    endpoint: (query) => `ws://host/ws?${query.toString()}`,
    environment,
    sink: screen,
    notices: { title: () => undefined, mode: (given) => modes.push(given), notice: (text) => notices.push(text) },
  });
  const type = (text: string) => connection.type(new TextEncoder().encode(text));
  return { connection, screen, notices, modes, environment, type };
}

const attached = (over: object = {}) => ({
  type: "attached", terminal: "1", incarnation: "a", offset: 0, input_offset: 0, cols: 80, rows: 24, reset: false, snapshot: 0,
  created: false, ...over,
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("TerminalConnection", () => {
  it("asks with the real size, shows the start's phases, and keeps early typing for the shell", () => {
    const { connection, type } = make();
    connection.start(120, 40);
    expect(Object.fromEntries(FakeSocket.last.url.searchParams)).toEqual({ session: "s", terminal: "1", client: "me", cols: "120", rows: "40" });
    type("early");
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "status", phase: "starting", message: "Starting", reason: "" });
    expect(connection.state.get()).toMatchObject({ kind: "starting", phase: "starting" });
    expect(FakeSocket.last.typed).toBe("");
    FakeSocket.last.say(attached({ created: true, cols: 120, rows: 40 }));
    expect(connection.state.get()).toEqual({ kind: "attached" });
    expect(FakeSocket.last.typed).toBe("early");
  });

  it("resumes output by offset and input from where the server is", () => {
    const { connection, screen, type } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    FakeSocket.last.bytes("0123456789");
    type("abcdef");
    FakeSocket.last.end(1006);
    expect(connection.state.get().kind).toBe("reconnecting");
    type("ghi");
    vi.runOnlyPendingTimers();
    expect(FakeSocket.last.url.searchParams.get("offset")).toBe("10");
    expect(FakeSocket.last.url.searchParams.get("incarnation")).toBe("a");
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ offset: 10, input_offset: 4 }));
    expect(FakeSocket.last.typed).toBe("efghi");
    FakeSocket.last.bytes("XY");
    expect(screen.shown).toBe("0123456789XY");
    // Once, for the new terminal.
    expect(screen.resets).toBe(1);
  });

  it("types once more, elsewhere, what a server that is silently gone has not taken", () => {
    const { connection, type } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    type("taken");
    FakeSocket.last.bytes("taken");
    vi.advanceTimersByTime(10 * answerMs);
    expect(FakeSocket.dialed).toHaveLength(1);
    type("not taken");
    vi.advanceTimersByTime(answerMs);
    expect(FakeSocket.dialed).toHaveLength(2);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ offset: 5, input_offset: 5 }));
    expect(FakeSocket.last.typed).toBe("not taken");
  });

  it("types nothing twice when the screen is drawn anew on the same socket", () => {
    const { connection, type } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    type("abcdef");
    // The server had taken two bytes when it said so; the others are on their way.
    FakeSocket.last.say(attached({ reset: true, snapshot: 3, offset: 500, input_offset: 2 }));
    FakeSocket.last.bytes("SCR");
    type("g");
    expect(FakeSocket.last.typed).toBe("abcdefg");
    FakeSocket.last.end(1006);
    vi.runOnlyPendingTimers();
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ offset: 500, input_offset: 5 }));
    expect(FakeSocket.last.typed).toBe("fg");
  });

  it("acknowledges each 16 KiB that were rendered, and the rest when the renderer is idle", () => {
    const { connection } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    vi.advanceTimersByTime(100);
    const acks = () => FakeSocket.last.controls.filter((m) => m.type === "ack").map((m) => m.offset);
    expect(acks()).toEqual([0]);
    for (let i = 0; i < 5; i++) FakeSocket.last.bytes("x".repeat(8 << 10));
    expect(acks()).toEqual([0, 16 << 10, 32 << 10]);
    vi.advanceTimersByTime(100);
    expect(acks()).toEqual([0, 16 << 10, 32 << 10, 40 << 10]);
  });

  it("does not count a snapshot, and replays it without answering", () => {
    const { connection, screen } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ reset: true, snapshot: 6, offset: 1000 }));
    FakeSocket.last.bytes("SCR");
    FakeSocket.last.bytes("EENlive");
    expect(screen.resets).toBe(1);
    expect(screen.replayed).toBe("SCREEN");
    FakeSocket.last.end(1006);
    vi.runOnlyPendingTimers();
    expect(FakeSocket.last.url.searchParams.get("offset")).toBe("1004");
  });

  it("asks afresh when a snapshot broke off half-way", () => {
    const { connection } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ reset: true, snapshot: 6, offset: 1000 }));
    FakeSocket.last.bytes("SCR");
    FakeSocket.last.end(1006);
    vi.runOnlyPendingTimers();
    expect(FakeSocket.last.url.searchParams.has("offset")).toBe(false);
    expect(FakeSocket.last.url.searchParams.has("incarnation")).toBe(false);
  });

  it("acknowledges what was rendered, and only that", () => {
    const { connection, screen } = make();
    screen.auto = false;
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    vi.runOnlyPendingTimers();
    const acks = () => FakeSocket.last.controls.filter(({ type }) => type === "ack").map(({ offset }) => offset);
    FakeSocket.last.bytes("x".repeat(70_000));
    vi.runOnlyPendingTimers();
    expect(acks()).toEqual([0]);
    screen.render();
    expect(acks()).toEqual([0, 70_000]);
    FakeSocket.last.bytes("yy");
    screen.render();
    vi.runOnlyPendingTimers();
    expect(acks()).toEqual([0, 70_000, 70_002]);
  });

  it("forgets renderings of the screen before a reset", () => {
    const { connection, screen } = make();
    screen.auto = false;
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    FakeSocket.last.bytes("old");
    FakeSocket.last.say(attached({ reset: true, snapshot: 0, offset: 500 }));
    screen.render();
    vi.runOnlyPendingTimers();
    expect(FakeSocket.last.controls.filter(({ type }) => type === "ack").at(-1)).toEqual({ type: "ack", offset: 500 });
  });

  it("goes on after a gap and says so", () => {
    const { connection, notices } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    FakeSocket.last.say({ type: "gap", from: 0, to: 4096 });
    FakeSocket.last.bytes("ab");
    FakeSocket.last.end(1006);
    vi.runOnlyPendingTimers();
    expect(FakeSocket.last.url.searchParams.get("offset")).toBe("4098");
    expect(notices).toHaveLength(1);
  });

  it("clears the screen and drops old typing when another agent answers", () => {
    const { connection, screen, type } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    FakeSocket.last.bytes("old screen");
    FakeSocket.last.end(1006);
    type("rm -rf something\r");
    vi.runOnlyPendingTimers();
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ incarnation: "b", created: true, reset: true }));
    expect(FakeSocket.last.typed).toBe("");
    expect(screen.shown).toBe("");
    type("ls\r");
    expect(FakeSocket.last.typed).toBe("ls\r");
  });

  it("sends a size that changed while it connected", () => {
    const { connection } = make();
    connection.start(80, 24);
    connection.resize(100, 30);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    expect(FakeSocket.last.controls).toContainEqual({ type: "resize", cols: 100, rows: 30 });
  });

  it("ends with the program, does not come back by itself, and begins anew when asked", () => {
    const { connection, type } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    type("exit 3\r");
    FakeSocket.last.say({ type: "exit", code: 3, signal: "", reason: "" });
    expect(connection.state.get()).toEqual({ kind: "ended", exit: { code: 3, signal: "", reason: "" }, message: "" });
    vi.runAllTimers();
    expect(FakeSocket.dialed).toHaveLength(1);
    connection.start(80, 24);
    type("ls\r");
    expect(FakeSocket.last.url.searchParams.has("offset")).toBe(false);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    expect(FakeSocket.last.typed).toBe("ls\r");
  });

  it("stays with a session that was stopped, and types into its next shell", () => {
    const { connection, type } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ created: true }));
    FakeSocket.last.say({ type: "status", phase: "stopped", message: "Stopped", reason: "idle" });
    FakeSocket.last.end(1000, "the environment is not running");
    expect(connection.state.get()).toEqual({ kind: "ended", exit: null, message: "the environment is not running" });
    connection.start(80, 24);
    type("python3 main.py\r");
    FakeSocket.last.open();
    FakeSocket.last.say(attached({ incarnation: "b", created: true, reset: true }));
    expect(FakeSocket.last.typed).toBe("python3 main.py\r");
  });

  it.each([
    [4401, "signed_out"],
    [4404, "not_found"],
    [4409, "replaced"],
    [4400, "bad_request"],
  ])("fails for good with %i", (code, cause) => {
    const { connection } = make();
    connection.start(80, 24);
    FakeSocket.last.end(code);
    expect(connection.state.get()).toMatchObject({ kind: "failed", cause });
  });

  it("ignores messages that it does not know", () => {
    const { connection } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say({ type: "weather", sun: true });
    FakeSocket.last.say(attached({ created: true, unknown: 1 }));
    expect(connection.state.get().kind).toBe("attached");
  });

  it("types and sizes nothing where it may only look, whether it asked for more or not", () => {
    for (const asked of ["view", "write"] as const) {
      const { connection, modes, type } = make(asked);
      connection.start(120, 40);
      expect(FakeSocket.last.url.searchParams.get("mode")).toBe(asked === "view" ? "view" : null);
      type("before");
      FakeSocket.last.open();
      FakeSocket.last.say(attached({ mode: "view" }));
      type("after");
      connection.resize(100, 30);
      expect(modes).toEqual(["view"]);
      expect(FakeSocket.last.typed).toBe("");
      expect(FakeSocket.last.controls).toEqual([]);
    }
  });

  it("ends with what the server says when the access is taken away", () => {
    const { connection } = make();
    connection.start(80, 24);
    FakeSocket.last.open();
    FakeSocket.last.say(attached());
    FakeSocket.last.end(4403, "access was revoked");
    expect(connection.state.get()).toEqual({ kind: "failed", cause: "forbidden", message: "Access was revoked." });
  });
});
