/** What a terminal shows, as text. */
import type { IBufferCell, Terminal } from "@xterm/xterm";

/** Everything on the screen and above it, wrapped lines joined. */
export function textOf({ buffer }: Terminal): string {
  const { active } = buffer;
  const lines: string[] = [];
  for (let row = 0; row < active.length; row++) {
    const line = active.getLine(row);
    if (!line) continue;
    const next = active.getLine(row + 1);
    const text = line.translateToString(!next?.isWrapped);
    if (line.isWrapped && lines.length > 0) lines[lines.length - 1] = (lines[lines.length - 1] ?? "") + text;
    else lines.push(text);
  }
  return lines.join("\n").replace(/\n+$/, "");
}

export interface Dump {
  readonly lines: readonly string[];
  readonly cursor: readonly [number, number];
  readonly cols: number;
  readonly rows: number;
  readonly buffer: string;
  readonly modes: string;
}

/** All that is shown: each line with its looks, the cursor, the size and the modes. */
export function dumpOf({ cols, rows, buffer, modes }: Terminal): Dump {
  const { active } = buffer;
  const lines: string[] = [];
  let cell: IBufferCell | undefined;
  for (let y = 0; y < active.length; y++) {
    const line = active.getLine(y);
    let text = line?.isWrapped ? "~" : "|";
    let look = "";
    for (let x = 0; line && x < cols; x++) {
      cell = line.getCell(x, cell);
      if (!cell) continue;
      const now = lookOf(cell);
      if (now !== look) text += `[${now}]`;
      look = now;
      text += cell.getWidth() === 0 ? "" : cell.getChars() || " ";
    }
    lines.push(text.trimEnd());
  }
  return { lines, cursor: [active.cursorX, active.baseY + active.cursorY], cols, rows, buffer: active.type, modes: JSON.stringify(modes) };
}

/** A cell's colours and style; "" for plain. */
function lookOf(cell: IBufferCell): string {
  const flags = [cell.isBold(), cell.isItalic(), cell.isDim(), cell.isUnderline(), cell.isBlink(), cell.isInverse(), cell.isInvisible(), cell.isStrikethrough()];
  const colours = [cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()];
  if (cell.isAttributeDefault()) return "";
  return [...colours, flags.map((on) => (on ? 1 : 0)).join("")].join(",");
}
