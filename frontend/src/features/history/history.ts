/**
 * The history as the side bar shows it: of the file that is open, of everything, or the files that were deleted. It
 * reads while it is shown, and again when something of that kind has changed.
 */
import type { API } from "@/lib/api";
import type { DeletedFile, Restored, Version } from "@/lib/history";
import { isWithin } from "@/lib/paths";
import { Problem, errorText } from "@/lib/problem";
import type { Change } from "@/lib/schemas";
import { Store } from "@/lib/store";

export type Scope = "file" | "all" | "deleted";

export interface HistoryState {
  readonly scope: Scope;
  /** The file that is asked about; "" with another scope, or when none is open. */
  readonly path: string;
  readonly status: "idle" | "loading" | "ready" | "failed";
  readonly error: string;
  /** The newest first. */
  readonly versions: readonly Version[];
  /** Where the next page begins, or "". */
  readonly next: string;
  readonly deleted: readonly DeletedFile[];
  /** There are more deleted files than are listed. */
  readonly moreDeleted: boolean;
}

export interface HistoryOptions {
  readonly session: string;
  readonly api: Pick<API, "history" | "deletedFiles" | "version" | "restore" | "write">;
}

const pageSize = 50;
const mostDeleted = 500;
const empty = { status: "idle", error: "", versions: [], next: "", deleted: [], moreDeleted: false } as const;

export class History {
  readonly state = new Store<HistoryState>({ scope: "file", path: "", ...empty });
  readonly #options: HistoryOptions;
  #reading: AbortController | undefined;
  #shown = false;
  /** What is listed may be out of date. */
  #stale = true;

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  /** Says whether anybody sees it: only then is anything read. */
  show(shown: boolean): void {
    this.#shown = shown;
    if (shown && this.#stale) void this.read();
  }

  /** Chooses what it is about; "" is no file. */
  choose(scope: Scope, path: string): void {
    const wanted = scope === "file" ? path : "";
    const now = this.state.get();
    if (now.scope === scope && now.path === wanted) return;
    this.state.set({ scope, path: wanted, ...empty });
    this.#stale = true;
    this.#reading?.abort();
    if (this.#shown) void this.read();
  }

  /** Reads from the beginning. What is listed stays until the answer is there. */
  async read(): Promise<void> {
    const { scope, path } = this.state.get();
    this.#stale = false;
    if (scope === "file" && path === "") {
      this.#set({ ...empty, status: "ready" });
      return;
    }
    await this.#ask(async (signal) => {
      const { session, api } = this.#options;
      if (scope === "deleted") {
        const { files, more } = await api.deletedFiles(session, mostDeleted, signal);
        return { deleted: files, moreDeleted: more, versions: [], next: "" };
      }
      try {
        return await api.history(session, path, "", pageSize, signal);
      } catch (error) {
        // A file that has never been saved has no history, and that is no failure.
        if (error instanceof Problem && error.status === 404) return { versions: [], next: "" };
        throw error;
      }
    });
  }

  /** Reads the next page. */
  async more(): Promise<void> {
    const { path, next, versions, status } = this.state.get();
    if (next === "" || status === "loading") return;
    await this.#ask(async (signal) => {
      const page = await this.#options.api.history(this.#options.session, path, next, pageSize, signal);
      return { versions: [...versions, ...page.versions], next: page.next };
    });
  }

  async #ask(get: (signal: AbortSignal) => Promise<Partial<HistoryState>>): Promise<void> {
    this.#reading?.abort();
    const reading = new AbortController();
    this.#reading = reading;
    this.#set({ status: "loading", error: "" });
    try {
      const answer = await get(reading.signal);
      if (!reading.signal.aborted) this.#set({ ...answer, status: "ready" });
    } catch (error) {
      if (reading.signal.aborted) return;
      this.#stale = true;
      this.#set({ status: "failed", error: errorText(error) });
    }
  }

  /** Takes what the event stream said of the files. */
  changed(changes: readonly Change[]): void {
    const { scope, path } = this.state.get();
    const concerns = (change: Change) =>
      scope === "all" || (scope === "deleted" ? change.op !== "move" : [change.path, change.from].some((each) => each !== undefined && isWithin(path, each)));
    if (!changes.some(concerns)) return;
    this.#stale = true;
    if (this.#shown) void this.read();
  }

  /**
   * Makes a version the present one of the file at `path`. Under the name that the file had then, restoring would
   * bring a second file: so a version from before a move is written as a new one.
   */
  async restore(version: Version, path: string): Promise<Restored> {
    const { session, api } = this.#options;
    if (version.path === path || path === "") return api.restore(session, { path: version.path, revision: version.revision });
    const then = await api.version(session, version.path, version.revision);
    const { revision } = await api.write(session, path, { content: then.content, encoding: then.encoding });
    return { revision, written: 1, deleted: 0, left: [] };
  }

  restoreDeleted({ path, restore_revision: revision }: DeletedFile): Promise<Restored> {
    return this.#options.api.restore(this.#options.session, { path, revision });
  }

  /** Brings everything back to what it was after a revision. */
  restoreAll(revision: number): Promise<Restored> {
    return this.#options.api.restore(this.#options.session, { revision });
  }

  /** How many changes there are after a revision, as far as they are counted: `most` and more are `most`. */
  async changesAfter(revision: number, most: number): Promise<{ count: number; paths: number }> {
    const { session, api } = this.#options;
    const { versions } = await api.history(session, "", "", most, new AbortController().signal);
    const later = versions.filter((version) => version.revision > revision);
    return { count: later.length, paths: new Set(later.map(({ path }) => path)).size };
  }

  dispose(): void {
    this.#shown = false;
    this.#reading?.abort();
  }

  #set(change: Partial<HistoryState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}
