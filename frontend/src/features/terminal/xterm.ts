/** The one place that knows xterm.js: a screen that outlives the components which show it. */
import { FitAddon } from "@xterm/addon-fit";
import { WebLinksAddon } from "@xterm/addon-web-links";
import type { WebglAddon } from "@xterm/addon-webgl";
import { Terminal } from "@xterm/xterm";
import { Store } from "@/lib/store";
import { theme } from "@/lib/theme";
import { complain, inform } from "@/lib/toasts";
import { dumpOf, textOf, type Dump } from "./buffer-text";
import { themes } from "./colours";
import type { TerminalSink } from "./connection";
import { hasGraphicsCard } from "./graphics-card";
import { limitCounts } from "./limits";
import { Pacer } from "./pacer";
import { PlaceLinks, type PlaceHandlers } from "./place-links";
import { ask, clipboardText, isRiskyPaste, isWebAddress } from "./questions";
import { stepFontSize, terminalSettings } from "./settings";
import { TerminalSearch, type Found, type SearchOptions } from "./terminal-search";
import { unicode15, wholeCharacters } from "./unicode";

export interface ScreenHandlers {
  /** Bytes that the user typed, or that the terminal answers to a query. */
  input(bytes: Uint8Array): void;
  /** The size that fits the element, in cells. */
  resized(cols: number, rows: number): void;
  /** Places in files that programs print lead there. */
  readonly places?: PlaceHandlers;
}

/** In pixels: the least that a foreign size is shrunk to before it is scrolled. */
const leastFontSize = 8;
/** So much of the output is handed on in one piece, in bytes. */
const pieceBytes = 4 << 10;
/** Images of a terminal that are kept, in megabytes, and the largest one, in pixels. */
const imageLimits = { storageLimit: 32, pixelLimit: 4 << 20, enableSizeReports: false };

export class Screen implements TerminalSink {
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #handlers: ScreenHandlers;
  readonly #search: TerminalSearch;
  readonly #stops: (() => void)[] = [];
  /** What the shell tells of its commands (OSC 133, FinalTerm's). */
  readonly command = new Store<{ readonly running: boolean; readonly code: number | null }>({ running: false, code: null });
  readonly #searchers = new Set<() => void>();
  /** Writes under way that replay a screen. */
  #replaying = 0;
  #host: HTMLElement | undefined;
  #observer: ResizeObserver | undefined;
  #webgl: WebglAddon | undefined;
  readonly #pacer = new Pacer({
    frame: (next) => requestAnimationFrame(next),
    inFront: () => this.#terminal.element?.contains(document.activeElement) === true,
    hidden: () => document.hidden,
  });
  #disposed = false;
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
      fontFamily: '"JetBrains Mono Variable", ui-monospace, monospace',
      lineHeight: 1.25,
      linkHandler: { activate: (_, url) => void this.#openLink(url), allowNonHttpProtocols: true },
      theme: themes[theme.get()],
      minimumContrastRatio: 4.5,
      macOptionIsMeta: true,
      drawBoldTextInBrightColors: false,
    });
    this.#search = new TerminalSearch(this.#terminal);
    this.#terminal.loadAddon(this.#fit);
    this.#terminal.loadAddon(new WebLinksAddon((_, url) => window.open(url, "_blank", "noopener,noreferrer")));
    if (handlers.places) this.#terminal.registerLinkProvider(new PlaceLinks(this.#terminal, handlers.places));
    this.#terminal.onSelectionChange(() => {
      if (terminalSettings.get().copyOnSelect && this.#terminal.hasSelection()) this.copy();
    });
    this.#terminal.parser.registerOscHandler(52, (data) => {
      const text = clipboardText(data);
      if (text === null || this.#replaying > 0) return true;
      if (terminalSettings.get().programsCopy) void toClipboard(text);
      else inform("A program wanted to put text on the clipboard. Terminal settings can allow that.");
      return true;
    });
    this.#terminal.parser.registerOscHandler(133, (data) => {
      const [mark, code] = data.split(";");
      if (this.#replaying > 0) return true;
      if (mark === "C") this.command.set({ running: true, code: null });
      else if (mark === "D") this.command.set({ running: false, code: /^\d+$/.test(code ?? "") ? Number(code) : null });
      return true;
    });
    this.#terminal.attachCustomKeyEventHandler((event) => this.#key(event));
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
    this.#stops.push(
      theme.subscribe(() => {
        this.#terminal.options.theme = themes[theme.get()];
      }),
      terminalSettings.subscribe(() => this.#applySettings()),
    );
    this.#applySettings();
  }

  #applySettings(): void {
    const { fontSize, cursorStyle, cursorBlink, scrollback, screenReader, webgl } = terminalSettings.get();
    const { options } = this.#terminal;
    options.cursorStyle = cursorStyle;
    options.cursorBlink = cursorBlink && !this.#viewOnly;
    options.scrollback = scrollback;
    options.screenReaderMode = screenReader;
    options.fontSize = fontSize;
    if (this.#terminal.element) {
      if (webgl && !this.#webgl) void this.#accelerate();
      else if (!webgl) this.#webgl?.dispose();
      if (!webgl) this.#webgl = undefined;
    }
    this.fit();
  }

  /** Keys that are the terminal's own; the others go to the program. */
  #key(event: KeyboardEvent): boolean {
    const command = event.ctrlKey || event.metaKey;
    if (event.type !== "keydown" || !command || event.altKey) return true;
    const key = event.key.toLowerCase();
    const own: Record<string, (() => void) | undefined> = event.shiftKey
      ? { c: () => this.copy(), f: () => this.#searchers.forEach((open) => open()), "+": () => stepFontSize(1) }
      : { "=": () => stepFontSize(1), "+": () => stepFontSize(1), "-": () => stepFontSize(-1), "0": () => stepFontSize(0) };
    const act = own[key];
    if (!act) return !(event.shiftKey && key === "v"); // the browser pastes
    act();
    event.preventDefault();
    return false;
  }

  async #openLink(url: string): Promise<void> {
    if (!isWebAddress(url)) {
      inform(`This kind of link is not opened: ${url.slice(0, 200)}`);
      return;
    }
    if (await ask({ kind: "link", url })) window.open(url, "_blank", "noopener,noreferrer");
  }

  /** Copies what is selected; answers whether anything was. */
  copy(): boolean {
    const text = this.#terminal.getSelection();
    if (text) void toClipboard(text);
    return text !== "";
  }

  /** Pastes, after asking where each line would run by itself. */
  async paste(text: string): Promise<void> {
    if (text === "" || this.#viewOnly) return;
    const risky = terminalSettings.get().askBeforePaste && isRiskyPaste(text, this.#terminal.modes.bracketedPasteMode);
    if (!risky || (await ask({ kind: "paste", text }))) this.#terminal.paste(text);
    this.focus();
  }

  readonly #pasted = (event: ClipboardEvent): void => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    event.preventDefault();
    event.stopPropagation();
    void this.paste(text);
  };

  get found(): Store<Found> {
    return this.#search.found;
  }

  search(term: string, options: SearchOptions, direction: "next" | "previous"): void {
    this.#search.find(term, options, direction);
  }

  stopSearch(): void {
    this.#search.stop();
  }

  /** Calls `open` when the keys for a search are pressed, until the returned function is called. */
  onSearch(open: () => void): () => void {
    this.#searchers.add(open);
    return () => this.#searchers.delete(open);
  }

  /** Shows the screen in an element, at first or again. The returned function takes it out. */
  mount(host: HTMLElement): () => void {
    this.#host = host;
    host.style.overflow = this.#viewOnly ? "auto" : "";
    if (this.#terminal.element) {
      host.append(this.#terminal.element);
    } else {
      this.#terminal.open(host);
      void this.#loadImages();
      if (terminalSettings.get().webgl) void this.#accelerate();
    }
    host.addEventListener("paste", this.#pasted, true);
    this.#observer = new ResizeObserver(() => this.fit());
    this.#observer.observe(host);
    this.fit();
    return () => {
      host.removeEventListener("paste", this.#pasted, true);
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
    this.#terminal.options.cursorBlink = terminalSettings.get().cursorBlink && !on;
    if (!on) this.#terminal.options.fontSize = terminalSettings.get().fontSize;
    if (this.#host) this.#host.style.overflow = on ? "auto" : "";
    this.fit();
  }

  /** Draws a size that is not ours to choose as large as it fits; `fits` are the cells that do at the present font. */
  #shrink(fits: { cols: number; rows: number }): void {
    const { fontSize } = terminalSettings.get();
    const now = this.#terminal.options.fontSize ?? fontSize;
    const ratio = Math.min(fits.cols / this.#terminal.cols, fits.rows / this.#terminal.rows);
    const next = Math.max(leastFontSize, Math.min(fontSize, Math.floor(now * ratio * 2) / 2));
    if (next !== now) this.#terminal.options.fontSize = next;
  }

  /** Draws with the graphics card where there is one; the page's own elements do otherwise, and until it is loaded. */
  async #accelerate(): Promise<void> {
    if (!hasGraphicsCard()) return;
    try {
      const { WebglAddon } = await import("@xterm/addon-webgl");
      if (this.#disposed || this.#webgl || !terminalSettings.get().webgl) return;
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

  /**
   * Loads what shows images, apart from what a page needs first. It cannot wait for the first image: its decoder is made
   * ready at a moment that it does not tell, and passes over what comes before.
   */
  async #loadImages(): Promise<void> {
    try {
      const { ImageAddon } = await import("@xterm/addon-image");
      if (!this.#disposed) this.#terminal.loadAddon(new ImageAddon(imageLimits));
    } catch (error) {
      complain("Images in the terminal cannot be shown", error);
    }
  }

  reset(): void {
    this.#inTurn(0, () => this.#reset());
  }

  #reset(): void {
    this.#rest = new Uint8Array();
    // Through the write queue, after all that was written before.
    this.#replaying++;
    this.#terminal.write("\x1bc\x1b[3J", () => this.#replaying--);
  }

  write(bytes: Uint8Array, replay: boolean, done: () => void): void {
    if (replay || bytes.length <= pieceBytes) {
      this.#inTurn(bytes.length, () => this.#write(bytes, replay, done));
      return;
    }
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      const last = at + pieceBytes >= bytes.length;
      this.#inTurn(piece.length, () => this.#write(piece, false, last ? done : undefined));
    }
  }

  /** Does what concerns the output after all that came before. */
  #inTurn(size: number, work: () => void): void {
    this.#pacer.add(size, () => {
      if (!this.#disposed) work();
    });
  }

  #write(bytes: Uint8Array, replay: boolean, done: (() => void) | undefined): void {
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
      done?.();
    });
  }

  size(cols: number, rows: number): void {
    this.#inTurn(0, () => this.#size(cols, rows));
  }

  #size(cols: number, rows: number): void {
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
    return textOf(this.#terminal);
  }

  /** All that is shown, for tests. */
  dump(): Dump {
    return dumpOf(this.#terminal);
  }

  dispose(): void {
    this.#disposed = true;
    this.#search.dispose();
    this.#observer?.disconnect();
    for (const stop of this.#stops) stop();
    this.#terminal.dispose();
  }
}

async function toClipboard(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    inform("The browser does not let this page write to the clipboard.");
  }
}
