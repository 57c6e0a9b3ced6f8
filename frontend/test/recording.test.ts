import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { parseCast } from "@/features/recording/cast";
import { Player } from "@/features/recording/player";
import { Recordings, type RecordingsAPI } from "@/features/recording/recordings";
import { recordingSchema, type Recording } from "@/lib/sharing";

const header = JSON.stringify({ version: 2, width: 80, height: 24, timestamp: 1, env: { TERM: "xterm-256color" } });
const castOf = (...events: readonly (readonly [number, string, string])[]) => [header, ...events.map((event) => JSON.stringify(event)), ""].join("\n");

describe("parseCast", () => {
  it("reads output and sizes, and leaves out what a screen does not show", () => {
    const cast = parseCast(castOf([0.5, "o", "a"], [0.6, "i", "typed"], [1, "r", "100x30"], [1.5, "o", "ü\u001b[1m"], [1.6, "m", "mark"]));
    expect(cast).toMatchObject({ cols: 80, rows: 24 });
    expect(cast.events).toEqual([
      { time: 0.5, kind: "output", data: "a" },
      { time: 1, kind: "size", cols: 100, rows: 30 },
      { time: 1.5, kind: "output", data: "ü\u001b[1m" },
    ]);
    expect(cast.duration).toBeCloseTo(1.6);
  });

  it("shortens pauses to two seconds", () => {
    const cast = parseCast(castOf([10, "o", "a"], [11, "o", "b"], [3600, "o", "c"], [3601, "o", "d"]));
    expect(cast.events.map(({ time }) => time)).toEqual([2, 3, 5, 6]);
    expect(cast.duration).toBe(6);
  });

  it("takes events that are out of order as of the same moment", () => {
    expect(parseCast(castOf([2, "o", "a"], [1, "o", "b"], [2.5, "o", "c"])).events.map(({ time }) => time)).toEqual([2, 2, 2.5]);
  });

  it("leaves out half a line at the end, of a recording that goes on, and no other", () => {
    expect(parseCast(`${castOf([0, "o", "a"])}[1.0, "o", "b`).events).toHaveLength(1);
    expect(() => parseCast(`${header}\n[1.0, "o", "b\n[2.0, "o", "c"]\n`)).toThrow();
  });

  it.each(["", "{}", '{"version":1,"width":80,"height":24}', '{"version":2,"width":0,"height":24}'])("refuses %j as a header", (text) => {
    expect(() => parseCast(text)).toThrow();
  });
});

/** What the screen was told, in order; writes are done when the test says so, or at once. */
class FakeScreen {
  readonly told: string[] = [];
  held = false;
  readonly #waiting: (() => void)[] = [];
  reset(): void {
    this.told.push("reset");
  }
  size(cols: number, rows: number): void {
    this.told.push(`${cols}x${rows}`);
  }
  write(text: string, done: () => void): void {
    if (text !== "") this.told.push(text);
    if (this.held) this.#waiting.push(done);
    else done();
  }
  release(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
  take(): string[] {
    return this.told.splice(0);
  }
}

describe("Player", () => {
  const cast = parseCast(castOf([0, "o", "0"], [1, "o", "1"], [1, "o", "+"], [2, "r", "100x30"], [2, "o", "2"], [4, "o", "4"]));
  const make = () => {
    const screen = new FakeScreen();
    const player = new Player(cast, screen);
    expect(screen.take()).toEqual(["reset", "80x24", "0"]);
    return { screen, player };
  };
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("plays in time, to the end, and again from the start", () => {
    const { screen, player } = make();
    player.play();
    vi.advanceTimersByTime(999);
    expect(screen.take()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(screen.take()).toEqual(["1+"]);
    vi.advanceTimersByTime(1000);
    expect(screen.take()).toEqual(["100x30", "2"]);
    vi.advanceTimersByTime(2000);
    expect(screen.take()).toEqual(["4"]);
    expect(player.state.get()).toEqual({ playing: false, time: 4, speed: 1 });
    expect(vi.getTimerCount()).toBe(0);
    player.play();
    expect(screen.take()).toEqual(["reset", "80x24", "0"]);
    expect(player.state.get()).toMatchObject({ playing: true, time: 0 });
    expect(player.rows).toBe(30);
  });

  it("keeps its place over a pause, and plays on at another speed", () => {
    const { screen, player } = make();
    player.play();
    vi.advanceTimersByTime(500);
    player.toggle();
    const { time } = player.state.get();
    vi.advanceTimersByTime(60_000);
    expect(player.state.get().time).toBe(time);
    expect(screen.take()).toEqual([]);
    player.setSpeed(0.5);
    player.toggle();
    vi.advanceTimersByTime(999);
    expect(screen.take()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(screen.take()).toEqual(["1+"]);
    player.setSpeed(8);
    vi.advanceTimersByTime(125);
    expect(screen.take()).toEqual(["100x30", "2"]);
  });

  it("draws on when it jumps ahead, anew when it jumps back, and stays within its bounds", () => {
    const { screen, player } = make();
    player.seek(3);
    expect(screen.take()).toEqual(["1+", "100x30", "2"]);
    player.seek(1.5);
    expect(screen.take()).toEqual(["reset", "80x24", "01+"]);
    player.seek(99);
    expect(screen.take()).toEqual(["100x30", "24"]);
    expect(player.state.get().time).toBe(4);
    player.seek(-1);
    expect(screen.take()).toEqual(["reset", "80x24", "0"]);
    expect(player.state.get()).toEqual({ playing: false, time: 0, speed: 1 });
  });

  it("waits for a jump to be drawn; of those meanwhile only the last counts", () => {
    const { screen, player } = make();
    screen.held = true;
    player.seek(1);
    expect(screen.take()).toEqual(["1+"]);
    player.seek(4);
    player.seek(0);
    player.seek(2);
    expect(screen.take()).toEqual([]);
    expect(player.state.get().time).toBe(2);
    screen.release();
    expect(screen.take()).toEqual(["100x30", "2"]);
  });

  it("does nothing after its end", () => {
    const { screen, player } = make();
    screen.held = true;
    player.play();
    player.seek(1);
    player.seek(2);
    screen.take();
    player.dispose();
    screen.release();
    vi.advanceTimersByTime(10_000);
    expect(screen.take()).toEqual([]);
  });
});

describe("Recordings", () => {
  const recording = (over: Partial<Recording>): Recording => recordingSchema.parse({ id: "a", terminal: "1", started_at: "2026-01-01T00:00:00Z", ...over });

  it("lists, stops and deletes; a list from before a change does not undo it", async () => {
    let answer: (list: Recording[]) => void = () => undefined;
    const api: RecordingsAPI = {
      recordings: () =>
        new Promise((done) => {
          answer = done;
        }),
      stopRecording: (_, terminal) => Promise.resolve(recording({ id: "b", terminal, duration: 3 })),
      deleteRecording: () => Promise.resolve(),
    };
    const recordings = new Recordings("s", api);
    const both = [recording({ id: "b", active: true }), recording({ id: "a" })];
    const first = recordings.refresh();
    answer(both);
    await first;
    await recordings.stop(both[0] ?? recording({}));
    expect(recordings.state.get().recordings[0]).toMatchObject({ id: "b", active: false, duration: 3 });
    const late = recordings.refresh();
    await recordings.remove("a");
    answer(both);
    await late;
    expect(recordings.state.get().recordings.map(({ id }) => id)).toEqual(["b"]);
  });

  it("says what went wrong, and keeps what it knew", async () => {
    let failure = false;
    const api: RecordingsAPI = {
      recordings: () => (failure ? Promise.reject(new Error("away")) : Promise.resolve([recording({})])),
      stopRecording: () => Promise.reject(new Error("not asked")),
      deleteRecording: () => Promise.reject(new Error("away")),
    };
    const recordings = new Recordings("s", api);
    await recordings.refresh();
    failure = true;
    await expect(recordings.refresh()).rejects.toThrow("away");
    expect(recordings.state.get()).toMatchObject({ status: "ready", error: "away" });
    await expect(recordings.remove("a")).rejects.toThrow("away");
    expect(recordings.state.get().recordings).toHaveLength(1);
  });
});
