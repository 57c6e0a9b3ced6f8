import { describe, expect, it } from "vitest";
import { Commands } from "@/features/commands/commands";
import { treeOf } from "@/features/files/tree";
import { FileIndex, offerName, offersFor, splitPlace, type Offering } from "@/features/quick/offers";
import { targetOf } from "@/features/workspace/target";
import { itemSchema } from "@/lib/schemas";

const file = (path: string, unsaved_reason = "") => itemSchema.parse({ name: path, path, type: "file", unsaved_reason });

function offering(paths: readonly string[], more: Partial<Offering> = {}): Offering {
  return { tree: treeOf(paths.map((path) => file(path))), index: new FileIndex(), recent: [], active: "", lines: 0, commands: new Commands(false), files: true, ...more };
}

const names = (typed: string, from: Offering) => offersFor(typed, from).list.map((offer) => (offer.kind === "file" ? offer.item.path : offerName(offer)));

describe("a place behind a name", () => {
  it("is a line, and a column", () => {
    expect(splitPlace("main.py")).toEqual({ text: "main.py", place: null });
    expect(splitPlace("main.py:12")).toEqual({ text: "main.py", place: { line: 12 } });
    expect(splitPlace("main.py:12:3")).toEqual({ text: "main.py", place: { line: 12, column: 3 } });
    expect(splitPlace("main.py:12:")).toEqual({ text: "main.py", place: { line: 12 } });
    expect(splitPlace("main.py:")).toEqual({ text: "main.py", place: null });
    expect(splitPlace(":0")).toEqual({ text: "", place: { line: 1 } });
  });
});

describe("offers", () => {
  it("are files, the last ones first but for the one that is open", () => {
    const from = offering(["a.py", "b.py", "c.py"], { recent: ["c.py", "b.py"], active: "c.py" });
    expect(names("", from)).toEqual(["b.py", "a.py", "c.py"]);
  });

  it("pass over files that are gone, and put ignored ones last", () => {
    const tree = treeOf([file("node_modules/main.js", "ignored"), file("src/domain.js")]);
    const from = offering([], { tree, recent: ["gone.py"] });
    expect(names("", from)).toEqual(["src/domain.js"]);
    expect(names("main", from)).toEqual(["src/domain.js", "node_modules/main.js"]);
  });

  it("are files at a line, unless the colon is part of a name", () => {
    const from = offering(["main.py", "odd:3"]);
    expect(offersFor("main:7", from).list).toMatchObject([{ kind: "file", item: { path: "main.py" }, place: { line: 7 } }]);
    expect(offersFor("odd:3", from).list).toMatchObject([{ kind: "file", item: { path: "odd:3" }, place: null }]);
    expect(names("./main.py", from)).toEqual(["main.py"]);
  });

  it("are lines of the open file, up to its last", () => {
    const from = offering(["a"], { active: "a", lines: 20 });
    expect(names(":5:2", from)).toEqual(["Go to line 5, column 2"]);
    expect(offersFor(":99", from).list).toMatchObject([{ place: { line: 20 } }]);
    expect(offersFor(":", from)).toMatchObject({ list: [], none: expect.stringContaining("1 to 20") as string });
    expect(offersFor(":5", offering(["a"])).list).toEqual([]);
  });

  it("are commands, and those alone for one who sees no files", () => {
    const commands = new Commands(false);
    commands.register({ id: "a", title: "View: Toggle", run: () => undefined });
    expect(names(">vt", offering(["vt.py"], { commands }))).toEqual(["View: Toggle"]);
    expect(names("vt", offering(["vt.py"], { commands, files: false }))).toEqual(["View: Toggle"]);
  });

  it("are a hundred at most, of whatever many", () => {
    const { list, count } = offersFor("f", offering(Array.from({ length: 5000 }, (_, index) => `f${index}`)));
    expect(list).toHaveLength(100);
    expect(count).toBe(5000);
  });
});

describe("the target of an address", () => {
  it("is a file, and a line if that is one", () => {
    const of = (query: string) => targetOf(new URLSearchParams(query));
    expect(of("id=1")).toBeNull();
    expect(of("file=src%2Fa.py")).toEqual({ path: "src/a.py", place: null });
    expect(of("file=a.py&line=12&column=3")).toEqual({ path: "a.py", place: { line: 12, column: 3 } });
    expect(of("file=a.py&line=-1")).toEqual({ path: "a.py", place: null });
    expect(of("file=a.py&line=1e3")).toEqual({ path: "a.py", place: null });
  });
});
