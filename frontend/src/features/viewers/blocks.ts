/**
 * The bytes of a file in blocks, which are fetched when they are looked at: two at a time, those that are looked at now
 * first, and those that were passed by not at all. As many as `mostBlocks` stay.
 */
import type { ByteSource } from "@/lib/bytes";
import { errorText } from "@/lib/problem";
import { Store } from "@/lib/store";

export const blockBytes = 64 << 10;
const mostBlocks = 64;
const mostAtOnce = 2;

export interface BlocksState {
  /** Counts the blocks that have come. */
  readonly arrived: number;
  /** Why the last one did not, or "". */
  readonly error: string;
}

export class Blocks {
  readonly state = new Store<BlocksState>({ arrived: 0, error: "" });
  readonly #source: ByteSource;
  /** The one that was used last is the last one. */
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #fetching = new Set<number>();
  #wanted: readonly number[] = [];
  #gone = new AbortController();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get size(): number {
    return this.#source.size;
  }

  /** The bytes from `start` up to and without `end`, within one block; undefined: they are not here. */
  at(start: number, end: number): Uint8Array | undefined {
    const { whole } = this.#source;
    if (whole) return whole.subarray(start, end);
    const index = Math.floor(start / blockBytes);
    return this.#blocks.get(index)?.subarray(start - index * blockBytes, end - index * blockBytes);
  }

  /** What is looked at, from `start` up to and without `end`. */
  want(start: number, end: number): void {
    if (this.#source.whole || end <= start) return;
    const first = Math.floor(start / blockBytes);
    const last = Math.floor((Math.min(end, this.size) - 1) / blockBytes);
    this.#wanted = Array.from({ length: last - first + 1 }, (_, index) => first + index);
    for (const index of this.#wanted) {
      const block = this.#blocks.get(index);
      if (!block) continue;
      this.#blocks.delete(index);
      this.#blocks.set(index, block);
    }
    // What failed is tried again when somebody looks elsewhere, or says so.
    if (this.state.get().error === "") this.#fetch();
  }

  retry(): void {
    this.state.update((state) => ({ ...state, error: "" }));
    this.#fetch();
  }

  /** Fetches for as long as it is looked at; the returned function ends that. */
  open(): () => void {
    const gone = (this.#gone = new AbortController());
    return () => gone.abort();
  }

  #fetch(): void {
    for (const index of this.#wanted) {
      if (this.#fetching.size >= mostAtOnce) return;
      if (!this.#blocks.has(index) && !this.#fetching.has(index)) void this.#fetchBlock(index);
    }
  }

  async #fetchBlock(index: number): Promise<void> {
    const { signal } = this.#gone;
    this.#fetching.add(index);
    let error = "";
    try {
      this.#blocks.set(index, await this.#source.read(index * blockBytes, Math.min((index + 1) * blockBytes, this.size), signal));
      for (const oldest of this.#blocks.keys()) {
        if (this.#blocks.size <= mostBlocks) break;
        this.#blocks.delete(oldest);
      }
    } catch (failure) {
      error = errorText(failure);
    }
    this.#fetching.delete(index);
    if (signal.aborted) return;
    this.state.update(({ arrived }) => ({ arrived: arrived + 1, error }));
    if (error === "") this.#fetch();
  }
}
