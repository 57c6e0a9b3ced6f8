/** The one place that knows xterm.js: a screen that outlives the components which show it. */
import { FitAddon } from "@xterm/addon-fit";
import { WebLinksAddon } from "@xterm/addon-web-links";
import { WebglAddon } from "@xterm/addon-webgl";
import { Terminal, type IBufferCell, type ITheme } from "@xterm/xterm";
import { theme, type Theme } from "@/lib/theme";
import type { TerminalSink } from "./connection";
import { limitCounts } from "./limits";
import { unicode15, wholeCharacters } from "./unicode";

const themes: Readonly<Record<Theme, ITheme>> = {
  dark: {
    background: "#101215", foreground: "#e3e6ea", cursor: "#f0ad3d", cursorAccent: "#101215",
    selectionBackground: "#f0ad3d50",
    black: "#22272d", red: "#f2736b", green: "#7cc88a", yellow: "#e6bb5a", blue: "#6aa5ff", magenta: "#d98cc4",
    cyan: "#6cc5d3", white: "#c9ced6", brightBlack: "#747d89", brightRed: "#ff8f87", brightGreen: "#98dca4",
    brightYellow: "#f5d07d", brightBlue: "#92bdff", brightMagenta: "#eaa9d8", brightCyan: "#8fdbe6", brightWhite: "#ffffff",
  },
  light: {
    background: "#ffffff", foreground: "#191c20", cursor: "#b06a00", cursorAccent: "#ffffff",
    selectionBackground: "#f3c97a90",
    black: "#191c20", red: "#c2322b", green: "#1a7f45", yellow: "#8f5e00", blue: "#2563c9", magenta: "#a8306f",
    cyan: "#146f86", white: "#6a7380", brightBlack: "#545d68", brightRed: "#d8453d", brightGreen: "#21965a",
    brightYellow: "#a87000", brightBlue: "#3d7be0", brightMagenta: "#c24787", brightCyan: "#1c8aa6", brightWhite: "#3b424b",
  },
};

export interface ScreenHandlers {
  /** Bytes that the user typed, or that the terminal answers to a query. */
  input(bytes: Uint8Array): void;
  /** The size that fits the element, in cells. */
  resized(cols: number, rows: number): void;
}

/** In pixels; the smaller one is the least that a foreign size is shrunk to before it is scrolled. */
const fontSize = 13;
const leastFontSize = 8;
/** Kept of what was printed, in lines. */
const scrollback = 10_000;

export class Screen implements TerminalSink {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #handlers: ScreenHandlers;
  readonly #stopTheme: () => void;
  /** Writes under way that replay a screen. */
  #replaying = 0;
  #host: HTMLElement | undefined;
  #observer: ResizeObserver | undefined;
  #webgl: WebglAddon | undefined;
  #viewOnly = false;
  /** The size that fits the element, and whether the server has ever told one. */
  #wanted = { cols: 0, rows: 0 };
  #decided = false;
  /** The beginning of a character whose end has not come: xterm.js could lose it. */
  #rest: Uint8Array = new Uint8Array();

  constructor(handlers: ScreenHandlers) {
    this.#handlers = handlers;
    this.#terminal = new Terminal({
      allowProposedApi: true,
      cursorBlink: true,
      fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace',
      fontSize,
      lineHeight: 1.25,
      scrollback,
      theme: themes[theme.get()],
      minimumContrastRatio: 4.5,
      macOptionIsMeta: true,
      drawBoldTextInBrightColors: false,
    });
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.loadAddon(new WebLinksAddon((_, url) => window.open(url, "_blank", "noopener,noreferrer")));
    this.#terminal.unicode.register(unicode15);
    this.#terminal.unicode.activeVersion = unicode15.version;
    limitCounts(this.#terminal);
    const encoder = new TextEncoder();
    this.#terminal.onData((text) => {
      // A replay draws modes, and the one of focus is answered. It asks nothing else: what comes besides was typed.
      if (this.#replaying > 0 && (text === "\x1b[I" || text === "\x1b[O")) return;
      this.#handlers.input(encoder.encode(text));
    });
    // Some mouse reports are bytes and not text.
    this.#terminal.onBinary((text) => {
      this.#handlers.input(Uint8Array.from(text, (char) => char.charCodeAt(0) & 0xff));
    });
    this.#stopTheme = theme.subscribe(() => {
      this.#terminal.options.theme = themes[theme.get()];
    });
  }

  /** Shows the screen in an element, at first or again. The returned function takes it out. */
  mount(host: HTMLElement): () => void {
    this.#host = host;
    host.style.overflow = this.#viewOnly ? "auto" : "";
    if (this.#terminal.element) {
      host.append(this.#terminal.element);
    } else {
      this.#terminal.open(host);
      this.#accelerate();
    }
    this.#observer = new ResizeObserver(() => this.fit());
    this.#observer.observe(host);
    this.fit();
    return () => {
      this.#observer?.disconnect();
      this.#observer = undefined;
      this.#host = undefined;
      this.#terminal.element?.remove();
    };
  }

  /** Fits the screen to its element, unless that is hidden. */
  fit(): void {
    const host = this.#host;
    if (!host || host.clientWidth === 0 || host.clientHeight === 0) return;
    const size = this.#fit.proposeDimensions();
    if (!size || !Number.isFinite(size.cols) || !Number.isFinite(size.rows)) return;
    if (this.#viewOnly) {
      this.#shrink(size);
      this.#handlers.resized(this.#terminal.cols, this.#terminal.rows);
      return;
    }
    const cols = Math.max(2, size.cols);
    const rows = Math.max(1, size.rows);
    this.#wanted = { cols, rows };
    this.#frame();
    // The server decides, and its word comes in its place among the output.
    this.#handlers.resized(cols, rows);
  }

  /** Marks where the screen ends in its element when somebody else's is smaller. */
  #frame(): void {
    const smaller = !this.#viewOnly && (this.#terminal.cols < this.#wanted.cols || this.#terminal.rows < this.#wanted.rows);
    if (this.#host) this.#host.dataset.smaller = String(smaller && this.#decided);
  }

  setViewOnly(on: boolean): void {
    if (on === this.#viewOnly) return;
    this.#viewOnly = on;
    this.#terminal.options.disableStdin = on;
    this.#terminal.options.cursorBlink = !on;
    if (!on) this.#terminal.options.fontSize = fontSize;
    if (this.#host) this.#host.style.overflow = on ? "auto" : "";
    this.fit();
  }

  /** Draws a size that is not ours to choose as large as it fits; `fits` are the cells that do at the present font. */
  #shrink(fits: { cols: number; rows: number }): void {
    const now = this.#terminal.options.fontSize ?? fontSize;
    const ratio = Math.min(fits.cols / this.#terminal.cols, fits.rows / this.#terminal.rows);
    const next = Math.max(leastFontSize, Math.min(fontSize, Math.floor(now * ratio * 2) / 2));
    if (next !== now) this.#terminal.options.fontSize = next;
  }

  /** Draws with the graphics card where there is one; the page's own elements do otherwise. */
  #accelerate(): void {
    try {
      const addon = new WebglAddon();
      addon.onContextLoss(() => {
        addon.dispose();
        this.#webgl = undefined;
      });
      this.#terminal.loadAddon(addon);
      this.#webgl = addon;
    } catch {
      this.#webgl = undefined;
    }
  }

  get accelerated(): boolean {
    return this.#webgl !== undefined;
  }

  reset(): void {
    this.#rest = new Uint8Array();
    // Through the write queue, after all that was written before.
    this.#replaying++;
    this.#terminal.write("\x1bc\x1b[3J", () => this.#replaying--);
  }

  write(bytes: Uint8Array, replay: boolean, done: () => void): void {
    if (replay) this.#replaying++;
    let all = bytes;
    if (this.#rest.length > 0) {
      all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
    }
    const whole = wholeCharacters(all);
    this.#rest = all.slice(whole);
    this.#terminal.write(whole === all.length ? all : all.subarray(0, whole), () => {
      if (replay) this.#replaying--;
      done();
    });
  }

  size(cols: number, rows: number): void {
    // In its turn: what was written before was meant for the former size.
    this.#terminal.write("", () => {
      this.#decided = true;
      if (cols !== this.#terminal.cols || rows !== this.#terminal.rows) this.#terminal.resize(cols, rows);
      if (this.#viewOnly) this.fit();
      this.#frame();
    });
  }

  focus(): void {
    this.#terminal.focus();
  }

  /** Everything on the screen and above it, wrapped lines joined. */
  text(): string {
    const buffer = this.#terminal.buffer.active;
    const lines: string[] = [];
    for (let row = 0; row < buffer.length; row++) {
      const line = buffer.getLine(row);
      if (!line) continue;
      const next = buffer.getLine(row + 1);
      const text = line.translateToString(!next?.isWrapped);
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] = (lines[lines.length - 1] ?? "") + text;
      else lines.push(text);
    }
    return lines.join("\n").replace(/\n+$/, "");
  }

  /** All that is shown, for tests: each line with its looks, the cursor, the size and the modes. */
  dump(): { lines: string[]; cursor: [number, number]; cols: number; rows: number; buffer: string; modes: string } {
    const { cols, rows, buffer, modes } = this.#terminal;
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

  dispose(): void {
    this.#observer?.disconnect();
    this.#stopTheme();
    this.#terminal.dispose();
  }
}

/** A cell's colours and style; "" for plain. */
function lookOf(cell: IBufferCell): string {
  const flags = [cell.isBold(), cell.isItalic(), cell.isDim(), cell.isUnderline(), cell.isBlink(), cell.isInverse(), cell.isInvisible(), cell.isStrikethrough()];
  const colours = [cell.getFgColorMode(), cell.getFgColor(), cell.getBgColorMode(), cell.getBgColor()];
  if (cell.isAttributeDefault()) return "";
  return [...colours, flags.map((on) => (on ? 1 : 0)).join("")].join(",");
}
