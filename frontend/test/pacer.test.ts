import { beforeEach, describe, expect, it } from "vitest";
import { Pacer } from "@/features/terminal/pacer";

const page = { next: undefined as ((now: number) => void) | undefined, now: 0, inFront: false, hidden: false, done: 0 };

function frame(took = 16): void {
  page.now += took;
  const { next } = page;
  page.next = undefined;
  next?.(page.now);
}

function make(): Pacer {
  return new Pacer({ frame: (next) => (page.next = next), inFront: () => page.inFront, hidden: () => page.hidden });
}

/** The bytes that each of some frames hands on of an endless flood, each frame taking as long as it is told. */
function flood(pacer: Pacer, times: readonly number[]): number[] {
  const piece = () => {
    page.done += 4096;
  };
  for (let i = 0; i < times.length * 32 + 64; i++) pacer.add(4096, piece);
  return times.map((took) => {
    page.done = 0;
    frame(took);
    return page.done;
  });
}

beforeEach(() => Object.assign(page, { next: undefined, now: 0, inFront: false, hidden: false }));

describe("Pacer", () => {
  it("hands on at once what there is room for, and the rest in order with the frames after", () => {
    const pacer = make();
    const done: string[] = [];
    pacer.add(1, () => done.push("a"));
    pacer.add(100 << 10, () => done.push("b"));
    pacer.add(100 << 10, () => done.push("c"));
    pacer.add(0, () => done.push("size"));
    expect(done).toEqual(["a", "b"]);
    frame();
    expect(done).toEqual(["a", "b", "c", "size"]);
  });

  it("hands on what is larger than any frame's room", () => {
    const pacer = make();
    let done = 0;
    for (let i = 0; i < 3; i++) pacer.add(10 << 20, () => done++);
    frame();
    frame();
    expect(done).toBe(3);
  });

  it("asks for no frames when there is nothing to do", () => {
    const pacer = make();
    pacer.add(1, () => undefined);
    frame();
    expect(page.next).toBeUndefined();
  });

  it("gives way when frames come late, further where it has not the keys, and comes back when they do not", () => {
    const slow = Array.from({ length: 12 }, () => 34);
    const beside = make();
    expect(flood(beside, slow).at(-1)).toBe(4 << 10);
    const quick = flood(beside, Array.from({ length: 200 }, () => 16));
    expect(quick.at(-1)).toBeGreaterThan(40 << 10);
    page.inFront = true;
    expect(flood(make(), slow).at(-1)).toBe(64 << 10);
  });

  it("does not wait for frames of a page that is out of sight", () => {
    const pacer = make();
    page.hidden = true;
    let done = 0;
    for (let i = 0; i < 100; i++) pacer.add(64 << 10, () => done++);
    expect(done).toBe(100);
  });
});
