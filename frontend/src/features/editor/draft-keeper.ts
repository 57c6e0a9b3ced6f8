/** When an open file's edits are kept: at once, then while they go on, and no longer once they are saved. */
import type { Draft, DraftStore } from "./drafts";

export class DraftKeeper {
  readonly #store: DraftStore | undefined;
  readonly #draft: () => Draft | null;
  readonly #path: () => string;
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #due = false;

  /** `draft` is what is to be kept at this moment; `ms` is between two, at least. */
  constructor(store: DraftStore | undefined, path: () => string, draft: () => Draft | null, ms = 300) {
    this.#store = store;
    this.#path = path;
    this.#draft = draft;
    this.#ms = ms;
  }

  /** What is kept of a page that is gone; null: nothing. */
  find(): Promise<Draft | null> {
    return this.#store?.find(this.#path()) ?? Promise.resolve(null);
  }

  /** Keeps the text at once, and what follows soon: not each letter of what is typed. */
  keep(): void {
    if (!this.#store) return;
    this.#due = true;
    if (this.#timer === undefined) this.#put();
  }

  readonly #put = (): void => {
    this.#timer = undefined;
    const draft = this.#due ? this.#draft() : null;
    if (!draft) return;
    this.#due = false;
    this.#store?.put(draft);
    this.#timer = setTimeout(this.#put, this.#ms);
  };

  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = false;
    this.#store?.remove(this.#path());
  }

  /** Keeps what was typed within the last moments, and nothing after it. */
  dispose(): void {
    this.#put();
    clearTimeout(this.#timer);
  }
}
