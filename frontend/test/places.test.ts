import { describe, expect, it } from "vitest";
import { findPlaces, resolvePlace } from "@/features/terminal/places";

describe("findPlaces", () => {
  it.each([
    ['  File "/app/src/a b.py", line 12, in main', ['/app/src/a b.py:12']],
    ["src/app.ts:10:5 - error TS2322", ["src/app.ts:10:5"]],
    ["src/app.ts(10,5): error TS2322", ["src/app.ts:10:5"]],
    ["    at run (/app/x.js:1:2)", ["/app/x.js:1:2"]],
    ["    at file:///app/x.mjs:7:2", ["file:///app/x.mjs:7:2"]],
    ["./main.go:3:1: undefined: x; see util.go:9", ["./main.go:3:1", "util.go:9"]],
    ["main.c:4: warning", ["main.c:4"]],
    ["at 12:30:59 and a.py:0", ["12:30:59"]],
    ["1.5:2.5 nothing", []],
    ["", []],
  ])("%s", (text, want) => {
    expect(findPlaces(text).map(({ path, line, column }) => [path, line, column].filter((part) => part !== undefined).join(":"))).toEqual(want);
  });

  it("says where the link stands", () => {
    const text = '  File "a.py", line 3';
    const [place] = findPlaces(text);
    expect(place && text.slice(place.start, place.start + place.length)).toBe('a.py", line 3');
  });

});

describe("resolvePlace", () => {
  const files = new Set(["main.py", "src/a.ts", "src/lib/b.ts"]);
  const resolve = (path: string, cwd = ".") => resolvePlace(path, cwd, (each) => files.has(each));
  it.each([
    ["main.py", ".", "main.py"],
    ["./main.py", ".", "main.py"],
    ["a.ts", "src", "src/a.ts"],
    ["../a.ts", "src/lib", "src/a.ts"],
    ["src/a.ts", "src/lib", "src/a.ts"],
    ["/app/src/a.ts", "src", "src/a.ts"],
    ["file:///app/main.py", "src", "main.py"],
    ["../main.py", ".", null],
    ["/etc/passwd", ".", null],
    ["main.py", "/tmp", "main.py"],
    ["src", ".", null],
    ["localhost", ".", null],
  ])("%s in %s is %s", (path, cwd, want) => {
    expect(resolve(path, cwd)).toBe(want);
  });
});
