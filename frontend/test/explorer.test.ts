import type { Restore } from "@/lib/history";
import { describe, expect, it, vi } from "vitest";
import { copyAll, failureWords, moveAll, removeAll } from "@/features/files/changes";
import { FileStore, type FilesAPI } from "@/features/files/file-store";
import { copyName, freePath } from "@/features/files/names";
import { filtered, visibleRows } from "@/features/files/rows";
import { everything, followed, nothing, only, pruned, ranged, toggled } from "@/features/files/selection";
import { sortKey } from "@/features/files/sort-key";
import { outermost, treeOf } from "@/features/files/tree";
import { Uploads } from "@/features/files/uploads";
import { Problem } from "@/lib/problem";
import { changeSchema, itemSchema, problemSchema, type Item } from "@/lib/schemas";

const item = (path: string, type: Item["type"] = "file"): Item => itemSchema.parse({ name: path.slice(path.lastIndexOf("/") + 1), path, type });
const folder = (path: string) => item(path, "folder");
const shown = (rows: Iterable<{ item: Item }>) => [...rows].map((row) => row.item.path);
const random = (seed: number) => () => (seed = (seed * 48271) % 2147483647) / 2147483647;

describe("rows", () => {
  it("are those of a plain walk, whatever changes", () => {
    const next = random(7);
    const pick = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)] as T;
    const names = ["a", "b", "C", "d10", "d9", "é", "z.txt"];
    const path = () => Array.from({ length: 1 + Math.floor(next() * 3) }, () => pick(names)).join("/");
    let tree = treeOf([]);
    for (let round = 0; round < 400; round++) {
      const op = pick(["put", "put", "delete", "move"] as const);
      const type = pick(["file", "folder"] as const);
      const to = path();
      const from = path();
      if (op === "move" && (to === from || to.startsWith(`${from}/`) || from.startsWith(`${to}/`))) continue;
      tree = tree.with([changeSchema.parse({ op, path: to, type: op === "move" ? (tree.get(from)?.type ?? type) : type, revision: round, ...(op === "move" ? { from } : {}) })]);
      const expanded = new Set([...tree.keys()].filter(() => next() < 0.6));
      const rows = visibleRows(tree, expanded);
      // The model: all of it walked, and each folder sorted anew.
      const walked: string[] = [];
      const visit = (parent: string) => {
        const children = [...treeOf(tree.values()).childrenOf(parent)];
        for (const child of children) {
          walked.push(child.path);
          if (child.type === "folder" && expanded.has(child.path)) visit(child.path);
        }
      };
      visit("");
      expect(shown(rows)).toEqual(walked);
      expect(rows.length).toBe(walked.length);
      walked.forEach((each, index) => expect(rows.indexOf(each)).toBe(index));
    }
  });

  it("are made of 50,000 entries where they are looked at", () => {
    const tree = treeOf([folder("big"), ...Array.from({ length: 50_000 }, (_, index) => item(`big/f${index}`)), item("last")]);
    const rows = visibleRows(tree, new Set(["big"]));
    expect(rows.length).toBe(50_002);
    expect(rows.at(50_000)).toMatchObject({ item: { path: "big/f49999" }, depth: 1, position: 50_000, siblings: 50_000 });
    expect(rows.indexOf("last")).toBe(50_001);
    expect(rows.at(50_002)).toBeUndefined();
    const after = tree.with([changeSchema.parse({ op: "put", path: "big/f25000a", type: "file" })]);
    expect(visibleRows(after, new Set(["big"])).at(25_002)?.item.path).toBe("big/f25000a");
  });

  it("are sorted without regard to case and accents, numbers by value", () => {
    const names = ["éa", "Eb", "a10", "a9", "a09b", "A1", "_x", ".git", "10", "9", "a100000000000000000000"];
    expect([...names].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1))).toEqual([".git", "9", "10", "_x", "A1", "a9", "a09b", "a10", "a100000000000000000000", "éa", "Eb"]);
  });

  it("find the next name that begins so, around the end", () => {
    const rows = visibleRows(treeOf([item("alpha"), item("beta"), item("Alps")]), new Set());
    expect(rows.find("al", 1)).toBe(1);
    expect(rows.find("al", 2)).toBe(0);
    expect(rows.find("x", 0)).toBe(-1);
  });

  it("are filtered by name, or by path with a slash, with the folders around", () => {
    const tree = treeOf([folder("src"), item("src/main.py"), item("src/other.py"), item("Main.md")]);
    const byName = filtered(tree, "main");
    expect(shown(visibleRows(byName.tree, byName.expanded))).toEqual(["src", "src/main.py", "Main.md"]);
    expect(byName.found).toBe(2);
    expect(filtered(tree, "src/o").found).toBe(1);
  });
});

describe("selection", () => {
  const rows = visibleRows(treeOf(["a", "b", "c", "d"].map((name) => item(name))), new Set());

  it("grows and shrinks from where it began", () => {
    const from = only("b");
    expect([...ranged(from, rows, "d").paths]).toEqual(["b", "c", "d"]);
    expect([...ranged(ranged(from, rows, "d"), rows, "a").paths]).toEqual(["a", "b"]);
    expect([...toggled(toggled(from, "d"), "b").paths]).toEqual(["d"]);
    expect(everything(nothing, rows)).toMatchObject({ focus: "a", paths: new Set(["a", "b", "c", "d"]) });
  });

  it("follows moves and loses what is gone", () => {
    const both = toggled(only("dir/a"), "x");
    expect([...followed(both, "dir", "other").paths]).toEqual(["other/a", "x"]);
    expect(followed(both, "none", "other")).toBe(both);
    expect(pruned(both, (path) => path !== "x")).toEqual({ paths: new Set(["dir/a"]), focus: "", anchor: "" });
    expect(pruned(both, () => true)).toBe(both);
  });

  it("means a folder once, and not what is in it", () => {
    expect(outermost(["a/b/c", "a", "a.txt", "ab", "d/e"])).toEqual(["a", "a.txt", "ab", "d/e"]);
  });
});

describe("names of copies", () => {
  it("count on, before the extension", () => {
    const taken = new Set(["a copy.txt", "a copy 2.txt"]);
    expect(copyName("b.txt", false, (name) => taken.has(name))).toBe("b copy.txt");
    expect(copyName("a.txt", false, (name) => taken.has(name))).toBe("a copy 3.txt");
    expect(copyName("a copy.txt", false, (name) => taken.has(name))).toBe("a copy 3.txt");
    expect(copyName("v1.2", true, () => false)).toBe("v1.2 copy");
    expect(copyName(".env", false, () => false)).toBe(".env copy");
    expect(freePath("x/a.txt", false, () => false)).toBe("x/a.txt");
  });
});

class FakeAPI implements FilesAPI {
  readonly calls: string[] = [];
  constructor(readonly items: Item[]) {}
  files = () => Promise.resolve({ items: this.items, revision: 1 });
  write = (_: string, path: string) => Promise.resolve(item(path));
  createFolder = (_: string, path: string) => Promise.resolve(folder(path));
  remove = (_: string, path: string) => {
    this.calls.push(`remove ${path}`);
    return path === "stuck" ? Promise.reject(new Error("no")) : Promise.resolve(7);
  };
  restore = (_: string, { path, revision }: Restore) => {
    this.calls.push(`restore ${path} ${revision}`);
    const left = path === "dir" ? [{ path: "dir/in.txt", reason: "gone" }] : [];
    return Promise.resolve({ revision: 8, written: 1, deleted: 0, left });
  };
  move = (_: string, from: string, to: string) => {
    this.calls.push(`move ${from} ${to}`);
    return Promise.resolve(item(to));
  };
  copy = (_: string, from: string, to: string) => {
    this.calls.push(`copy ${from} ${to}`);
    const type = this.items.find(({ path }) => path === from)?.type ?? "file";
    return Promise.resolve({ item: item(to, type), left: 0 });
  };
}

describe("changes of a selection", () => {
  const setUp = async () => {
    const api = new FakeAPI([folder("dir"), item("dir/in.txt"), item("a.txt"), item("b.txt"), item("stuck"), item("dir/b.txt")]);
    const files = new FileStore("s", api);
    await files.load();
    const moved: string[] = [];
    return { api, files, moved, followers: { moved: (from: string, to: string) => moved.push(`${from} ${to}`), removed: (path: string) => moved.push(`- ${path}`) } };
  };

  it("does what can be done, and says what could not", async () => {
    const { api, files, followers, moved } = await setUp();
    const { failures, removed, undo } = await removeAll(files, ["stuck", "dir", "dir/in.txt", "a.txt"], followers);
    expect(api.calls).toEqual(["remove a.txt", "remove dir", "remove stuck"]);
    expect(moved).toEqual(["- a.txt", "- dir"]);
    expect(failureWords("delete", failures)).toBe("Could not delete stuck: no");
    expect([...files.state.get().tree.keys()].sort()).toEqual(["b.txt", "stuck"]);
    expect(removed).toEqual(["a.txt", "dir"]);
    expect(failureWords("bring back", await undo())).toBe("Could not bring back dir: dir/in.txt: gone");
    expect(api.calls.slice(3)).toEqual(["restore a.txt 6", "restore dir 6"]);
  });

  it("moves without replacing, and never into itself", async () => {
    const { files, followers, moved } = await setUp();
    const failures = await moveAll(files, ["a.txt", "b.txt"], "dir", followers);
    expect(moved).toEqual(["a.txt dir/a.txt"]);
    expect(failures.map(({ path }) => path)).toEqual(["b.txt"]);
    expect([...files.selection.get().paths]).toEqual(["dir/a.txt"]);
    expect(await moveAll(files, ["dir"], "dir", followers)).toHaveLength(1);
  });

  it("copies beside what has the name, with what is in a folder", async () => {
    const { api, files } = await setUp();
    await copyAll(files, ["dir", "a.txt"], () => "");
    expect(api.calls).toEqual(["copy a.txt a copy.txt", "copy dir dir copy"]);
    expect(files.state.get().tree.has("dir copy/in.txt")).toBe(true);
  });
});

describe("uploads", () => {
  const file = (name: string, size = 3) => ({ path: name, file: new File(["x".repeat(size)], name) });
  const setUp = (existing: readonly string[] = []) => {
    const known = new Map(existing.map((path) => [path, item(path)]));
    const sent: string[] = [];
    const folders: string[] = [];
    const state = { inFlight: 0, most: 0 };
    const gate = { wait: Promise.resolve() };
    const uploads = new Uploads(
      "s",
      {
        async upload(_, path, body, { signal, progress }) {
          state.most = Math.max(state.most, ++state.inFlight);
          await gate.wait;
          state.inFlight--;
          if (signal.aborted) throw new DOMException("aborted", "AbortError");
          if (path.startsWith("large")) throw new Problem(problemSchema.parse({ status: 413, code: "too_large", detail: "the body is larger than 10485760 bytes" }));
          if (path.startsWith("off")) throw Problem.offline();
          progress(body.size + 10);
          sent.push(path);
          return item(path);
        },
        unpack: () => Promise.resolve({ files: 2, skipped: ["link"] }),
      },
      {
        get: (path) => known.get(path),
        show: (...items) => items.forEach((each) => known.set(each.path, each)),
        createFolder: (path) => Promise.resolve(void folders.push(path)),
      },
      vi.fn(),
    );
    return { uploads, sent, folders, state, gate };
  };

  it("sends some at a time, and counts bytes", async () => {
    const { uploads, sent, folders, state } = setUp();
    await uploads.add([...Array.from({ length: 20 }, (_, index) => file(`f${index}`)), { path: "empty", file: null }], "to");
    expect(sent).toHaveLength(20);
    expect(sent).toContain("to/f0");
    expect(folders).toEqual(["to/empty"]);
    expect(state.most).toBe(4);
    expect(uploads.state.get()).toMatchObject({ busy: false, files: 21, done: 21, bytes: 60, sent: 60 });
  });

  it.each([
    ["replace", ["a.txt", "new.txt"]],
    ["keep", ["a copy.txt", "new.txt"]],
    ["skip", ["new.txt"]],
    [null, []],
  ] as const)("asks once about what exists: %s", async (choice, expected) => {
    const { uploads, sent } = setUp(["a.txt"]);
    const added = uploads.add([file("a.txt"), file("new.txt")], "");
    const question = uploads.question.get();
    expect(question).toMatchObject({ existing: ["a.txt"], total: 2 });
    question?.answer(choice);
    await added;
    expect(sent).toEqual(expected);
    expect(uploads.question.get()).toBeNull();
  });

  it("collects what failed, and tries again what may work then", async () => {
    const { uploads } = setUp();
    await uploads.add([file("large.bin"), file("ok"), file("off.txt")], "");
    const { failures } = uploads.state.get();
    expect(failures.map(({ path }) => path).sort()).toEqual(["large.bin", "off.txt"]);
    expect(failures.find(({ path }) => path === "large.bin")).toMatchObject({ job: null });
    expect(failures.find(({ path }) => path === "large.bin")?.text).toMatch(/^The body is larger than 10\.0 MB\. It has 3 B\. Split it/);
    uploads.retry();
    const again = await uploads.state.when(({ busy }) => !busy);
    expect(again.failures.map(({ path }) => path)).toEqual(["off.txt"]);
  });

  it("stops, and takes new ones afterwards", async () => {
    const { uploads, sent, gate } = setUp();
    let release: () => void = () => undefined;
    gate.wait = new Promise((resolve) => (release = resolve));
    const stopped = uploads.add(Array.from({ length: 9 }, (_, index) => file(`f${index}`)), "");
    uploads.cancel();
    release();
    await stopped;
    expect(sent).toEqual([]);
    expect(uploads.state.get()).toMatchObject({ busy: false, failures: [] });
    await uploads.add([file("later")], "");
    expect(sent).toEqual(["later"]);
  });
});
