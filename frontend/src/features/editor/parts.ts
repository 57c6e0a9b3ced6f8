/** Text that is read in parts, as far as somebody reads it: what a log of hundreds of megabytes costs is what is shown of it. */
import type { ByteSource } from "@/lib/bytes";
import { decodeBytes, type Encoding } from "./encoding";

/** How much is read at a time, in bytes. */
export const partBytes = 4 << 20;
/** As much of a text is shown at most: an editor holds all of its lines. */
export const mostShownBytes = 64 << 20;

/** The beginning of a text, and what reads on. */
export class Parts {
  readonly encoding: Encoding;
  readonly size: number;
  readonly #source: ByteSource;
  readonly #step: number;
  readonly #decoder: TextDecoder;
  /** What was read of the line that the last part ended in. */
  #held = "";
  #read = 0;

  private constructor(source: ByteSource, encoding: Encoding, step: number) {
    this.#source = source;
    this.#step = step;
    this.size = source.size;
    this.encoding = encoding;
    // Bytes that are no text are shown as such from here on: the beginning has said what it is. A mark is no part of it.
    this.#decoder = new TextDecoder(encoding === "utf-8-bom" ? "utf-8" : encoding);
  }

  /** Reads the first part, of `step` bytes as each; null: it is no text. */
  static async begin(source: ByteSource, step = partBytes): Promise<{ readonly parts: Parts; readonly text: string } | null> {
    const first = await source.read(0, Math.min(step, source.size));
    const encoding = encodingOf(first, first.length < source.size);
    if (encoding === null) return null;
    const parts = new Parts(source, encoding, step);
    return { parts, text: parts.#take(first) };
  }

  /** How many bytes have been read. */
  get read(): number {
    return this.#read;
  }

  get complete(): boolean {
    return this.#read >= this.size;
  }

  /** The next part: whole lines, unless one is longer than a part. */
  async next(): Promise<string> {
    const start = this.#read;
    return this.#take(await this.#source.read(start, Math.min(start + this.#step, this.size)));
  }

  #take(bytes: Uint8Array): string {
    this.#read += bytes.length;
    // The decoder keeps the first bytes of a character that goes on in the next part.
    const text = this.#held + this.#decoder.decode(bytes, { stream: !this.complete });
    const end = this.complete ? text.length : endOfLines(text);
    this.#held = text.slice(end);
    return text.slice(0, end);
  }
}

/** Where the last whole line ends; without any, where the text may be cut: not within a line end of two characters. */
function endOfLines(text: string): number {
  const last = text.lastIndexOf("\n");
  if (last >= 0) return last + 1;
  return text.endsWith("\r") ? text.length - 1 : text.length;
}

/** How the bytes at the beginning of a file are read; null: they are no text. `goesOn`: the last character may be cut. */
function encodingOf(bytes: Uint8Array, goesOn: boolean): Encoding | null {
  if (!bytes.includes(0)) {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: goesOn });
      return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? "utf-8-bom" : "utf-8";
    } catch {
      // Another encoding, or none.
    }
  }
  return decodeBytes(bytes, goesOn)?.encoding ?? null;
}
