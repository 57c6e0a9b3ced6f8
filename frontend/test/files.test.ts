import type { Restored } from "@/lib/history";
import { describe, expect, it } from "vitest";
import { FileStore, type FilesAPI } from "@/features/files/file-store";
import { visibleRows } from "@/features/files/rows";
import { treeOf, type Tree } from "@/features/files/tree";
import { changeSchema, itemSchema, type Change, type Item } from "@/lib/schemas";

const item = (path: string, type: Item["type"] = "file", revision = 1): Item =>
  itemSchema.parse({ name: path.slice(path.lastIndexOf("/") + 1), path, type, revision });
const change = (op: Change["op"], path: string, over: object = {}): Change =>
  changeSchema.parse({ op, path, type: "file", revision: 2, source: "terminal", ...over });
const paths = (tree: ReadonlyMap<string, Item>) => [...tree.keys()].sort();

describe("tree", () => {
  it("puts, deletes and moves, with all that is below a folder", () => {
    const tree = () => treeOf([item("src", "folder"), item("src/a.py"), item("src/in", "folder"), item("src/in/b.py"), item("src2.py")]);
    expect(paths(tree().with([change("put", "c.py")]))).toContain("c.py");
    expect(paths(tree().with([change("delete", "src")]))).toEqual(["src2.py"]);
    expect(paths(tree().with([change("move", "lib", { from: "src", type: "folder" })]))).toEqual([
      "lib", "lib/a.py", "lib/in", "lib/in/b.py", "src2.py",
    ]);
  });

  it("is the same after changes that it has seen before", () => {
    const changes = [
      change("put", "a/b/c.txt"), change("move", "d.txt", { from: "a/b/c.txt" }), change("delete", "a", { type: "folder" }),
    ];
    const tree = treeOf([]).with(changes);
    const once = paths(tree);
    expect(paths(tree.with(changes))).toEqual(once);
    expect(once).toEqual(["d.txt"]);
  });

  it("makes the folders above a change that came without them", () => {
    const tree = treeOf([]).with([change("put", "x/y/z.txt")]);
    expect(tree.get("x/y")?.type).toBe("folder");
  });

  it("drops what was below a folder that became a file", () => {
    expect(paths(treeOf([item("a", "folder"), item("a/b")]).with([change("put", "a")]))).toEqual(["a"]);
  });

  it("knows what is not saved, and not on purpose", () => {
    const large = { saved: false, unsaved_reason: "too_large" };
    const names = (tree: Tree) => [...tree.unsaved.keys()].sort();
    const tree = treeOf([item("a"), item("d", "folder")]).with([
      change("put", "d/big", large), change("put", "d/log", { saved: false, unsaved_reason: "ignored" }), change("put", "a", large),
    ]);
    expect(names(tree)).toEqual(["a", "d/big"]);
    const moved = tree.with([change("put", "a"), change("move", "e", { from: "d", type: "folder" })]);
    expect(names(moved)).toEqual(["e/big"]);
    expect(names(moved.with([change("delete", "e")]))).toEqual([]);
  });

  it("shows folders first, numbers in their order, and only what is open", () => {
    const tree = treeOf([item("f10"), item("f9"), item("B"), item("a"), item("z", "folder"), item("z/in")]);
    expect([...visibleRows(tree, new Set())].map((row) => row.item.name)).toEqual(["z", "a", "B", "f9", "f10"]);
    const open = visibleRows(tree, new Set(["z"]));
    expect(open.at(1)).toMatchObject({ depth: 1, position: 1, siblings: 1, item: { path: "z/in" } });
  });
});

class FakeAPI implements FilesAPI {
  items: Item[] = [];
  revision = 1;
  gate: Promise<void> | undefined;
  lists = 0;
  async files() {
    this.lists++;
    const answer = { items: this.items, revision: this.revision };
    await this.gate;
    return answer;
  }
  write(_: string, path: string) {
    return Promise.resolve(item(path, "file", ++this.revision));
  }
  copy(_: string, __: string, to: string) {
    return Promise.resolve({ item: item(to, "file", ++this.revision), left: 0 });
  }
  remove() {
    return Promise.resolve(++this.revision);
  }
  restore(): Promise<Restored> {
    return Promise.resolve({ revision: ++this.revision, written: 1, deleted: 0, left: [] });
  }
  createFolder(_: string, path: string) {
    return Promise.resolve(item(path, "folder", ++this.revision));
  }
  move(_: string, __: string, to: string) {
    return Promise.resolve(item(to, "file", ++this.revision));
  }
}

describe("FileStore", () => {
  it("holds events that come during a list, and applies those that are newer", async () => {
    const api = new FakeAPI();
    api.items = [item("old.txt")];
    api.revision = 5;
    let open: () => void = () => undefined;
    api.gate = new Promise<void>((resolve) => (open = resolve));
    const store = new FileStore("s", api);
    const loading = store.load();
    store.changed(4, [change("delete", "old.txt", { revision: 4 })]);
    store.changed(6, [change("put", "new.txt", { revision: 6 })]);
    open();
    await loading;
    expect(paths(store.state.get().tree)).toEqual(["new.txt", "old.txt"]);
    expect(store.revision).toBe(6);
  });

  it("ignores what is older than its revision, which is where the events are resumed", async () => {
    const store = new FileStore("s", new FakeAPI());
    await store.load();
    store.changed(3, [change("put", "a", { revision: 3 })]);
    store.changed(2, [change("delete", "a", { revision: 2 })]);
    expect(paths(store.state.get().tree)).toEqual(["a"]);
    expect(store.revision).toBe(3);
  });

  it("lists once more when that was asked for during a list", async () => {
    const api = new FakeAPI();
    const store = new FileStore("s", api);
    const first = store.load();
    void store.load();
    void store.load();
    await first;
    expect(api.lists).toBe(2);
  });

  it("says why a list failed, and recovers", async () => {
    const api = new FakeAPI();
    api.gate = Promise.reject(new Error("no way"));
    const store = new FileStore("s", api);
    await store.load();
    expect(store.state.get()).toMatchObject({ status: "failed", error: "no way" });
    api.gate = undefined;
    await store.load();
    expect(store.state.get().status).toBe("ready");
  });

  it("shows its own changes before their events, and follows a folder that moved", async () => {
    const api = new FakeAPI();
    api.items = [item("dir", "folder"), item("dir/a.txt")];
    const store = new FileStore("s", api);
    await store.load();
    store.toggle("dir", true);
    store.reveal("dir/a.txt");
    store.changed(2, [change("move", "renamed", { from: "dir", type: "folder" })]);
    expect(store.selection.get().focus).toBe("renamed/a.txt");
    expect([...store.expanded.get()]).toEqual(["renamed"]);
    await store.createFile("renamed/deep/b.txt");
    expect(store.selection.get().focus).toBe("renamed/deep/b.txt");
    expect(store.expanded.get().has("renamed/deep")).toBe(true);
    await store.remove("renamed");
    expect(paths(store.state.get().tree)).toEqual([]);
  });
});
