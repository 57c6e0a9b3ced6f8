/**
 * Runs files in one terminal of their own, which is used again. What the shell tells of its commands (OSC 133) says
 * when one ends and how.
 *
 *   idle ──run──▶ running ──the prompt is back──▶ ended ──run──▶ running
 */
import * as z from "zod/mini";
import type { TerminalTab, Terminals } from "@/features/terminal/terminals";
import type { Change, TerminalInfo } from "@/lib/schemas";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { commandLine } from "./command-line";

export type RunState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly path: string }
  /** `code` is null where the shell did not say. */
  | { readonly kind: "ended"; readonly path: string; readonly code: number | null };

export interface RunnerOptions {
  readonly session: string;
  readonly terminals: Terminals;
  readonly list: () => Promise<readonly TerminalInfo[]>;
  readonly exists: (path: string) => boolean;
  /** Shows a figure that a run of a file has made. */
  readonly figure: (path: string, by: string) => void;
}

/** The terminal's name. */
const terminal = "run";
/** Where figures appear; agent/figures has the other half. */
const figures = ".figures/";
const [interrupt, quit, killLine] = ["\x03", "\x1c", "\x15"];
const argsSchema = z.record(z.string(), z.string());

export class Runner {
  readonly state = new Store<RunState>({ kind: "idle" });
  readonly #options: RunnerOptions;
  #unfollow: () => void = () => undefined;
  #asked = false;
  /** The file that was run last since the page was opened: the figures that come are its. */
  #ran: string | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** The arguments that a file was last run with. */
  argsOf(path: string): string {
    return this.#args()[path] ?? "";
  }

  #args(): Record<string, string> {
    return loadStored(this.#argsKey, argsSchema, {});
  }

  get #argsKey(): string {
    return `run-arguments:${this.#options.session}`;
  }

  remember(path: string, args: string): void {
    const others = Object.entries(this.#args()).filter(([other]) => other !== path);
    saveStored(this.#argsKey, Object.fromEntries(args.trim() === "" ? others : [...others, [path, args.trim()]]));
  }

  /** Types the command for a saved file. Null: there is none for it. */
  async run(path: string): Promise<TerminalTab | null> {
    const line = commandLine(path, this.argsOf(path), this.#options.exists);
    if (line === null) return null;
    const tab = await this.command(path, line);
    this.#ran = path;
    return tab;
  }

  /** Types a command line that does something with a file. What ran before is stopped first. */
  async command(path: string, line: string): Promise<TerminalTab> {
    const { terminals } = this.#options;
    const before = terminals.state.get().tabs.find(({ name }) => name === terminal);
    terminals.listed(await this.#options.list());
    const tab = terminals.open(terminal);
    const info = terminals.state.get().infos.get(terminal);
    if (this.state.get().kind === "running" && info?.running !== false) {
      this.stop();
      await this.state.when(({ kind }) => kind !== "running");
    } else if (info?.foreground) {
      // Something that this page did not start, or has forgotten.
      type(tab, interrupt);
    }
    // A new terminal begins where the one in front is.
    const there = before ? info?.cwd === "." : false;
    this.#follow(tab, path);
    type(tab, `${killLine}${there ? "" : "cd /app && "}${line}\r`);
    if (tab.connection.state.get().kind === "ended") await tab.restart();
    return tab;
  }

  /** Interrupts what runs; asked again, in the way that fewer programs ignore. */
  stop(): void {
    const tab = this.#options.terminals.state.get().tabs.find(({ name }) => name === terminal);
    if (this.state.get().kind !== "running" || !tab) return;
    type(tab, this.#asked ? quit : interrupt);
    this.#asked = true;
  }

  #follow(tab: TerminalTab, path: string): void {
    this.#unfollow();
    this.#asked = false;
    let begun = false;
    const { terminals } = this.#options;
    const ended = (code: number | null) => {
      this.#unfollow();
      this.state.set({ kind: "ended", path, code });
    };
    const stops = [
      // The prompt of a shell that begins tells of an end too: of nothing that was begun here.
      tab.screen.command.subscribe(() => {
        const { running, code } = tab.screen.command.get();
        if (running) begun = true;
        else if (begun) ended(code);
      }),
      tab.connection.state.subscribe(() => {
        if (tab.connection.state.get().kind === "ended" && begun) ended(null);
      }),
      terminals.state.subscribe(() => {
        if (!terminals.state.get().tabs.includes(tab)) ended(null);
      }),
    ];
    this.#unfollow = () => {
      for (const stop of stops) stop();
      this.#unfollow = () => undefined;
    };
    this.state.set({ kind: "running", path });
  }

  /** Takes what the event stream says of files: figures are shown. */
  changed(changes: readonly Change[]): void {
    if (this.#ran === null) return;
    for (const { op, path, from = "", type: kind } of changes) {
      // One is written under another name first, which may have been seen: then it comes as a move.
      if ((op === "put" || (op === "move" && !isFigure(from))) && kind === "file" && isFigure(path)) this.#options.figure(path, this.#ran);
    }
  }

  dispose(): void {
    this.#unfollow();
  }
}

function isFigure(path: string): boolean {
  return path.startsWith(figures) && path.endsWith(".png");
}

function type(tab: TerminalTab, keys: string): void {
  tab.connection.type(new TextEncoder().encode(keys));
}
