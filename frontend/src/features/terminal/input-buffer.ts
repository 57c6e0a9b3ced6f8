/** What is typed shares pieces of so many bytes. */
const chunkBytes = 4 << 10;

/**
 * The bytes that were typed into one terminal, addressed by their position since the terminal began. What the
 * server has not confirmed is kept, to be sent again after a reconnect, so that no byte is lost or typed twice.
 *
 * A confirmation comes with each attach only. What was sent is therefore bounded: the oldest sent bytes beyond
 * `limit` are given up, and `confirm` tells if the server turns out to miss them.
 */
export class InputBuffer {
  readonly #limit: number;
  #chunks: Uint8Array[] = [];
  /** The position of the first kept byte, of the first byte not yet sent, and of the next byte typed. */
  #base = 0;
  #sent = 0;
  #end = 0;

  /** @param limit how many sent but unconfirmed bytes are kept */
  constructor(limit = 8 << 20) {
    this.#limit = limit;
  }

  /** How many bytes were ever given to a socket. */
  get sent(): number {
    return this.#sent;
  }

  /** How many bytes are kept. */
  get kept(): number {
    return this.#end - this.#base;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#end += bytes.length;
    const last = this.#chunks.at(-1);
    const used = last ? last.byteOffset + last.length : 0;
    // Keys come one at a time, and an array for each would take hundreds of bytes for one.
    if (last && used + bytes.length <= last.buffer.byteLength) {
      const grown = new Uint8Array(last.buffer, last.byteOffset, last.length + bytes.length);
      grown.set(bytes, last.length);
      this.#chunks[this.#chunks.length - 1] = grown;
      return;
    }
    const made = new Uint8Array(new ArrayBuffer(Math.max(chunkBytes, bytes.length)), 0, bytes.length);
    made.set(bytes);
    this.#chunks.push(made);
  }

  /** How many pieces what is kept is in. */
  get pieces(): number {
    return this.#chunks.length;
  }

  /** Takes at most `max` bytes that were not sent yet; empty when there are none. The bytes stay kept. */
  take(max: number): Uint8Array<ArrayBuffer> {
    const size = Math.min(max, this.#end - this.#sent);
    const out = new Uint8Array(size);
    let first = this.#chunks.length;
    let position = this.#end;
    while (position > this.#sent) position -= this.#chunks[--first]?.length ?? position;
    let filled = 0;
    for (const chunk of this.#chunks.slice(first)) {
      if (filled === size) break;
      const from = Math.max(0, this.#sent + filled - position);
      if (from < chunk.length) {
        const part = chunk.subarray(from, from + size - filled);
        out.set(part, filled);
        filled += part.length;
      }
      position += chunk.length;
    }
    this.#sent += size;
    this.#trim(this.#sent - this.#limit);
    return out;
  }

  /**
   * The server has taken every byte before `position` and waits for that one: sending goes on from there.
   * Answers how many bytes the server misses that are no longer kept.
   */
  confirm(position: number): number {
    const missing = Math.max(0, this.#base - position);
    // A server that has more than was ever sent counts for another history: nothing here is owed to it.
    const at = Math.min(Math.max(position, this.#base), this.#end);
    this.#trim(at);
    this.#sent = at;
    return missing;
  }

  /**
   * A new terminal stands behind the name: counting starts at 0, and what was typed for the old one is dropped.
   * `keepUnsent` keeps what no socket has seen.
   */
  restart(keepUnsent: boolean): void {
    if (keepUnsent) this.#trim(this.#sent);
    else this.#chunks = [];
    this.#base = 0;
    this.#sent = 0;
    this.#end = this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** Drops the bytes before `position`. */
  #trim(position: number): void {
    while (this.#base < position) {
      const first = this.#chunks[0];
      if (!first) return;
      const excess = position - this.#base;
      if (excess >= first.length) {
        this.#chunks.shift();
        this.#base += first.length;
      } else {
        this.#chunks[0] = first.subarray(excess);
        this.#base += excess;
      }
    }
  }
}
