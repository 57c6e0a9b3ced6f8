/**
 * xterm.js does some things as often as a program says, one by one: a count of a hundred million holds up the page for
 * minutes. More than the screen is large changes nothing more, so that such counts are cut to that.
 */
import type { Terminal } from "@xterm/xterm";

/** What xterm.js does for a sequence, by its own names. Checked against the pinned version by test/xterm.test.ts. */
interface Params {
  params: number[];
  length: number;
}
type Work = (params: Params) => boolean;
interface Core {
  _core: { _inputHandler: Record<string, Work | undefined> };
}

const counted: readonly { prefix?: string; intermediates?: string; final: string; work: string; by: "rows" | "cols" | "cells" }[] = [
  { final: "L", work: "insertLines", by: "rows" },
  { final: "M", work: "deleteLines", by: "rows" },
  { final: "S", work: "scrollUp", by: "rows" },
  { final: "T", work: "scrollDown", by: "rows" },
  { final: "@", work: "insertChars", by: "cols" },
  { final: "P", work: "deleteChars", by: "cols" },
  { final: "X", work: "eraseChars", by: "cols" },
  { final: "I", work: "cursorForwardTab", by: "cols" },
  { final: "Z", work: "cursorBackwardTab", by: "cols" },
  { final: "b", work: "repeatPrecedingCharacter", by: "cells" },
  { intermediates: " ", final: "@", work: "scrollLeft", by: "cols" },
  { intermediates: " ", final: "A", work: "scrollRight", by: "cols" },
  { intermediates: "'", final: "}", work: "insertColumns", by: "cols" },
  { intermediates: "'", final: "~", work: "deleteColumns", by: "cols" },
];

export function limitCounts(terminal: Terminal): void {
  const handler = (terminal as unknown as Core)._core._inputHandler;
  for (const { work, by, ...id } of counted) {
    terminal.parser.registerCsiHandler(id, (params) => {
      const [count] = params;
      const { cols, rows } = terminal;
      const most = by === "rows" ? rows : by === "cols" ? cols : cols * (rows + 1);
      if (typeof count !== "number" || count <= most) return false;
      return handler[work]?.({ params: [most], length: 1 }) ?? false;
    });
  }
}
