import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerMs, ReliableSocket, silenceMs } from "@/lib/socket";
import { fakeEnvironment, FakeSocket } from "./support/fake-socket";

function make() {
  const environment = fakeEnvironment();
  const heard: string[] = [];
  const socket = new ReliableSocket(
    { url: () => "ws://host/ws", text: (data) => heard.push(data), binary: () => heard.push("bytes") },
    environment,
  );
  return { socket, environment, heard };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("ReliableSocket", () => {
  it("waits longer after each failure, and starts over after a healthy connection", () => {
    const { socket } = make();
    socket.start();
    for (const wait of [100, 200, 400, 800, 1000, 1000]) {
      const dialed = FakeSocket.dialed.length;
      FakeSocket.last.end(1006);
      vi.advanceTimersByTime(wait - 1);
      expect(FakeSocket.dialed).toHaveLength(dialed);
      vi.advanceTimersByTime(1);
      expect(FakeSocket.dialed).toHaveLength(dialed + 1);
    }
    FakeSocket.last.open();
    socket.healthy();
    FakeSocket.last.end(1006);
    expect(socket.state.get()).toEqual({ kind: "waiting", attempt: 1 });
  });

  it.each([1001, 1012])("follows a handover (%i) within a second, at a moment of its own", (code) => {
    const { socket, environment } = make();
    socket.start();
    FakeSocket.last.open();
    socket.healthy();
    FakeSocket.last.end(code);
    environment.random = () => 0.25; // asked for by the next one
    vi.advanceTimersByTime(999);
    expect(FakeSocket.dialed).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.dialed).toHaveLength(2);
    FakeSocket.last.open();
    socket.healthy();
    FakeSocket.last.end(code);
    vi.advanceTimersByTime(249);
    expect(FakeSocket.dialed).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.dialed).toHaveLength(3);
  });

  it("does not spin when a peer hands over before it worked", () => {
    const { socket } = make();
    socket.start();
    FakeSocket.last.open();
    FakeSocket.last.end(1012);
    expect(FakeSocket.dialed).toHaveLength(1);
    expect(socket.state.get().kind).toBe("waiting");
  });

  it.each([
    [1000, "done"],
    [4400, "bad_request"],
    [4401, "signed_out"],
    [4404, "not_found"],
    [4409, "replaced"],
  ] as const)("ends for good with %i", (code, cause) => {
    const { socket, environment } = make();
    socket.start();
    FakeSocket.last.open();
    FakeSocket.last.end(code, "why");
    expect(socket.state.get()).toEqual({ kind: "closed", cause, reason: "why" });
    vi.runAllTimers();
    environment.wake("online");
    expect(FakeSocket.dialed).toHaveLength(1);
  });

  it("cuts a wait short when the network is back", () => {
    const { socket, environment } = make();
    socket.start();
    FakeSocket.last.end(1006);
    environment.wake("online");
    expect(FakeSocket.dialed).toHaveLength(2);
    vi.runAllTimers();
    expect(FakeSocket.dialed).toHaveLength(2);
  });

  it("replaces a socket over which nothing comes when an answer is expected", () => {
    const { socket } = make();
    socket.start();
    socket.expectAnswer(); // nothing has been sent yet
    vi.advanceTimersByTime(answerMs);
    expect(FakeSocket.dialed).toHaveLength(1);
    FakeSocket.last.open();
    vi.advanceTimersByTime(10 * answerMs);
    expect(FakeSocket.dialed).toHaveLength(1); // nobody expects anything
    socket.expectAnswer();
    vi.advanceTimersByTime(answerMs - 1);
    FakeSocket.last.say({ type: "anything" });
    vi.advanceTimersByTime(answerMs);
    expect(FakeSocket.dialed).toHaveLength(1);
    socket.expectAnswer();
    vi.advanceTimersByTime(answerMs - 1);
    socket.expectAnswer(); // no answer to the first one yet
    vi.advanceTimersByTime(1);
    expect(FakeSocket.dialed).toHaveLength(2);
    FakeSocket.last.open();
    vi.advanceTimersByTime(10 * answerMs);
    expect(FakeSocket.dialed).toHaveLength(2);
  });

  it("replaces a socket whose peer said words and has fallen silent", () => {
    const { socket } = make();
    socket.start();
    FakeSocket.last.open();
    vi.advanceTimersByTime(10 * silenceMs);
    FakeSocket.last.say({ type: "anything" });
    vi.advanceTimersByTime(10 * silenceMs);
    expect(FakeSocket.dialed).toHaveLength(1); // a peer that says no words, as an older one
    socket.expectWords();
    for (let each = 0; each < 3; each++) {
      vi.advanceTimersByTime(silenceMs - 1);
      FakeSocket.last.say({ type: "anything" });
    }
    vi.advanceTimersByTime(silenceMs - 1);
    expect(FakeSocket.dialed).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.dialed).toHaveLength(2);
    FakeSocket.last.open();
    vi.advanceTimersByTime(10 * silenceMs);
    expect(FakeSocket.dialed).toHaveLength(2); // the new one has said none yet
  });

  it("hears what came meanwhile before it calls a peer silent whose timer is late", () => {
    const { socket } = make();
    socket.start();
    FakeSocket.last.open();
    socket.expectWords();
    vi.setSystemTime(Date.now() + 60_000); // the clock went on, and no timer
    vi.advanceTimersByTime(silenceMs);
    FakeSocket.last.say({ type: "anything" });
    vi.advanceTimersByTime(silenceMs - 1);
    expect(FakeSocket.dialed).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.dialed).toHaveLength(2);
    FakeSocket.last.open();
    socket.expectWords();
    vi.setSystemTime(Date.now() + 60_000);
    vi.advanceTimersByTime(silenceMs + answerMs - 1);
    expect(FakeSocket.dialed).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(FakeSocket.dialed).toHaveLength(3);
  });

  it("forgets the silence of a socket that ended", () => {
    const { socket } = make();
    socket.start();
    FakeSocket.last.open();
    socket.expectWords();
    FakeSocket.last.end(4404);
    vi.advanceTimersByTime(10 * silenceMs);
    expect(FakeSocket.dialed).toHaveLength(1);
    expect(socket.state.get().kind).toBe("closed");
  });

  it("replaces a socket that was open while the machine slept, and hears no more of it", () => {
    const { socket, environment, heard } = make();
    socket.start();
    const old = FakeSocket.last;
    old.open();
    environment.wake("visible");
    expect(FakeSocket.dialed).toHaveLength(1);
    environment.wake("slept");
    expect(old.closed).toBe(true);
    expect(FakeSocket.dialed).toHaveLength(2);
    old.say({ type: "late" });
    old.end(1006);
    expect(heard).toEqual([]);
    expect(socket.state.get().kind).toBe("connecting");
  });

  it("sends only while open, and stops for good", () => {
    const { socket } = make();
    socket.start();
    expect(socket.send("early")).toBe(false);
    FakeSocket.last.open();
    expect(socket.send("now")).toBe(true);
    socket.stop("enough");
    expect(socket.send("late")).toBe(false);
    expect(FakeSocket.last.sent).toEqual(["now"]);
    expect(socket.state.get()).toEqual({ kind: "closed", cause: "stopped", reason: "enough" });
  });
});
