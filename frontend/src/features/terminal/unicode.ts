/**
 * How wide characters are: as Unicode 15 says, by the table that the server's model of a screen is made from too, so
 * that a screen which the server draws is the one that was shown.
 */
import type { IUnicodeVersionProvider } from "@xterm/xterm";
import { wide, zero } from "./unicode-table";

function within(ranges: readonly number[], code: number): boolean {
  let low = 0;
  let high = ranges.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (code < (ranges[2 * middle] ?? 0)) high = middle - 1;
    else if (code > (ranges[2 * middle + 1] ?? 0)) low = middle + 1;
    else return true;
  }
  return false;
}

function wcwidth(code: number): 0 | 1 | 2 {
  if (code >= 0x20 && code < 0x7f) return 1;
  return within(zero, code) ? 0 : within(wide, code) ? 2 : 1;
}

export const unicode15: IUnicodeVersionProvider = {
  version: "15",
  wcwidth,
  /** xterm.js keeps in the bits 1 and 2 how wide a character is, and in bit 0 whether it joins the one before it. */
  charProperties(code, preceding) {
    const width = wcwidth(code);
    const before = (preceding >> 1) & 3;
    return width === 0 && before > 0 ? (before << 1) | 1 : width << 1;
  },
};

/** How many of the bytes end with a whole character of UTF-8; what is no UTF-8 is whole. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return need > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}
