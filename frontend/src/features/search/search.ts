/**
 * The search in all files: what is asked for, what was found, and replacing it. The server searches and replaces what
 * is saved, so what is edited here is saved first.
 *
 *   idle ──text──▶ waiting ──300 ms or Enter──▶ running ──▶ found | failed
 *   A change of the query ends a search that is under way; its answer is not taken.
 */
import type { API } from "@/lib/api";
import { Problem, errorText } from "@/lib/problem";
import type { ReplaceAnswer, SearchAnswer, SearchQuery } from "@/lib/search";
import { Store } from "@/lib/store";

export interface SearchState {
  readonly running: boolean;
  /** What was found, and what for; null: nothing was searched. */
  readonly answer: SearchAnswer | null;
  readonly searched: SearchQuery | null;
  /** Why the last search did not work, or "". */
  readonly error: string;
  /** The field that the error is about, or "". */
  readonly field: string;
}

export interface SearchOptions {
  readonly session: string;
  readonly api: Pick<API, "search" | "replace">;
  /** Saves what is edited; resolves with the paths that could not be saved. */
  readonly save: () => Promise<readonly string[]>;
  readonly waitMs?: number;
}

/** So many matches are asked for. */
export const limit = 2000;

const nothing: SearchQuery = { text: "", regex: false, matchCase: false, word: false, include: "", exclude: "" };
const idle: SearchState = { running: false, answer: null, searched: null, error: "", field: "" };

export class Search {
  readonly query = new Store<SearchQuery>(nothing);
  readonly replacement = new Store<string>("");
  /** The field for the replacement is shown. */
  readonly replacing = new Store<boolean>(false);
  readonly state = new Store<SearchState>(idle);
  /** Paths of the files whose matches are folded away. */
  readonly folded = new Store<ReadonlySet<string>>(new Set());
  /** A new object asks for the focus. */
  readonly asked = new Store<object | null>(null);
  readonly #options: SearchOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: AbortController | undefined;

  constructor(options: SearchOptions) {
    this.#options = options;
  }

  /** Has the pane take the focus, with a text to begin with if there is one. */
  ask({ text = "", replace = false }: { readonly text?: string; readonly replace?: boolean }): void {
    if (replace) this.replacing.set(true);
    // What is looked for is the text as it stands, in an expression too.
    if (text) this.change({ text: this.query.get().regex ? text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`) : text });
    this.asked.set({});
  }

  /** Changes what is asked for, and searches when no more changes come. */
  change(change: Partial<SearchQuery>): void {
    this.query.update((query) => ({ ...query, ...change }));
    this.#stop();
    if (this.query.get().text === "") {
      this.state.set(idle);
      return;
    }
    this.#timer = setTimeout(() => void this.run(), this.#options.waitMs ?? 300);
  }

  /** Searches at once. */
  async run(): Promise<void> {
    this.#stop();
    const query = this.query.get();
    if (query.text === "") return;
    const running = new AbortController();
    this.#running = running;
    const stopped = () => running.signal.aborted;
    this.#set({ running: true });
    try {
      await this.#options.save();
      if (stopped()) return;
      const answer = await this.#options.api.search(this.#options.session, query, limit, running.signal);
      if (stopped()) return;
      this.#set({ running: false, answer, searched: query, error: "", field: "" });
    } catch (error) {
      if (stopped()) return;
      this.#set({ running: false, answer: null, searched: null, ...wordsFor(error) });
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = undefined;
    if (this.state.get().running) this.#set({ running: false });
  }

  clear(): void {
    this.change({ text: "" });
  }

  fold(path: string, fold = !this.folded.get().has(path)): void {
    this.folded.update((folded) => {
      const next = new Set(folded);
      if (fold) next.add(path);
      else next.delete(path);
      return next;
    });
  }

  /** Folds all files, or unfolds them when all are folded. */
  foldAll(): void {
    const paths = this.state.get().answer?.files.map(({ path }) => path) ?? [];
    const all = paths.every((path) => this.folded.get().has(path));
    this.folded.set(new Set(all ? [] : paths));
  }

  /** What a replacement would do: in all that is found, also what is not listed; or in one file. */
  count(path?: string): Promise<ReplaceAnswer> {
    return this.#replace(path, true);
  }

  /** Replaces, and searches anew. What could not be replaced is in the answer. */
  async replace(path?: string): Promise<ReplaceAnswer> {
    const answer = await this.#replace(path, false);
    void this.run();
    return answer;
  }

  async #replace(path: string | undefined, dryRun: boolean): Promise<ReplaceAnswer> {
    const searched = this.state.get().searched;
    if (!searched) throw new Error("Search first.");
    const unsaved = await this.#options.save();
    const touched = unsaved.filter((each) => path === undefined || each === path);
    if (touched.length > 0) throw new Error(`Save or close first: ${touched.join(", ")}`);
    return this.#options.api.replace(this.#options.session, searched, {
      replacement: this.replacement.get(),
      ...(path === undefined ? {} : { paths: [path] }),
      dryRun,
    });
  }

  dispose(): void {
    this.#stop();
  }

  #set(change: Partial<SearchState>): void {
    this.state.update((state) => ({ ...state, ...change }));
  }
}

/** The server's words, with the field that they are about. */
function wordsFor(error: unknown): { error: string; field: string } {
  if (error instanceof Problem) {
    for (const field of ["q", "include", "exclude"]) {
      const words = error.fields[field];
      if (words !== undefined) return { error: words, field };
    }
  }
  return { error: errorText(error), field: "" };
}
