import { describe, expect, it } from "vitest";
import { History } from "@/features/history/history";
import { deedOf, detailOf, hasContent } from "@/features/history/words";
import type { DeletedFiles, Restore, Restored, Version, Versions } from "@/lib/history";
import { Problem } from "@/lib/problem";
import type { Change, FileContent } from "@/lib/schemas";

function version(revision: number, path: string, more: Partial<Version> = {}): Version {
  return {
    revision, path, op: "put", from: "", type: "file", size: 4, saved: true, unsaved_reason: "", source: "editor", user: "ada",
    created_at: "2026-11-24T03:00:00Z", ...more,
  };
}

const change = (path: string, more: Partial<Change> = {}): Change => ({
  path, op: "put", type: "file", size: 1, revision: 9, source: "terminal", saved: true, unsaved_reason: "", ...more,
});

class FakeAPI {
  all: Version[] = [];
  asked: string[] = [];
  restored: Restore[] = [];
  written: [path: string, content: string, encoding: string | undefined][] = [];
  failure: Error | undefined;
  /** Set: an answer waits until it resolves. */
  gate: Promise<void> | undefined;

  async history(_: string, path: string, before: string, limit: number, signal: AbortSignal): Promise<Versions> {
    this.asked.push(`${path}|${before}`);
    const { gate, failure } = this;
    await gate;
    signal.throwIfAborted();
    if (failure) throw failure;
    const of = this.all.filter((each) => path === "" || each.path === path);
    const from = before === "" ? 0 : Number(before);
    return { versions: of.slice(from, from + Math.min(limit, 2)), next: from + 2 < of.length ? String(from + 2) : "" };
  }
  deletedFiles(): Promise<DeletedFiles> {
    this.asked.push("deleted");
    return Promise.resolve({ files: [{ path: "gone", size: 1, revision: 3, deleted_at: "", source: "editor", restore_revision: 4 }], more: false });
  }
  version(_: string, path: string, revision: number): Promise<FileContent> {
    return Promise.resolve({
      name: path, path, type: "file", size: 3, revision, saved: true, unsaved_reason: "", link_target: "", content: "b2xk", encoding: "base64", content_omitted: false,
    });
  }
  restore(_: string, what: Restore): Promise<Restored> {
    this.restored.push(what);
    return Promise.resolve({ revision: 10, written: 1, deleted: 0, left: [] });
  }
  write(_: string, path: string, { content, encoding }: { content: string; encoding?: string }) {
    this.written.push([path, content, encoding]);
    return Promise.resolve({ name: path, path, type: "file" as const, size: 3, revision: 11, saved: true, unsaved_reason: "", link_target: "" });
  }
}

function make() {
  const api = new FakeAPI();
  return { api, history: new History({ session: "s", api }) };
}
const settle = () => new Promise((done) => setTimeout(done));

describe("History", () => {
  it("reads only while it is shown, and what changed meanwhile when it is shown again", async () => {
    const { api, history } = make();
    api.all = [version(2, "a"), version(1, "a")];
    history.choose("file", "a");
    history.changed([change("a")]);
    expect(api.asked).toEqual([]);
    history.show(true);
    await settle();
    expect(history.state.get()).toMatchObject({ status: "ready", versions: api.all });
    history.show(false);
    history.changed([change("a")]);
    expect(api.asked).toHaveLength(1);
    history.show(true);
    await settle();
    history.show(true);
    expect(api.asked).toHaveLength(2);
  });

  it("reads again at what concerns it, and at nothing else", async () => {
    const { api, history } = make();
    history.choose("file", "dir/a");
    history.show(true);
    await settle();
    for (const [told, reads] of [
      [change("dir/b"), 1], [change("dir/a"), 2], [change("dir", { op: "delete" }), 3], [change("x", { op: "move", from: "dir" }), 4], [change("dir/ab"), 4],
    ] as const) {
      history.changed([told]);
      await settle();
      expect([told.path, api.asked.length]).toEqual([told.path, reads]);
    }
    history.choose("deleted", "");
    await settle();
    history.changed([change("y", { op: "move", from: "x" })]);
    history.changed([change("y", { op: "delete" })]);
    await settle();
    expect(api.asked.slice(4)).toEqual(["deleted", "deleted"]);
  });

  it("takes no answer of what is not asked about any more", async () => {
    const { api, history } = make();
    api.all = [version(1, "a"), version(2, "b")];
    let open: () => void = () => undefined;
    api.gate = new Promise<void>((resolve) => (open = resolve));
    history.show(true);
    history.choose("file", "a");
    history.choose("file", "b");
    api.gate = undefined;
    open();
    await settle();
    expect(history.state.get()).toMatchObject({ path: "b", status: "ready" });
    expect(history.state.get().versions.map(({ path }) => path)).toEqual(["b"]);
  });

  it("adds older pages, and says why one could not be read without losing the others", async () => {
    const { api, history } = make();
    api.all = [5, 4, 3].map((revision) => version(revision, "a"));
    history.choose("file", "a");
    history.show(true);
    await settle();
    api.failure = new Error("no way");
    await history.more();
    expect(history.state.get()).toMatchObject({ status: "failed", error: "no way" });
    expect(history.state.get().versions).toHaveLength(2);
    api.failure = undefined;
    await history.more();
    expect(history.state.get().versions.map(({ revision }) => revision)).toEqual([5, 4, 3]);
    expect(history.state.get().next).toBe("");
  });

  it("says of a file that was never saved that there is no version", async () => {
    const { api, history } = make();
    api.failure = new Problem({ title: "", status: 404, detail: "", code: "not_found", errors: {}, request_id: "" });
    history.choose("file", "a");
    history.show(true);
    await settle();
    expect(history.state.get()).toMatchObject({ status: "ready", versions: [] });
  });

  it("restores in place, and writes a version from before a move where the file is now", async () => {
    const { api, history } = make();
    await history.restore(version(3, "a"), "a");
    await history.restore(version(2, "old name"), "a");
    expect(api.restored).toEqual([{ path: "a", revision: 3 }]);
    expect(api.written).toEqual([["a", "b2xk", "base64"]]);
    await history.restoreDeleted({ path: "gone", size: 1, revision: 3, deleted_at: "", source: "", restore_revision: 4 });
    await history.restoreAll(7);
    expect(api.restored.slice(1)).toEqual([{ path: "gone", revision: 4 }, { revision: 7 }]);
  });

  it("counts what a restore of everything would undo", async () => {
    const { api, history } = make();
    api.all = [version(5, "a"), version(4, "a")];
    expect(await history.changesAfter(4, 500)).toEqual({ count: 1, paths: 1 });
    expect(await history.changesAfter(3, 500)).toEqual({ count: 2, paths: 1 });
  });
});

describe("the history's words", () => {
  it("say what was done, where it has a content, and who did it if that was another", () => {
    expect(deedOf(version(1, "a"))).toBe("Saved in the editor");
    expect(deedOf(version(1, "a", { op: "delete", source: "terminal" }))).toBe("Deleted in the terminal");
    expect(deedOf(version(1, "a", { op: "move", from: "b" }))).toBe("Moved from b");
    expect(deedOf(version(1, "a", { source: "new kind" }))).toBe("Changed");
    expect(detailOf(version(1, "a"), "ada")).toBe("4 B");
    expect(detailOf(version(1, "a"), "bob")).toBe("4 B · ada");
    expect(detailOf(version(1, "a", { type: "folder" }), "ada")).toBe("folder");
    expect([{}, { op: "delete" as const }, { type: "folder" as const }, { saved: false }].map((more) => hasContent(version(1, "a", more)))).toEqual([true, false, false, false]);
  });
});
