/** The search in what a terminal shows; its parts are loaded with the first one. */
import type { SearchAddon } from "@xterm/addon-search";
import type { Terminal } from "@xterm/xterm";
import { Store } from "@/lib/store";
import { complain } from "@/lib/toasts";
import { matchColours } from "./colours";

export interface SearchOptions {
  readonly caseSensitive: boolean;
  readonly regex: boolean;
  /** The match in front stays while it still fits. */
  readonly incremental: boolean;
}

/** Which match is in front, from 0, and how many there are. */
export interface Found {
  readonly index: number;
  readonly count: number;
}

const nothing: Found = { index: -1, count: 0 };

export class TerminalSearch {
  readonly found = new Store<Found>(nothing);
  readonly #terminal: Terminal;
  #addon: Promise<SearchAddon> | undefined;
  /** Counts what was asked: an answer that comes late is not looked for any more. */
  #searches = 0;
  #way = "";
  #disposed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Finds the next or previous match; an empty term finds nothing. */
  find(term: string, options: SearchOptions, direction: "next" | "previous"): void {
    if (term === "") {
      this.stop();
      return;
    }
    const search = ++this.#searches;
    this.#load().then(
      (addon) => {
        if (search === this.#searches && !this.#disposed) this.#find(addon, term, options, direction);
      },
      (error: unknown) => complain("The search could not be loaded", error),
    );
  }

  stop(): void {
    this.#searches++;
    // What could not be loaded has nothing to clear, and has been complained of.
    this.#addon?.then((addon) => addon.clearDecorations(), () => undefined);
    this.found.set(nothing);
  }

  dispose(): void {
    this.#disposed = true;
  }

  #load(): Promise<SearchAddon> {
    this.#addon ??= import("@xterm/addon-search").then(
      ({ SearchAddon }) => {
        const addon = new SearchAddon();
        if (!this.#disposed) this.#terminal.loadAddon(addon);
        addon.onDidChangeResults(({ resultIndex, resultCount }) => this.found.set({ index: resultIndex, count: resultCount }));
        return addon;
      },
      (error: unknown) => {
        this.#addon = undefined;
        throw error;
      },
    );
    return this.#addon;
  }

  #find(addon: SearchAddon, term: string, { caseSensitive, regex, incremental }: SearchOptions, direction: "next" | "previous"): void {
    const options = { caseSensitive, regex, incremental, decorations: matchColours };
    // The addon looks for all matches anew when the term is another, but not when the way to look is.
    const way = `${caseSensitive} ${regex}`;
    if (way !== this.#way) addon.clearDecorations();
    this.#way = way;
    try {
      if (direction === "next") addon.findNext(term, options);
      else addon.findPrevious(term, options);
    } catch {
      this.found.set(nothing); // an expression that is not whole yet
    }
  }
}
