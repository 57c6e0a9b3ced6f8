/**
 * Looks for the beginning of an image in a terminal's output: a sixel's DCS, or iTerm's OSC 1337. What shows images is
 * loaded with the first of them.
 */

const escape = 0x1b;
const c1 = 0xc2; // 0x90 and 0x9d, the one-byte forms, are two bytes in UTF-8
const image = [0x31, 0x33, 0x33, 0x37]; // "1337"

/** The most bytes that a beginning has. */
const longest = 2 + image.length;

export class ImageWatch {
  /** The end of what came, which may be the first part of a beginning. */
  #tail = new Uint8Array();

  /** Whether an image begins in these bytes, or began in those before and goes on here. */
  sees(bytes: Uint8Array): boolean {
    if (this.#tail.length > 0) {
      const joined = new Uint8Array([...this.#tail, ...bytes.subarray(0, longest)]);
      if (begins(joined)) return true;
    }
    if (begins(bytes)) return true;
    const end = bytes.length >= longest ? bytes : new Uint8Array([...this.#tail, ...bytes]);
    this.#tail = end.slice(Math.max(0, end.length - longest + 1));
    return false;
  }
}

function begins(bytes: Uint8Array): boolean {
  return beginsWith(bytes, escape, 0x50, 0x5d) || beginsWith(bytes, c1, 0x90, 0x9d);
}

function beginsWith(bytes: Uint8Array, first: number, dcs: number, osc: number): boolean {
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (bytes[at + 1] === dcs) return true;
    if (bytes[at + 1] === osc && image.every((byte, index) => bytes[at + 2 + index] === byte)) return true;
  }
  return false;
}
