/** How a text's bytes are read. UTF-8 is written as it came, with its mark or without; all others are read only. */

export const encodings = { "utf-8": "UTF-8", "utf-8-bom": "UTF-8 with BOM", "utf-16le": "UTF-16 LE", "utf-16be": "UTF-16 BE", "windows-1252": "Windows 1252" } as const;
export type Encoding = keyof typeof encodings;

export interface Decoded {
  readonly text: string;
  readonly encoding: Encoding;
}

export function isWritten(encoding: Encoding): boolean {
  return encoding === "utf-8" || encoding === "utf-8-bom";
}

/** UTF-8 as the server gives it: a mark at the beginning is no part of the text. */
export function decodeUTF8(content: string): Decoded {
  return content.startsWith("\ufeff") ? { text: content.slice(1), encoding: "utf-8-bom" } : { text: content, encoding: "utf-8" };
}

/** What is to be sent for a text. */
export function encodeUTF8(text: string, encoding: Encoding): string {
  return encoding === "utf-8-bom" ? `\ufeff${text}` : text;
}

export function bytesOfBase64(content: string): Uint8Array<ArrayBuffer> {
  const binary = atob(content);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/** Reads bytes that are not UTF-8, if they are text all the same. `goesOn`: the last character may be cut, and is left out. */
export function decodeBytes(bytes: Uint8Array, goesOn = false): Decoded | null {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return strictly(bytes, "utf-16le", goesOn);
  if (first === 0xfe && second === 0xff) return strictly(bytes, "utf-16be", goesOn);
  // Text has no control characters but white space, and escape where it colours a log.
  const control = bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b);
  if (control) return null;
  // Mostly letters: what happens to have no control character is still not text.
  const foreign = bytes.reduce((count, byte) => (byte >= 0x7f ? count + 1 : count), 0);
  return foreign * 2 > bytes.length ? null : strictly(bytes, "windows-1252", goesOn);
}

function strictly(bytes: Uint8Array, encoding: Encoding, goesOn: boolean): Decoded | null {
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: goesOn }), encoding };
  } catch {
    return null;
  }
}
