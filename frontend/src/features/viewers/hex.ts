/** Bytes as text, a row for each sixteen. */

export const perRow = 16;

/** The row of the bytes from `start`, which are sixteen or those at the end; undefined: they are not there yet. */
export function hexRow(bytes: Uint8Array | undefined, start: number): { readonly offset: string; readonly hex: string; readonly text: string } {
  let hex = "";
  let text = "";
  for (let index = 0; index < perRow; index++) {
    const byte = bytes?.[index];
    if (index > 0) hex += index === perRow / 2 ? "  " : " ";
    hex += byte === undefined ? "  " : byte.toString(16).padStart(2, "0");
    if (byte !== undefined) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
  }
  return { offset: start.toString(16).padStart(8, "0"), hex, text };
}

/** An offset as it is written: hexadecimal with "0x", else decimal; null: it is none within so many bytes. */
export function parseOffset(text: string, size: number): number | null {
  const trimmed = text.trim();
  const value = /^0x[0-9a-f]+$/i.test(trimmed) ? Number.parseInt(trimmed, 16) : /^\d+$/.test(trimmed) ? Number(trimmed) : NaN;
  return Number.isFinite(value) && value < size ? value : null;
}
