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
import { Problem, errorText } from "@/lib/problem";
import type { FileContent } from "@/lib/schemas";
import { Store } from "@/lib/store";
import { imageType } from "./language";

/** The editable text, as the editor's model gives it. */
export interface TextBuffer {
  text(): string;
  /** Replaces the text, and keeps the cursor and the undo history. */
  setText(text: string): void;
  /** A number for the present text: undoing an edit brings the former one back. */
  version(): number;
  onChange(listener: () => void): () => void;
  setPath(path: string): void;
  dispose(): void;
}

/** A place in a text: lines and columns from 1, columns in UTF-16 code units. With an end it is what lies between. */
export interface Place {
  readonly line: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

export type DocumentContent =
  | { readonly kind: "loading" }
  | { readonly kind: "text"; readonly readOnly: boolean }
  | { readonly kind: "image"; readonly url: string }
  | { readonly kind: "binary" }
  | { readonly kind: "unavailable"; readonly message: string };

export type SaveState = "saved" | "unsaved" | "saving" | "conflict";

export interface DocumentState {
  readonly path: string;
  readonly content: DocumentContent;
  readonly save: SaveState;
  /** The revision that the text is based on. */
  readonly revision: number;
  readonly size: number;
  /** The file is gone on the server; the text is still here. */
  readonly deleted: boolean;
  /** Why the last save did not work, or "". */
  readonly error: string;
  /** The other version, in a conflict; `readable`: it is text, and can be merged. */
  readonly theirs: { readonly revision: number; readonly text: string; readonly readable: boolean } | null;
}

export type DocumentAPI = Pick<API, "file" | "write" | "version">;

export interface DocumentOptions {
  readonly id: number;
  readonly session: string;
  readonly path: string;
  readonly api: DocumentAPI;
  readonly createBuffer: (id: number, path: string, text: string) => Promise<TextBuffer>;
  readonly autosave: () => boolean;
  /** After typing stops, and between attempts when the server is away, in milliseconds. */
  readonly autosaveMs?: number;
  readonly retryMs?: number;
}

/** Larger texts are shown without editing, in bytes. */
export const readOnlyBytes = 5 << 20;

export class Document {
  readonly id: number;
  readonly state: Store<DocumentState>;
  /** Where the editor has to go; it takes the place away when it is there. */
  readonly place = new Store<Place | null>(null);
  buffer: TextBuffer | undefined;
  readonly #options: DocumentOptions;
  #savedVersion = 0;
  #saving: Promise<boolean> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The newest revision that was told of while a save was on its way. */
  #pendingRevision = 0;
  #disposed = false;

  constructor(options: DocumentOptions) {
    this.id = options.id;
    this.#options = options;
    this.state = new Store<DocumentState>({
      path: options.path, content: { kind: "loading" }, save: "saved", revision: 0, size: 0, deleted: false,
      error: "", theirs: null,
    });
  }

  get path(): string {
    return this.state.get().path;
  }

  /** Whether closing would lose something. */
  get dirty(): boolean {
    return this.state.get().save !== "saved";
  }

  async load(): Promise<void> {
    this.#set({ content: { kind: "loading" } });
    try {
      await this.#take(await this.#options.api.file(this.#options.session, this.path));
    } catch (error) {
      if (this.#disposed) return;
      this.#set({ content: { kind: "unavailable", message: errorText(error) } });
    }
  }

  async #take(file: FileContent): Promise<void> {
    const base = { revision: file.revision, size: file.size, deleted: false, error: "", theirs: null, save: "saved" as const };
    if (!file.saved) {
      // What the server has of it is not what the file holds: to edit that would destroy the rest.
      this.#dropBuffer();
      this.#set({ ...base, content: { kind: "unavailable", message: "The server does not keep this file's content." } });
      return;
    }
    if (file.encoding === "base64") {
      const type = imageType(file.path);
      this.#dropBuffer();
      this.#set({
        ...base,
        content: type ? { kind: "image", url: `data:${type};base64,${file.content}` } : { kind: "binary" },
      });
      return;
    }
    if (this.buffer) {
      this.buffer.setText(file.content);
    } else {
      const buffer = await this.#options.createBuffer(this.id, this.path, file.content);
      if (this.#disposed) {
        buffer.dispose();
        return;
      }
      this.buffer = buffer;
      buffer.onChange(() => this.#edited());
    }
    this.#savedVersion = this.buffer.version();
    this.#set({ ...base, content: { kind: "text", readOnly: file.size > readOnlyBytes } });
  }

  #dropBuffer(): void {
    this.buffer?.dispose();
    this.buffer = undefined;
  }

  #edited(): void {
    const { save, deleted } = this.state.get();
    if (save === "conflict" || save === "saving") return;
    const changed = this.buffer?.version() !== this.#savedVersion;
    this.#set({ save: changed ? "unsaved" : "saved" });
    if (changed && !deleted) this.#schedule(this.#options.autosaveMs ?? 1000);
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
    const { revision, deleted } = this.state.get();
    const version = buffer.version();
    this.#set({ save: "saving", error: "" });
    try {
      const item = await api.write(session, this.path, { content: buffer.text(), base_revision: deleted ? 0 : revision });
      this.#savedVersion = version;
      const edited = buffer.version() !== version;
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
      file = await this.#options.api.file(this.#options.session, this.path);
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
      await this.#take(file);
      return;
    }
    const readable = file.saved && file.encoding === "utf-8";
    if (readable && this.buffer?.text() === file.content) {
      this.#savedVersion = this.buffer.version();
      this.#set({ save: "saved", revision: file.revision, deleted: false, theirs: null, error: "" });
      return;
    }
    clearTimeout(this.#timer);
    const text = readable ? file.content : "(content that cannot be shown as text)";
    this.#set({ save: "conflict", deleted: false, theirs: { revision: file.revision, text, readable }, error: "" });
  }

  remoteDeleted(): void {
    clearTimeout(this.#timer);
    const edited = this.buffer !== undefined && this.buffer.version() !== this.#savedVersion;
    this.#set({ deleted: true, theirs: null, error: "", save: edited ? "unsaved" : "saved" });
  }

  moved(path: string): void {
    this.#set({ path });
    this.buffer?.setPath(path);
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
    const file = await api.file(session, this.path);
    if (!this.#disposed) await this.#take(file);
  }

  /** The text that the edits were made in; null: it is not kept, or not known. */
  async base(): Promise<string | null> {
    const { api, session } = this.#options;
    const { revision } = this.state.get();
    if (revision < 1) return null;
    try {
      const file = await api.version(session, this.path, revision);
      return file.saved && file.encoding === "utf-8" ? file.content : null;
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
    this.#disposed = true;
    clearTimeout(this.#timer);
    this.#dropBuffer();
  }

  #set(change: Partial<DocumentState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
