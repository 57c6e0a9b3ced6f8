import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Document, type DocumentAPI } from "@/features/editor/document";
import { bytesOfBase64 } from "@/features/editor/encoding";
import type { Draft, DraftStore } from "@/features/editor/drafts";
import { Problem } from "@/lib/problem";
import { fileContentSchema, problemSchema, type FileContent, type Item } from "@/lib/schemas";
import { FakeBuffer } from "./support/fake-buffer";

/** A server that holds files by path, with one revision counter. */
class FakeServer implements DocumentAPI {
  readonly files = new Map<string, FileContent>();
  /** Every version there was. */
  readonly versions: FileContent[] = [];
  revision = 0;
  writes = 0;
  /** Above this a file is large here, before it is for who asks. */
  mostBytes = Number.POSITIVE_INFINITY;
  /** What was asked for of files that come in parts. */
  readonly parts: [number, number][] = [];
  failure: Problem | undefined;
  /** While set, writes wait for it. */
  gate: Promise<void> | undefined;

  put(path: string, content: string, over: Partial<FileContent> = {}): FileContent {
    const file = fileContentSchema.parse({
      name: path, path, type: "file", size: content.length, revision: ++this.revision, content, ...over,
    });
    this.files.set(path, file);
    this.versions.push(file);
    return file;
  }
  file(_: string, path: string, mostBytes = Number.POSITIVE_INFINITY): Promise<FileContent> {
    const file = this.files.get(path);
    if (!file) return Promise.reject(problem(404, "not_found"));
    return Promise.resolve(file.saved && file.size > Math.min(mostBytes, this.mostBytes) ? { ...file, content: "", encoding: "utf-8", content_omitted: true } : file);
  }
  bytes(_: string, path: string, { revision, start, end }: { revision: number; start: number; end: number }): Promise<Uint8Array<ArrayBuffer>> {
    this.parts.push([start, end]);
    const file = this.files.get(path);
    if (this.failure) return Promise.reject(this.failure);
    if (file?.revision !== revision) return Promise.reject(problem(412, "precondition_failed"));
    const all = file.encoding === "base64" ? bytesOfBase64(file.content) : new TextEncoder().encode(file.content);
    return Promise.resolve(all.slice(start, end));
  }
  version(_: string, path: string, revision: number): Promise<FileContent> {
    const file = this.versions.findLast((each) => each.path === path && each.revision <= revision);
    return file ? Promise.resolve(file) : Promise.reject(problem(404, "not_found"));
  }
  async write(_: string, path: string, { content, base_revision }: { content: string; base_revision?: number }): Promise<Item> {
    await this.gate;
    if (this.failure) throw this.failure;
    const current = this.files.get(path)?.revision ?? 0;
    if (base_revision !== undefined && base_revision !== current) throw problem(409, "conflict");
    this.writes++;
    return this.put(path, content);
  }
}

function problem(status: number, code: string): Problem {
  return new Problem(problemSchema.parse({ status, code, detail: code }));
}

async function opened(server: FakeServer, content = "one\n", autosave = true) {
  server.put("a.py", content);
  const doc = new Document({
    id: 1, session: "s", path: "a.py", api: server, autosave: () => autosave, autosaveMs: 1000, retryMs: 5000,
    createBuffer: (_, __, text) => Promise.resolve(new FakeBuffer(text)),
  });
  await doc.load();
  const { buffer } = doc;
  if (!buffer) throw new Error("no buffer");
  return { doc, buffer };
}

let server: FakeServer;
beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Document", () => {
  it("saves by itself after typing stops, on the revision that it was based on", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("two\n");
    expect(doc.state.get().save).toBe("unsaved");
    await vi.advanceTimersByTimeAsync(999);
    expect(server.writes).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(server.files.get("a.py")?.content).toBe("two\n");
    expect(doc.state.get()).toMatchObject({ save: "saved", revision: 2 });
  });

  it("does not save by itself when that is off", async () => {
    const { doc, buffer } = await opened(server, "one\n", false);
    buffer.setText("two\n");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.writes).toBe(0);
    expect(await doc.save()).toBe(true);
    expect(server.writes).toBe(1);
  });

  it("is saved only for what was committed, not for what was typed meanwhile", async () => {
    const { doc, buffer } = await opened(server);
    let open: () => void = () => undefined;
    server.gate = new Promise<void>((resolve) => (open = resolve));
    buffer.setText("two\n");
    const saving = doc.save();
    expect(doc.state.get().save).toBe("saving");
    buffer.setText("three\n");
    open();
    await saving;
    expect(server.files.get("a.py")?.content).toBe("two\n");
    expect(doc.state.get().save).toBe("unsaved");
    expect(await doc.save()).toBe(true);
    expect(server.files.get("a.py")?.content).toBe("three\n");
  });

  it("takes a change from elsewhere when there are no edits", async () => {
    const { doc, buffer } = await opened(server);
    server.put("a.py", "theirs\n");
    await doc.remoteChanged(2);
    expect(buffer.text()).toBe("theirs\n");
    expect(doc.state.get()).toMatchObject({ save: "saved", revision: 2, theirs: null });
    await vi.runAllTimersAsync();
    expect(server.writes).toBe(0);
  });

  it("keeps both versions when both sides changed", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("mine\n");
    server.put("a.py", "theirs\n");
    await doc.remoteChanged(2);
    expect(buffer.text()).toBe("mine\n");
    expect(doc.state.get()).toMatchObject({ save: "conflict", theirs: { revision: 2, text: "theirs\n" } });
    await vi.runAllTimersAsync();
    expect(await doc.save()).toBe(false);
    expect(server.files.get("a.py")?.content).toBe("theirs\n");
  });

  it("finds the conflict by a stale save too", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("mine\n");
    server.put("a.py", "theirs\n");
    expect(await doc.save()).toBe(false);
    expect(doc.state.get()).toMatchObject({ save: "conflict", theirs: { text: "theirs\n" } });
  });

  it("ends a conflict with mine, theirs, or both", async () => {
    const conflict = async () => {
      server = new FakeServer();
      const made = await opened(server);
      made.buffer.setText("mine\n");
      server.put("a.py", "theirs\n");
      await made.doc.save();
      return made;
    };
    const mine = await conflict();
    await mine.doc.resolve("mine");
    expect(server.files.get("a.py")?.content).toBe("mine\n");
    expect(mine.doc.state.get()).toMatchObject({ save: "saved", theirs: null });

    const theirs = await conflict();
    await theirs.doc.resolve("theirs");
    expect(theirs.buffer.text()).toBe("theirs\n");
    expect(theirs.doc.state.get()).toMatchObject({ save: "saved", theirs: null });

    const both = await conflict();
    await both.doc.resolveWithCopy("a (mine).py");
    expect(server.files.get("a (mine).py")?.content).toBe("mine\n");
    expect(server.files.get("a.py")?.content).toBe("theirs\n");
    expect(both.buffer.text()).toBe("theirs\n");
  });

  it("knows what both sides began with, and ends a conflict with what they make together", async () => {
    const { doc, buffer } = await opened(server, "a\nb\nc\n");
    buffer.setText("A\nb\nc\n");
    server.put("a.py", "a\nb\nC\n");
    await doc.save();
    expect(doc.state.get()).toMatchObject({ save: "conflict", theirs: { revision: 2, text: "a\nb\nC\n", readable: true } });
    const base = await doc.base();
    expect(base).toBe("a\nb\nc\n");
    // A third version that comes while the user chooses is met too, and the next merge is with that one.
    server.put("a.py", "a\nB\nC\n");
    await doc.resolveWith("A\nb\nC\n");
    expect(doc.state.get()).toMatchObject({ save: "conflict", theirs: { revision: 3 } });
    expect(await doc.base()).toBe("a\nb\nC\n");
    await doc.resolveWith("A\nB\nC\n");
    expect(doc.state.get()).toMatchObject({ save: "saved", revision: 4, theirs: null });
    expect(server.files.get("a.py")?.content).toBe("A\nB\nC\n");
  });

  it("has nothing to merge with when the other version is no text", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("mine");
    server.put("a.py", "AP8=", { encoding: "base64" });
    await doc.save();
    expect(doc.state.get().theirs).toMatchObject({ readable: false });
    server.versions.length = 0;
    expect(await doc.base()).toBeNull();
  });

  it("is no conflict when both sides wrote the same", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("same\n");
    server.put("a.py", "same\n");
    await doc.remoteChanged(2);
    expect(doc.state.get()).toMatchObject({ save: "saved", revision: 2, theirs: null });
  });

  it("ignores the echo of its own save", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("two\n");
    let open: () => void = () => undefined;
    server.gate = new Promise<void>((resolve) => (open = resolve));
    const saving = doc.save();
    await doc.remoteChanged(2);
    open();
    await saving;
    await vi.runAllTimersAsync();
    expect(doc.state.get()).toMatchObject({ save: "saved", revision: 2, theirs: null });
    expect(buffer.text()).toBe("two\n");
  });

  it("tries again while the server is away, and says why it is not saved", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("two\n");
    server.failure = problem(503, "unavailable");
    expect(await doc.save()).toBe(false);
    expect(doc.state.get()).toMatchObject({ save: "unsaved", error: "unavailable" });
    server.failure = undefined;
    await vi.advanceTimersByTimeAsync(5000);
    expect(doc.state.get()).toMatchObject({ save: "saved", error: "" });
  });

  it("keeps the text of a file that was deleted, and creates it again by a save", async () => {
    const { doc, buffer } = await opened(server);
    buffer.setText("mine\n");
    server.files.delete("a.py");
    doc.remoteDeleted();
    await vi.runAllTimersAsync();
    expect(server.files.has("a.py")).toBe(false);
    expect(doc.state.get()).toMatchObject({ deleted: true, save: "unsaved" });
    expect(await doc.save()).toBe(true);
    expect(server.files.get("a.py")?.content).toBe("mine\n");
    expect(doc.state.get()).toMatchObject({ deleted: false, save: "saved" });
  });

  it("never offers to edit what the server does not keep", async () => {
    server.put("big.bin", "", { saved: false, unsaved_reason: "too_large", size: 20 << 20 });
    const doc = new Document({
      id: 2, session: "s", path: "big.bin", api: server, autosave: () => true,
      createBuffer: (_, __, text) => Promise.resolve(new FakeBuffer(text)),
    });
    await doc.load();
    expect(doc.state.get().content.kind).toBe("unavailable");
    expect(doc.buffer).toBeUndefined();
  });

  it.each([
    ["data.bin", "AAEC", "bytes"],
    ["logo.png", "AAEC", "bytes"],
    // "naïve" in Windows' code, which a picture's name says is none.
    ["old.txt", "bmHvdmU=", "text"],
    ["old.png", "bmHvdmU=", "bytes"],
  ])("shows %s of %s as %s", async (path, content, kind) => {
    server.put(path, content, { encoding: "base64" });
    const doc = new Document({
      id: 3, session: "s", path, api: server, autosave: () => true,
      createBuffer: (_, __, text) => Promise.resolve(new FakeBuffer(text)),
    });
    await doc.load();
    expect(doc.state.get().content.kind).toBe(kind);
  });
});

/** Drafts of a page that is gone. */
class FakeDrafts implements DraftStore {
  readonly kept = new Map<string, Draft>();
  puts = 0;
  put(draft: Draft): void {
    this.puts++;
    this.kept.set(draft.path, draft);
  }
  remove(path: string): void {
    this.kept.delete(path);
  }
  find(path: string): Promise<Draft | null> {
    return Promise.resolve(this.kept.get(path) ?? null);
  }
}

describe("a document's drafts", () => {
  function make(drafts: FakeDrafts, path = "a.py") {
    return new Document({
      id: 9, session: "s", path, api: server, drafts, autosave: () => true, autosaveMs: 1000, retryMs: 5000, draftMs: 300,
      createBuffer: (_, __, text) => Promise.resolve(new FakeBuffer(text)),
    });
  }

  it("are kept from the first letter until the save is committed", async () => {
    const drafts = new FakeDrafts();
    server.put("a.py", "one\n");
    const doc = make(drafts);
    await doc.load();
    server.failure = new Problem(problemSchema.parse({ status: 0, code: "offline" }));
    doc.buffer?.setText("two\n");
    expect(drafts.kept.get("a.py")).toEqual({ path: "a.py", base: 1, text: "two\n", encoding: "utf-8" });
    for (const text of ["three\n", "four\n", "five\n"]) doc.buffer?.setText(text);
    expect(drafts.puts).toBe(1);
    await vi.advanceTimersByTimeAsync(300);
    expect([drafts.puts, drafts.kept.get("a.py")?.text]).toEqual([2, "five\n"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(drafts.kept.size).toBe(1);
    server.failure = undefined;
    doc.retry();
    await vi.advanceTimersByTimeAsync(0);
    expect([drafts.kept.size, doc.state.get().save]).toEqual([0, "saved"]);
  });

  it("keep what was typed in the last moment, when the page goes", async () => {
    const drafts = new FakeDrafts();
    server.put("a.py", "one\n");
    const doc = make(drafts);
    await doc.load();
    doc.buffer?.setText("two\n");
    doc.buffer?.setText("three\n");
    doc.dispose();
    expect(drafts.kept.get("a.py")?.text).toBe("three\n");
  });

  it("are gone with an edit that is taken back, or given up", async () => {
    const drafts = new FakeDrafts();
    server.put("a.py", "one\n");
    const doc = make(drafts);
    await doc.load();
    doc.buffer?.setText("two\n");
    doc.discard();
    doc.dispose();
    expect(drafts.kept.size).toBe(0);
  });

  it("are gone on with and saved, when nothing else happened", async () => {
    const drafts = new FakeDrafts();
    server.put("a.py", "one\n");
    drafts.put({ path: "a.py", base: 1, text: "mine\n", encoding: "utf-8" });
    const doc = make(drafts);
    await doc.load();
    expect(doc.state.get()).toMatchObject({ save: "unsaved", revision: 1 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.files.get("a.py")?.content).toBe("mine\n");
    expect(drafts.kept.size).toBe(0);
  });

  it("are a conflict where the file went on", async () => {
    const drafts = new FakeDrafts();
    server.put("a.py", "one\n");
    server.put("a.py", "theirs\n");
    drafts.put({ path: "a.py", base: 1, text: "mine\n", encoding: "utf-8" });
    const doc = make(drafts);
    await doc.load();
    expect(doc.state.get()).toMatchObject({ save: "conflict", revision: 1, theirs: { revision: 2, text: "theirs\n" } });
    expect([doc.buffer?.text(), await doc.base()]).toEqual(["mine\n", "one\n"]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect([server.writes, drafts.kept.get("a.py")?.text]).toEqual([0, "mine\n"]);
    await doc.resolve("mine");
    expect([server.files.get("a.py")?.content, drafts.kept.size]).toEqual(["mine\n", 0]);
  });

  it("bring back the edits of a file that is gone", async () => {
    const drafts = new FakeDrafts();
    drafts.put({ path: "a.py", base: 1, text: "mine\n", encoding: "utf-8" });
    const doc = make(drafts);
    await doc.load();
    expect(doc.state.get()).toMatchObject({ save: "unsaved", deleted: true });
    expect(await doc.save()).toBe(true);
    expect([server.files.get("a.py")?.content, drafts.kept.size]).toEqual(["mine\n", 0]);
  });

  it("are shown while the server is not reached, and meet what is there later", async () => {
    const drafts = new FakeDrafts();
    drafts.put({ path: "a.py", base: 1, text: "mine\n", encoding: "utf-8" });
    const file = vi.spyOn(server, "file").mockRejectedValueOnce(Problem.offline());
    const doc = make(drafts);
    await doc.load();
    expect(doc.buffer?.text()).toBe("mine\n");
    expect(doc.state.get()).toMatchObject({ save: "unsaved", revision: 1, deleted: false });
    file.mockRestore();
    server.put("a.py", "one\n");
    server.put("a.py", "theirs\n");
    await vi.advanceTimersByTimeAsync(1000);
    expect(doc.state.get()).toMatchObject({ save: "conflict", theirs: { text: "theirs\n" } });
  });

  it("stay for a file that cannot be edited now", async () => {
    const drafts = new FakeDrafts();
    server.put("a.py", "AAEC", { encoding: "base64" });
    drafts.put({ path: "a.py", base: 1, text: "mine\n", encoding: "utf-8" });
    const doc = make(drafts);
    await doc.load();
    doc.dispose();
    expect(drafts.kept.size).toBe(1);
  });
});

describe("another encoding", () => {
  it("is read, and is UTF-8 only when somebody says so", async () => {
    server.put("a.txt", "bmHvdmU=", { encoding: "base64" });
    const doc = new Document({
      id: 4, session: "s", path: "a.txt", api: server, autosave: () => true, autosaveMs: 1000,
      createBuffer: (_, __, text) => Promise.resolve(new FakeBuffer(text)),
    });
    await doc.load();
    expect(doc.state.get()).toMatchObject({ save: "saved", content: { kind: "text", readOnly: true, encoding: "windows-1252" } });
    doc.convert("utf-8-bom");
    expect(doc.state.get()).toMatchObject({ save: "unsaved", content: { readOnly: false } });
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.files.get("a.txt")?.content).toBe("\ufeffnaïve");
    expect(doc.state.get().save).toBe("saved");
  });
});

describe("a large text", () => {
  const partBytes = 1000;
  const line = "a line of a log, long enough to be one\n";
  const large = line.repeat(Math.ceil((partBytes * 2.5) / line.length));
  /** What is read of it: whole lines, up to a part's end. */
  const shown = (parts: number) => large.slice(0, large.lastIndexOf("\n", partBytes * parts - 1) + 1);

  async function read(path = "run.log", content = large) {
    server.mostBytes = partBytes;
    server.put(path, content);
    const doc = new Document({
      id: 5, session: "s", path, api: server, autosave: () => true, autosaveMs: 1000, partBytes,
      createBuffer: (_, __, text) => Promise.resolve(new FakeBuffer(text)),
    });
    await doc.load();
    return doc;
  }

  it("is read in parts, as far as somebody reads it, and never edited", async () => {
    const doc = await read();
    expect(doc.state.get()).toMatchObject({ save: "saved", content: { kind: "text", readOnly: true, large: true, encoding: "utf-8" } });
    expect(doc.buffer?.text()).toBe(shown(1));
    expect(server.parts).toEqual([[0, partBytes]]);
    // Who asks twice at once is given one part.
    await Promise.all([doc.more(), doc.more()]);
    expect(doc.buffer?.text()).toBe(shown(2));
    expect(doc.reading.get()).toEqual({ read: 2 * partBytes, busy: false, error: "" });
    expect(await doc.more()).toBe(true);
    expect(doc.buffer?.text()).toBe(large);
    expect(doc.goesOn).toBe(false);
    expect(await doc.more()).toBe(false);
    await vi.runAllTimersAsync();
    expect(server.writes).toBe(0);
    expect(doc.state.get().save).toBe("saved");
  });

  it("is read as far as a line that is asked for", async () => {
    const doc = await read();
    await doc.reach({ line: 10 });
    expect(server.parts).toHaveLength(1);
    await doc.reach({ line: shown(1).split("\n").length + 1 });
    expect(server.parts).toHaveLength(2);
    await doc.reach({ bytes: large.length });
    expect(doc.buffer?.text()).toBe(large);
  });

  it("says why it cannot be read on, and is when that is over", async () => {
    const doc = await read();
    server.failure = problem(503, "unavailable");
    expect(await doc.more()).toBe(false);
    expect(doc.reading.get()).toMatchObject({ busy: false, error: "unavailable" });
    server.failure = undefined;
    await doc.more();
    expect(doc.buffer?.text()).toBe(shown(2));
    expect(doc.reading.get().error).toBe("");
  });

  it("follows a change from elsewhere with as much as was shown", async () => {
    const doc = await read();
    await doc.more();
    server.put("run.log", `first\n${large}`);
    // What is read of the former version meanwhile is not mixed with it.
    const stale = doc.more();
    await doc.remoteChanged(2);
    await stale;
    expect(doc.state.get().revision).toBe(2);
    expect(doc.buffer?.text().startsWith("first\na line")).toBe(true);
    await doc.reach({ bytes: large.length + 6 });
    expect(doc.buffer?.text()).toBe(`first\n${large}`);
  });

  it("is edited again when it has become small", async () => {
    const doc = await read();
    server.put("run.log", "small\n");
    await doc.remoteChanged(2);
    expect(doc.buffer?.text()).toBe("small\n");
    expect(doc.state.get().content).toMatchObject({ readOnly: false, large: false });
    expect(doc.goesOn).toBe(false);
  });

  it("is a conflict that is not merged when an edited file became one", async () => {
    const doc = await read("run.log", "small\n");
    doc.buffer?.setText("mine\n");
    server.put("run.log", large);
    await doc.remoteChanged(2);
    expect(doc.state.get()).toMatchObject({ save: "conflict", theirs: { revision: 2, readable: false } });
    expect(server.parts).toEqual([]);
    await doc.resolve("theirs");
    expect(doc.state.get()).toMatchObject({ save: "saved", content: { large: true } });
  });

  it("is bytes where its beginning is none, fetched when they are looked at", async () => {
    const doc = await read("data.bin", `\0${large}`);
    const { content } = doc.state.get();
    if (content.kind !== "bytes") throw new Error(content.kind);
    expect(content.bytes).toMatchObject({ size: large.length + 1, whole: null });
    server.parts.length = 0;
    expect([...(await content.bytes.read(partBytes, partBytes + 2))]).toEqual([...new TextEncoder().encode(large.slice(partBytes - 1, partBytes + 1))]);
    expect(server.parts).toEqual([[partBytes, partBytes + 2]]);
    // A picture is known by its name: its bytes are for who shows it.
    server.parts.length = 0;
    expect((await read("photo.png")).state.get().content.kind).toBe("bytes");
    expect(server.parts).toEqual([]);
  });

  it("is read under its new name after a move", async () => {
    const doc = await read();
    const file = server.files.get("run.log");
    server.files.delete("run.log");
    server.files.set("old.log", { ...(file ?? server.put("old.log", large)), path: "old.log", revision: 2 });
    doc.moved("old.log");
    await doc.state.when(({ content }) => content.kind === "text");
    await doc.more();
    expect(doc.buffer?.text()).toBe(shown(2));
  });
});
