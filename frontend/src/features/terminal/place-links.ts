/** Makes places in files that programs print into links of xterm.js. */
import type { IBufferCell, ILink, ILinkProvider, Terminal } from "@xterm/xterm";
import { findPlaces } from "./places";

export interface PlaceHandlers {
  /** The workspace's path of what a program printed, or null where that is no file. */
  resolve(path: string): string | null;
  open(path: string, line: number, column?: number): void;
}

/** A line that wraps further than this has no links. */
const mostRows = 20;

interface Cell {
  readonly x: number;
  readonly y: number;
}

export class PlaceLinks implements ILinkProvider {
  readonly #terminal: Terminal;
  readonly #handlers: PlaceHandlers;

  constructor(terminal: Terminal, handlers: PlaceHandlers) {
    this.#terminal = terminal;
    this.#handlers = handlers;
  }

  provideLinks(row: number, callback: (links: ILink[] | undefined) => void): void {
    const { text, cells } = this.#line(row);
    const links: ILink[] = [];
    for (const { start, length, path, line, column } of findPlaces(text)) {
      const from = cells[start];
      const to = cells[start + length - 1];
      const file = from && to && to.y >= row && from.y <= row ? this.#handlers.resolve(path) : null;
      if (!from || !to || file === null) continue;
      links.push({ range: { start: from, end: to }, text: text.slice(start, start + length), activate: () => this.#handlers.open(file, line, column) });
    }
    callback(links.length > 0 ? links : undefined);
  }

  /** The whole line that a row is part of, and where each of its characters stands, from 1. */
  #line(row: number): { text: string; cells: Cell[] } {
    const buffer = this.#terminal.buffer.active;
    let first = row - 1;
    while (first > 0 && buffer.getLine(first)?.isWrapped) first--;
    let text = "";
    const cells: Cell[] = [];
    let cell: IBufferCell | undefined;
    for (let y = first; y < first + mostRows; y++) {
      const line = buffer.getLine(y);
      if (!line || (y > first && !line.isWrapped)) break;
      for (let x = 0; x < line.length; x++) {
        cell = line.getCell(x, cell);
        if (!cell || cell.getWidth() === 0) continue;
        const chars = cell.getChars() || " ";
        text += chars;
        cells.push(...Array<Cell>(chars.length).fill({ x: x + 1, y: y + 1 }));
      }
    }
    return { text, cells };
  }
}
