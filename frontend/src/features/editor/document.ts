/**
 * One open file: its text, what is saved of it, and what happens when it changes elsewhere. Its states are never
 * better than the truth: "saved" only for what the server has committed.
 *
 *   saved ──edit──▶ unsaved ──save──▶ saving ──committed──▶ saved
 *                      ▲                 ├── edited meanwhile ──▶ unsaved
 *                      └── not reachable ┘
 *   A change elsewhere: without edits the text follows; with edits: conflict, until the user chooses.
 */
import type { API } from "@/lib/api";
import { bytesHere, type ByteSource } from "@/lib/bytes";
import { Problem, errorText } from "@/lib/problem";
import type { FileContent } from "@/lib/schemas";
import { Store } from "@/lib/store";
import { binaryKind, previewFirst } from "@/features/viewers/kind";
import type { DocumentState, Reading, View } from "./document-state";
import { DraftKeeper } from "./draft-keeper";
import type { Draft, DraftStore } from "./drafts";
import { decodeUTF8, encodeUTF8, isWritten, type Decoded, type Encoding } from "./encoding";
import { mostShownBytes, Parts } from "./parts";
import { readContent } from "./read-content";
import type { Place, TextBuffer } from "./text-buffer";

export type DocumentAPI = Pick<API, "file" | "bytes" | "write" | "version">;

export interface DocumentOptions {
  readonly id: number;
  readonly session: string;
  readonly path: string;
  readonly api: DocumentAPI;
  /** `plain`: without colours, as large texts are. */
  readonly createBuffer: (id: number, path: string, text: string, plain: boolean) => Promise<TextBuffer>;
  readonly autosave: () => boolean;
  /** Where edits are kept until they are saved. */
  readonly drafts?: DraftStore;
  /** After typing stops, and between attempts when the server is away, in milliseconds. */
  readonly autosaveMs?: number;
  readonly retryMs?: number;
  readonly draftMs?: number;
  /** How much of a large text is read at a time. */
  readonly partBytes?: number;
}

/** Larger texts are shown without editing, in bytes. */
export const readOnlyBytes = 5 << 20;

export class Document {
  readonly id: number;
  readonly state: Store<DocumentState>;
  /** Where the editor has to go; it takes the place away when it is there. */
  readonly place = new Store<Place | null>(null);
  /** Where the cursor was last; null: it was never shown. */
  cursor: { readonly line: number; readonly column: number } | null = null;
  /** Of a large text. */
  readonly reading = new Store<Reading>({ read: 0, busy: false, error: "" });
  /** By group of tabs: what stands for something else is shown as that, or as what it is written in. */
  readonly #views = new Map<number, Store<View>>();
  buffer: TextBuffer | undefined;
  readonly #options: DocumentOptions;
  readonly #drafts: DraftKeeper;
  #savedVersion = 0;
  #saving: Promise<boolean> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The newest revision that was told of while a save was on its way. */
  #pendingRevision = 0;
  #disposed = false;
  /** The buffer takes what is saved: that is no edit. */
  #filling = false;
  /** The file could not be read, for a reason that may pass. */
  #unreached = false;
  /** What reads on in a large text, and what of that is under way. */
  #parts: Parts | undefined;
  #reading: Promise<boolean> | undefined;
  /** Counts the versions that were taken: what is read of a former one is not wanted any more. */
  #taken = 0;

  constructor(options: DocumentOptions) {
    this.id = options.id;
    this.#options = options;
    this.#drafts = new DraftKeeper(options.drafts, () => this.path, () => this.#draft(), options.draftMs);
    this.state = new Store<DocumentState>({
      path: options.path, content: { kind: "loading" }, save: "saved", revision: 0, size: 0, deleted: false,
      error: "", theirs: null,
    });
  }

  get path(): string {
    return this.state.get().path;
  }

  viewIn(group: number): Store<View> {
    const known = this.#views.get(group);
    if (known) return known;
    const made = new Store<View>(previewFirst(this.path) ? "preview" : "source");
    this.#views.set(group, made);
    return made;
  }

  /** Whether closing would lose something. */
  get dirty(): boolean {
    return this.state.get().save !== "saved";
  }

  async load(): Promise<void> {
    const { api, session } = this.#options;
    this.#set({ content: { kind: "loading" } });
    this.#unreached = false;
    const kept = this.#drafts.find();
    try {
      const file = await api.file(session, this.path, readOnlyBytes);
      const draft = await kept;
      if (this.#disposed) return;
      await this.#take(file, draft !== null);
      if (draft) this.#resume(draft, file);
    } catch (error) {
      const draft = await kept;
      if (this.#disposed) return;
      if (draft) await this.#resumeAlone(draft, error);
      else this.#set({ content: { kind: "unavailable", message: errorText(error) } });
      this.#unreached = true;
    }
  }

  /** Goes on with edits of a page that is gone, beside what the file is now. */
  #resume(draft: Draft, file: FileContent): void {
    const { content } = this.state.get();
    // What could be edited then cannot now: the draft stays for when it can.
    if (!this.buffer || content.kind !== "text" || content.readOnly) return;
    if (this.buffer.text() === draft.text) {
      this.#drafts.forget();
      return;
    }
    const theirs = this.buffer.text();
    this.buffer.setText(draft.text);
    if (draft.base === file.revision) return;
    clearTimeout(this.#timer);
    this.#set({ save: "conflict", revision: draft.base, theirs: { revision: file.revision, text: theirs, readable: true } });
  }

  /** Goes on with edits of which the file is not there, or not reached. */
  async #resumeAlone(draft: Draft, error: unknown): Promise<void> {
    const deleted = error instanceof Problem && error.status === 404;
    if (!(await this.#fill({ text: "", encoding: draft.encoding }, false))) return;
    this.#set({
      content: { kind: "text", readOnly: false, large: false, encoding: draft.encoding },
      revision: draft.base, deleted, error: deleted ? "" : errorText(error),
    });
    this.buffer?.setText(draft.text);
    this.#set({ save: "unsaved" });
  }

  /** `resumes`: there is a draft, which is not superseded by what is taken. */
  async #take(file: FileContent, resumes = false): Promise<void> {
    const base = { revision: file.revision, size: file.size, deleted: false, error: "", theirs: null, save: "saved" as const };
    const taken = ++this.#taken;
    this.#parts = undefined;
    this.#reading = undefined;
    if (file.content_omitted) {
      await this.#takeLarge(file, base, taken);
      return;
    }
    if (!file.saved) {
      // What the server has of it is not what the file holds: to edit that would destroy the rest.
      this.#dropBuffer();
      this.#set({ ...base, content: { kind: "unavailable", message: "The server does not keep this file's content." } });
      return;
    }
    const read = readContent(file);
    if (read instanceof Uint8Array) {
      this.#dropBuffer();
      this.#set({ ...base, content: { kind: "bytes", bytes: bytesHere(read) } });
      return;
    }
    if (!(await this.#fill(read, false))) return;
    if (!resumes) this.#drafts.forget();
    this.#set({ ...base, content: { kind: "text", readOnly: !isWritten(read.encoding), large: false, encoding: read.encoding } });
  }

  /** Takes a file that is read in parts: of a text as much as was shown of the version before. */
  async #takeLarge({ path, revision, size }: FileContent, base: Partial<DocumentState>, taken: number): Promise<void> {
    const { api, session } = this.#options;
    const bytes: ByteSource = { size, whole: null, read: (start, end, signal) => api.bytes(session, path, { revision, start, end }, signal) };
    const begun = binaryKind(path).kind === "hex" ? await Parts.begin(bytes, this.#options.partBytes) : null;
    if (!this.#isTaken(taken)) return;
    if (!begun) {
      this.#dropBuffer();
      this.#set({ ...base, content: { kind: "bytes", bytes } });
      return;
    }
    const { parts } = begun;
    let { text } = begun;
    const { read: shown } = this.reading.get();
    while (parts.read < shown && !parts.complete) {
      text += await parts.next();
      if (!this.#isTaken(taken)) return;
    }
    if (!(await this.#fill({ text, encoding: parts.encoding }, true)) || !this.#isTaken(taken)) return;
    this.#parts = parts;
    this.reading.set({ read: parts.read, busy: false, error: "" });
    this.#set({ ...base, content: { kind: "text", readOnly: true, large: true, encoding: parts.encoding } });
  }

  /** Whether a version that was taken is still the one that is shown. */
  #isTaken(taken: number): boolean {
    return !this.#disposed && this.#taken === taken;
  }

  /** Whether there is more of a large text than is shown, and room for it. */
  get goesOn(): boolean {
    return this.#parts !== undefined && !this.#parts.complete && this.#parts.read < mostShownBytes;
  }

  /** Shows the next part of a large text. Resolves with whether there was one; failures are in `reading`. */
  more(): Promise<boolean> {
    const { buffer } = this;
    const parts = this.#parts;
    if (!buffer || !parts || !this.goesOn) return Promise.resolve(false);
    this.#reading ??= this.#readOn(buffer, parts);
    return this.#reading;
  }

  async #readOn(buffer: TextBuffer, parts: Parts): Promise<boolean> {
    const taken = this.#taken;
    this.reading.update((reading) => ({ ...reading, busy: true, error: "" }));
    let error = "";
    try {
      const text = await parts.next();
      if (!this.#isTaken(taken)) return false;
      this.#filling = true;
      buffer.append(text);
      this.#filling = false;
      this.#savedVersion = buffer.version();
    } catch (failure) {
      if (!this.#isTaken(taken)) return false;
      error = errorText(failure);
    }
    this.#reading = undefined;
    this.reading.set({ read: parts.read, busy: false, error });
    return error === "";
  }

  /** Shows as much of a large text as holds a line, or `bytes` of it. */
  async reach({ line = 0, bytes = 0 }: { readonly line?: number; readonly bytes?: number }): Promise<void> {
    while (this.goesOn && ((this.buffer?.lines() ?? 0) < line || this.reading.get().read < bytes)) {
      if (!(await this.more())) return;
    }
  }

  /** Puts a saved text into the buffer; false: the document was closed meanwhile. */
  async #fill({ text }: Decoded, large: boolean): Promise<boolean> {
    if (this.buffer) {
      this.#filling = true;
      this.buffer.setText(text);
      this.#filling = false;
    } else {
      const buffer = await this.#options.createBuffer(this.id, this.path, text, large);
      if (this.#disposed) {
        buffer.dispose();
        return false;
      }
      this.buffer = buffer;
      buffer.onChange(() => this.#edited());
    }
    this.#savedVersion = this.buffer.version();
    return true;
  }

  /** Makes a text of another encoding one that is written as UTF-8, and with that editable. Not saved by itself. */
  convert(encoding: Encoding): void {
    const { content } = this.state.get();
    if (!this.buffer || content.kind !== "text" || content.large || content.encoding === encoding) return;
    // No version of the buffer is what is saved, until this one is.
    this.#savedVersion = -1;
    this.#set({ content: { ...content, encoding, readOnly: !isWritten(encoding) } });
    this.#edited();
  }

  #dropBuffer(): void {
    this.buffer?.dispose();
    this.buffer = undefined;
  }

  #edited(): void {
    if (this.#filling) return;
    const { save, deleted } = this.state.get();
    const changed = this.buffer?.version() !== this.#savedVersion;
    if (changed) this.#drafts.keep();
    if (save === "conflict" || save === "saving") return;
    if (!changed) this.#drafts.forget();
    this.#set({ save: changed ? "unsaved" : "saved" });
    if (changed && !deleted) this.#schedule(this.#options.autosaveMs ?? 1000);
  }

  /** What of the text is to be kept until it is saved. */
  #draft(): Draft | null {
    const { content, revision, deleted } = this.state.get();
    if (!this.buffer || content.kind !== "text") return null;
    return { path: this.path, base: deleted ? 0 : revision, text: this.buffer.text(), encoding: content.encoding };
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#options.autosave()) void this.save();
    }, ms);
  }

  /** Saves what is there now. Resolves with whether everything is committed; failures are in the state. */
  save(): Promise<boolean> {
    if (this.#saving) {
      return this.#saving.then((saved) => (saved && this.dirty ? this.save() : saved));
    }
    const { save, deleted, content } = this.state.get();
    if (!this.buffer || content.kind !== "text" || content.readOnly) return Promise.resolve(save === "saved");
    if (save === "conflict") return Promise.resolve(false);
    if (save === "saved" && !deleted) return Promise.resolve(true);
    this.#saving = this.#write(this.buffer).finally(() => {
      this.#saving = undefined;
      const pending = this.#pendingRevision;
      this.#pendingRevision = 0;
      if (pending > this.state.get().revision) void this.remoteChanged(pending);
    });
    return this.#saving;
  }

  async #write(buffer: TextBuffer): Promise<boolean> {
    clearTimeout(this.#timer);
    const { api, session } = this.#options;
    const { revision, deleted, content } = this.state.get();
    const encoding = content.kind === "text" ? content.encoding : "utf-8";
    const version = buffer.version();
    this.#set({ save: "saving", error: "" });
    try {
      const item = await api.write(session, this.path, { content: encodeUTF8(buffer.text(), encoding), base_revision: deleted ? 0 : revision });
      this.#savedVersion = version;
      const edited = buffer.version() !== version;
      if (edited) this.#drafts.keep();
      else this.#drafts.forget();
      this.#set({ save: edited ? "unsaved" : "saved", revision: item.revision, size: item.size, deleted: false });
      if (edited) this.#schedule(this.#options.autosaveMs ?? 1000);
      return true;
    } catch (error) {
      return await this.#saveFailed(error);
    }
  }

  async #saveFailed(error: unknown): Promise<boolean> {
    this.#set({ save: "unsaved", error: errorText(error) });
    if (!(error instanceof Problem)) throw error;
    if (error.status === 409 || error.status === 412) {
      await this.#meet();
      return !this.dirty;
    }
    if (error.status === 0 || error.status === 429 || error.status >= 500) {
      this.#schedule(this.#options.retryMs ?? 5000);
    }
    return false;
  }

  /** The file has a revision elsewhere that this one is not based on. */
  async remoteChanged(revision: number): Promise<void> {
    const state = this.state.get();
    const known = Math.max(state.revision, state.theirs?.revision ?? 0);
    if (revision <= known && !state.deleted) return;
    if (this.#saving) {
      this.#pendingRevision = Math.max(this.#pendingRevision, revision);
      return;
    }
    await this.#meet();
  }

  /** Fetches the other version and lets the two meet. */
  async #meet(): Promise<void> {
    let file: FileContent;
    try {
      file = await this.#options.api.file(this.#options.session, this.path, readOnlyBytes);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.remoteDeleted();
      else this.#set({ error: errorText(error) });
      return;
    }
    if (this.#disposed) return;
    const { revision, save, deleted, content } = this.state.get();
    if (save === "saving" && this.#saving && file.revision > revision) {
      // The save that began meanwhile decides; if it is stale it comes back here.
      this.#pendingRevision = Math.max(this.#pendingRevision, file.revision);
      return;
    }
    if (file.revision <= revision && !deleted) return;
    const edited = this.buffer !== undefined && this.buffer.version() !== this.#savedVersion;
    if (!edited || content.kind !== "text") {
      await this.#takeAfresh(file);
      return;
    }
    const read = file.saved && !file.content_omitted && file.encoding === "utf-8" ? decodeUTF8(file.content) : null;
    const readable = read !== null;
    if (read && this.buffer?.text() === read.text) {
      this.#savedVersion = this.buffer.version();
      this.#drafts.forget();
      this.#set({ save: "saved", revision: file.revision, deleted: false, theirs: null, error: "" });
      return;
    }
    clearTimeout(this.#timer);
    const text = read?.text ?? "(content that cannot be shown as text)";
    this.#set({ save: "conflict", deleted: false, theirs: { revision: file.revision, text, readable }, error: "" });
  }

  /** Takes a version in the place of another. One that is replaced while it is read is told of again. */
  async #takeAfresh(file: FileContent): Promise<void> {
    try {
      await this.#take(file);
    } catch (error) {
      if (!this.#disposed) this.#set({ error: errorText(error) });
    }
  }

  remoteDeleted(): void {
    clearTimeout(this.#timer);
    const edited = this.buffer !== undefined && this.buffer.version() !== this.#savedVersion;
    this.#set({ deleted: true, theirs: null, error: "", save: edited ? "unsaved" : "saved" });
  }

  moved(path: string): void {
    const edited = this.buffer !== undefined && this.buffer.version() !== this.#savedVersion;
    this.#drafts.forget();
    this.#set({ path });
    this.buffer?.setPath(path);
    if (edited) this.#drafts.keep();
    // What reads on reads under the name that it began with.
    const { content } = this.state.get();
    if (this.#parts || (content.kind === "bytes" && content.bytes.whole === null)) void this.load();
  }

  /** The server may be there again: what waits for that is tried now. */
  retry(): void {
    const { content, save, deleted } = this.state.get();
    if (content.kind === "unavailable" && this.#unreached) void this.load();
    else if (save === "unsaved" && !deleted && this.#options.autosave()) void this.save();
  }

  /** The user gives up what is not saved. */
  discard(): void {
    this.#drafts.forget();
  }

  /** Ends a conflict: with this text, saved over the other (which the history keeps), or with the other. */
  async resolve(choice: "mine" | "theirs"): Promise<void> {
    const { theirs } = this.state.get();
    if (!theirs || !this.buffer) return;
    if (choice === "mine") {
      this.#set({ save: "unsaved", revision: theirs.revision, theirs: null });
      await this.save();
      return;
    }
    const { api, session } = this.#options;
    const file = await api.file(session, this.path, readOnlyBytes);
    if (!this.#disposed) await this.#take(file);
  }

  /** The text that the edits were made in; null: it is not kept, or not known. */
  async base(): Promise<string | null> {
    const { api, session } = this.#options;
    const { revision } = this.state.get();
    if (revision < 1) return null;
    try {
      const file = await api.version(session, this.path, revision);
      return file.saved && file.encoding === "utf-8" ? decodeUTF8(file.content).text : null;
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  }

  /** Ends a conflict with a text made of both versions. A third version that came meanwhile makes another conflict. */
  async resolveWith(text: string): Promise<void> {
    if (!this.state.get().theirs || !this.buffer) return;
    this.buffer.setText(text);
    await this.resolve("mine");
  }

  /** Ends a conflict with both: this text goes to a new file at `path`, and this file takes the other version. */
  async resolveWithCopy(path: string): Promise<void> {
    const { api, session } = this.#options;
    if (!this.state.get().theirs || !this.buffer) return;
    await api.write(session, path, { content: this.buffer.text(), base_revision: 0 });
    await this.resolve("theirs");
  }

  dispose(): void {
    this.#drafts.dispose();
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#dropBuffer();
  }

  #set(change: Partial<DocumentState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
