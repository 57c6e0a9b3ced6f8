import { describe, expect, it } from "vitest";
import { extended, followed, freePath, nothing, only, outermost, toggled } from "@/features/files/selection";

const rows = ["a", "b", "b/c", "b/d", "e"];
const all = (paths: ReadonlySet<string>) => [...paths];

describe("Selection", () => {
  it("adds and takes out single entries", () => {
    const two = toggled(only("a"), "e");
    expect([two.focus, ...all(two.paths)]).toEqual(["e", "a", "e"]);
    expect(all(toggled(two, "a").paths)).toEqual(["e"]);
  });

  it("extends from the anchor, in either direction, and forgets the range before", () => {
    const down = extended(only("b"), rows, "b/d");
    expect(all(down.paths)).toEqual(["b", "b/c", "b/d"]);
    const up = extended(down, rows, "a");
    expect([up.focus, up.anchor, ...all(up.paths)]).toEqual(["a", "b", "a", "b"]);
    expect(all(extended(nothing, rows, "e").paths)).toEqual(["e"]);
    expect(extended(up, rows, "not shown")).toBe(up);
  });

  it("follows a folder that moves", () => {
    const moved = followed(extended(only("b"), rows, "e"), "b", "x/b");
    expect([moved.anchor, ...all(moved.paths)]).toEqual(["x/b", "x/b", "x/b/c", "x/b/d", "e"]);
    const other = only("ba");
    expect(followed(other, "b", "x")).toBe(other);
    expect(followed(nothing, "b", "x")).toBe(nothing);
  });

  it("stands for what is there, and a folder for what is in it", () => {
    expect(outermost(["b/c", "b", "b/c/deep", "e", "gone"], (path) => path !== "gone")).toEqual(["b", "e"]);
    expect(outermost(["b/c/deep", "b/c"], () => true)).toEqual(["b/c"]);
  });
});

describe("freePath", () => {
  const taken = new Set(["d/a.txt", "d/a copy.txt", "d/.env", "d/Makefile"]);
  it.each([
    ["free.txt", "d/free.txt"],
    ["a.txt", "d/a copy 2.txt"],
    [".env", "d/.env copy"],
    ["Makefile", "d/Makefile copy"],
  ])("finds a name for another %s", (name, path) => {
    expect(freePath("d", name, (each) => taken.has(each))).toBe(path);
  });
});
