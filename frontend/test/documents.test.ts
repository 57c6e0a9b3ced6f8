import { describe, expect, it } from "vitest";
import type { DocumentAPI } from "@/features/editor/document";
import { Documents } from "@/features/editor/documents";
import { changeSchema, fileContentSchema, itemSchema } from "@/lib/schemas";
import { FakeBuffer } from "./support/fake-buffer";

async function make(...paths: string[]) {
  const written: string[] = [];
  const api: DocumentAPI = {
    file: (_, path) => Promise.resolve(fileContentSchema.parse({ name: path, path, type: "file", revision: 1, content: "text" })),
    bytes: () => Promise.reject(new Error("not asked for here")),
    version: () => Promise.reject(new Error("not asked for here")),
    write: (_, path) => {
      written.push(path);
      return Promise.resolve(itemSchema.parse({ name: path, path, type: "file", revision: 2 }));
    },
  };
  const documents = new Documents("s", api, (_, __, text) => Promise.resolve(new FakeBuffer(text)));
  const tabs = paths.map((path) => documents.open(path));
  await Promise.all(tabs.map((tab) => tab.state.when(({ content }) => content.kind === "text")));
  return { documents, tabs, written };
}

const paths = (documents: Documents) => documents.state.get().tabs.map((tab) => tab.path);

describe("Documents", () => {
  it("opens a path once, and shows a neighbour after the shown one is closed", async () => {
    const { documents, tabs } = await make("a", "b", "c");
    expect(documents.open("b")).toBe(tabs[1]);
    if (tabs[1]) documents.close(tabs[1]);
    expect(paths(documents)).toEqual(["a", "c"]);
    expect(documents.state.get().active?.path).toBe("c");
  });

  it("counts what is not saved", async () => {
    const { documents, tabs } = await make("a", "b");
    tabs[0]?.buffer?.setText("edited");
    expect(documents.unsaved.get()).toBe(1);
    await documents.saveAll();
    expect(documents.unsaved.get()).toBe(0);
  });

  it("keeps the conflicts that the server tells of, until they are resolved", async () => {
    const { documents } = await make();
    const event = { type: "conflict", path: "a", versions_path: "a", revision: 3, other_revision: 2, base_revision: 1, resolved: false, message: "" } as const;
    documents.conflict(event);
    documents.conflict({ ...event, path: "b" });
    documents.conflict({ ...event, resolved: true });
    expect([...documents.conflicts.get().keys()]).toEqual(["b"]);
  });

  it("follows a folder that was moved elsewhere", async () => {
    const { documents } = await make("src/a", "b");
    documents.changed([changeSchema.parse({ op: "move", from: "src", path: "lib", type: "folder", revision: 2 })]);
    expect(paths(documents)).toEqual(["lib/a", "b"]);
  });

  it("does not bring deleted files back by saving all", async () => {
    const { documents, tabs, written } = await make("a", "b", "c");
    tabs[1]?.buffer?.setText("edited");
    tabs[2]?.buffer?.setText("edited");
    documents.changed(["a", "b"].map((path) => changeSchema.parse({ op: "delete", path, revision: 2 })));
    await documents.saveAll();
    expect(written).toEqual(["c"]);
  });

  it("closes what the user deleted here, but for what has edits", async () => {
    const { documents, tabs } = await make("dir/a", "dir/b", "dir2");
    tabs[1]?.buffer?.setText("edited");
    documents.removed("dir");
    expect(paths(documents)).toEqual(["dir/b", "dir2"]);
    expect(tabs[1]?.state.get()).toMatchObject({ deleted: true, save: "unsaved" });
  });

  it("finds what changed while no events came", async () => {
    const { documents, tabs } = await make("kept", "gone");
    documents.reconcile(new Map([["kept", { revision: 1 }]]));
    expect(tabs.map((tab) => tab.state.get().deleted)).toEqual([false, true]);
  });

  it("shows a file in two groups, and frees it with the last", async () => {
    const { documents, tabs } = await make("a", "b");
    documents.split();
    const [first, second] = documents.state.get().groups;
    expect([first?.tabs.length, second?.tabs.length]).toEqual([2, 1]);
    const b = tabs[1];
    if (!first || !second || !b) throw new Error("two groups were made");
    b.buffer?.setText("edited");
    expect(documents.wouldLose(b, second.id)).toBe(false);
    documents.close(b, second.id);
    expect(documents.state.get().groups).toHaveLength(1);
    expect([documents.wouldLose(b, first.id), documents.unsaved.get()]).toEqual([true, 1]);
    documents.close(b);
    expect([paths(documents), documents.unsaved.get()]).toEqual([["a"], 0]);
    expect((b.buffer as FakeBuffer | undefined)?.disposed).toBeUndefined();
    documents.reopen();
    expect(paths(documents)).toEqual(["a", "b"]);
  });

  it("replaces a preview, unless it is edited", async () => {
    const { documents } = await make("a");
    const b = documents.open("b", { preview: true });
    documents.open("c", { preview: true });
    expect(paths(documents)).toEqual(["a", "c"]);
    expect(b.buffer).toBeUndefined();
    const c = documents.find("c");
    await c?.state.when(({ content }) => content.kind === "text");
    c?.buffer?.setText("edited");
    documents.open("d", { preview: true });
    expect(paths(documents)).toEqual(["a", "c", "d"]);
  });

  it("opens beside without taking the keys, and moves between groups", async () => {
    const { documents, tabs } = await make("a");
    documents.open("figure.png", { beside: "a" });
    expect(documents.state.get()).toMatchObject({ active: tabs[0], group: 1 });
    documents.open("other.png", { beside: "gone" });
    const [left, right] = documents.state.get().groups;
    expect(right?.tabs.map(({ path }) => path)).toEqual(["figure.png", "other.png"]);
    // Whoever looks at a figure does not get the next one over what draws them.
    documents.focusGroup(right?.id ?? 0);
    documents.open("third.png", { beside: "a" });
    expect(documents.state.get()).toMatchObject({ group: right?.id, groups: [{ tabs: { length: 1 } }, { tabs: { length: 3 } }] });
    const a = tabs[0];
    if (!a || !left || !right) throw new Error("two groups were made");
    documents.move(a, left.id, right.id, 0);
    expect(documents.state.get().groups.map((group) => group.tabs.map(({ path }) => path))).toEqual([["a", "figure.png", "other.png", "third.png"]]);
  });

  it("restores groups, as far as their files are there", async () => {
    const { documents } = await make();
    const group = (tabs: string[], active: string, pinned: string[] = []) => ({ tabs, active, pinned, preview: "" });
    documents.restore({ groups: [group(["gone"], "gone"), group(["a", "b"], "a", ["a"]), group(["b"], "b")], group: 1, cursors: { b: { line: 3, column: 2 } } }, (path) => path !== "gone");
    const { groups, active, tabs } = documents.state.get();
    expect(groups.map((each) => each.tabs.map(({ path }) => path))).toEqual([["a", "b"], ["b"]]);
    expect([tabs.length, active?.path, groups[0]?.pinned.size]).toEqual([2, "a", 1]);
    expect(documents.find("b")?.cursor).toEqual({ line: 3, column: 2 });
    expect(documents.arrangement()).toMatchObject({ group: 0, cursors: { b: { line: 3, column: 2 } } });
  });

  it("keeps what is edited when it is arranged like another device, and nothing else", async () => {
    const { documents, tabs } = await make("a", "b");
    const [a, b] = tabs;
    if (!a || !b?.buffer) throw new Error("two files were opened");
    b.buffer.setText("edited");
    documents.restore({ groups: [{ tabs: ["c"], active: "c", pinned: [], preview: "" }], group: 0, cursors: {} }, () => true);
    expect(documents.state.get().tabs.map(({ path }) => path)).toEqual(["c", "b"]);
    expect(documents.find("a")).toBeUndefined();
    expect(documents.state.get().active?.path).toBe("c");
  });
});
