/** A session's terminals: those that run there, those that this page shows, and which one is in front. */
import * as z from "zod/mini";
import { Problem } from "@/lib/problem";
import type { Mode, TerminalInfo } from "@/lib/schemas";
import type { SocketEnvironment } from "@/lib/socket";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { TerminalConnection, type TerminalSink } from "./connection";
import { apart, beside, groupOf, mostBeside, type Groups } from "./groups";
import type { PlaceHandlers } from "./place-links";
import { resolvePlace } from "./places";

/** What shows a terminal; the browser's is a Screen. */
export interface TerminalScreen extends TerminalSink {
  mount(host: HTMLElement): () => void;
  fit(): void;
  focus(): void;
  /** Shows without a say: nothing is typed, and the size stays the one that others decided on. */
  setViewOnly(on: boolean): void;
  readonly found: Store<{ index: number; count: number }>;
  /** What the shell tells of its commands; `code` is how the last one ended. */
  readonly command: Store<{ readonly running: boolean; readonly code: number | null }>;
  /** Calls `open` when the keys for a search are pressed. */
  onSearch(open: () => void): () => void;
  search(term: string, options: { caseSensitive: boolean; regex: boolean; incremental: boolean }, direction: "next" | "previous"): void;
  stopSearch(): void;
  copy(): boolean;
  paste(text: string): Promise<void>;
  text(): string;
  /** All that is shown, for tests. */
  dump(): object;
  dispose(): void;
}

export interface TerminalsOptions {
  readonly session: string;
  readonly endpoint: (query: URLSearchParams) => string;
  readonly environment: SocketEnvironment;
  readonly client: () => string;
  /** What to ask for when a terminal is opened. Default: write. */
  readonly mode?: () => Mode;
  readonly createScreen: (handlers: { input(bytes: Uint8Array): void; resized(cols: number, rows: number): void; places?: PlaceHandlers }) => TerminalScreen;
  /** The session's files, which places that programs print lead to. */
  readonly files?: { isFile(path: string): boolean; open(path: string, place: { line: number; column?: number }): void };
  /** What the server runs at this moment. */
  readonly list: () => Promise<readonly TerminalInfo[]>;
  readonly update: (name: string, change: { name?: string; position?: number }) => Promise<readonly TerminalInfo[]>;
  /** Ends a terminal's program on the server. */
  readonly closeOnServer: (name: string) => Promise<void>;
  readonly notice: (message: string) => void;
}

/** One tab. */
export class TerminalTab {
  readonly name: string;
  readonly connection: TerminalConnection;
  readonly screen: TerminalScreen;
  readonly title = new Store<string>("");
  readonly #closeOnServer: () => Promise<void>;
  #started = false;
  #restarting: Promise<void> | undefined;

  /** `where` tells the working directory at any time, `cwd` where to begin. */
  constructor(name: string, options: TerminalsOptions, where: () => string, cwd = "") {
    this.name = name;
    this.#closeOnServer = () => forgetOnServer(options, name);
    this.screen = options.createScreen({
      input: (bytes) => this.connection.type(bytes),
      resized: (cols, rows) => this.#resized(cols, rows),
      ...(options.files && { places: placesOf(options.files, where) }),
    });
    this.connection = new TerminalConnection({
      session: options.session,
      name,
      client: options.client(),
      mode: options.mode?.() ?? "write",
      cwd,
      endpoint: options.endpoint,
      environment: options.environment,
      sink: this.screen,
      notices: { title: (title) => this.title.set(title), notice: options.notice, mode: (mode) => this.screen.setViewOnly(mode === "view") },
    });
  }

  /** Shows the terminal in an element until the returned function is called. What nobody sees is not sent. */
  show(host: HTMLElement): () => void {
    const look = () => this.connection.setVisible(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", look);
    look();
    const unmount = this.screen.mount(host);
    return () => {
      document.removeEventListener("visibilitychange", look);
      this.connection.setVisible(false);
      unmount();
    };
  }

  /** Connects as soon as the size is known; anew after the program's end. */
  #resized(cols: number, rows: number): void {
    if (this.#started) {
      this.connection.resize(cols, rows);
    } else {
      this.#started = true;
      this.connection.start(cols, rows);
    }
  }

  /**
   * Connects anew after the end. The server keeps a program that has ended, and shows it as it is, until its
   * terminal is closed; where the whole environment ended there is nothing to close.
   */
  restart(): Promise<void> {
    this.#restarting ??= this.#restart().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async #restart(): Promise<void> {
    const state = this.connection.state.get();
    if (state.kind === "ended" && state.exit) await this.#closeOnServer();
    this.reconnect();
  }

  /** Connects to what runs under this name now. */
  reconnect(): void {
    const { cols, rows } = this.connection.size;
    this.connection.start(cols, rows);
  }

  dispose(): void {
    this.connection.stop();
    this.screen.dispose();
  }
}

function placesOf(files: NonNullable<TerminalsOptions["files"]>, where: () => string): PlaceHandlers {
  return {
    resolve: (path) => resolvePlace(path, where(), (each) => files.isFile(each)),
    open: (path, line, column) => files.open(path, column === undefined ? { line } : { line, column }),
  };
}

/** Closes a terminal, if the server has it: it may have gone with its environment. */
async function forgetOnServer(options: TerminalsOptions, name: string): Promise<void> {
  try {
    // Asked first: a browser notes each answer that is an error.
    const list = await options.list();
    if (list.some((info) => info.name === name || info.former_names.includes(name))) await options.closeOnServer(name);
  } catch (error) {
    if (!(error instanceof Problem && (error.status === 404 || error.status === 503))) throw error;
  }
}

/** The name of the tab that shows a terminal: its own, or one that it had when the tab was opened. */
function tabNameOf(info: TerminalInfo, list: readonly TerminalInfo[], tabs: readonly TerminalTab[]): string {
  if (tabs.some(({ name }) => name === info.name)) return info.name;
  return tabs.find(({ name }) => info.former_names.includes(name) && !list.some((other) => other.name === name))?.name ?? info.name;
}

/** Notes that the bells of some terminals have been heard. */
function hear(heard: ReadonlyMap<string, number>, infos: ReadonlyMap<string, TerminalInfo>, names: readonly (string | undefined)[]): ReadonlyMap<string, number> {
  const next = new Map(heard);
  for (const name of names) if (name !== undefined) next.set(name, infos.get(name)?.bells ?? 0);
  return next;
}

export interface TerminalsState {
  readonly tabs: readonly TerminalTab[];
  readonly active: TerminalTab | null;
  /** What the server says of those that it runs, by the name that their tab has, which may be a former one. */
  readonly infos: ReadonlyMap<string, TerminalInfo>;
  /** By name: how often the bell had rung when the terminal was last in front. */
  readonly heard: ReadonlyMap<string, number>;
  /** Those that stand side by side; some of their names may have no tab. */
  readonly groups: Groups;
}

const groupsSchema = z.array(z.array(z.string()));

/** Which terminals stand side by side, and which one is in front. */
export const terminalArrangementSchema = z.object({ groups: groupsSchema, active: z.string() });
export type TerminalArrangement = z.infer<typeof terminalArrangementSchema>;

/** The tabs that are in sight: the one in front, and those beside it. */
export function shownOf({ tabs, active, groups }: TerminalsState): readonly TerminalTab[] {
  if (!active) return [];
  const names = groupOf(groups, active.name);
  return names.flatMap((name) => tabs.filter((tab) => tab.name === name));
}

export class Terminals {
  readonly state: Store<TerminalsState>;
  readonly #options: TerminalsOptions;
  /** The one that comes to the front when it is listed, unless the user has chosen another one by then. */
  #awaited = "";
  /** Names that were closed here and that the server may still list for a moment. */
  readonly #closing = new Set<string>();

  constructor(options: TerminalsOptions) {
    this.#options = options;
    const groups = loadStored(this.#groupsKey, groupsSchema, []);
    this.state = new Store<TerminalsState>({ tabs: [], active: null, infos: new Map(), heard: new Map(), groups });
  }

  get #groupsKey(): string {
    return `terminal-groups:${this.#options.session}`;
  }

  #setGroups(groups: Groups): void {
    this.state.update((state) => ({ ...state, groups }));
    saveStored(this.#groupsKey, groups);
  }

  #make(name: string, cwd = ""): TerminalTab {
    return new TerminalTab(name, this.#options, () => this.state.get().infos.get(name)?.cwd ?? "", cwd);
  }

  arrangement(): TerminalArrangement {
    const { groups, active } = this.state.get();
    return { groups: groups.map((names) => [...names]), active: this.#awaited || (active?.name ?? "") };
  }

  /** Shows the terminals as on another screen; the one in front as soon as it is listed. */
  arrange({ groups, active }: TerminalArrangement): void {
    this.#setGroups(groups);
    const tab = this.state.get().tabs.find(({ name }) => name === active);
    if (tab) this.activate(tab);
    else this.#awaited = active;
  }

  /** Opens a new terminal at the right of a tab, where that is at this moment. */
  async split(tab: TerminalTab): Promise<TerminalTab> {
    this.activate(tab);
    const made = await this.add();
    this.join(tab, made);
    return made;
  }

  get canSplit(): boolean {
    return shownOf(this.state.get()).length < mostBeside;
  }

  /** Puts `other` at the right of `tab`. */
  join(tab: TerminalTab, other: TerminalTab): void {
    this.#setGroups(beside(this.state.get().groups, tab.name, other.name));
    this.activate(other);
  }

  /** Shows a tab alone. */
  unjoin(tab: TerminalTab): void {
    this.#setGroups(apart(this.state.get().groups, tab.name));
    this.activate(tab);
  }

  /** The tab so many places to the right of the one in front, among those in sight; the last is before the first. */
  neighbour(by: number): TerminalTab | null {
    const shown = shownOf(this.state.get());
    const at = shown.findIndex((tab) => tab === this.state.get().active);
    return shown.length < 2 ? null : (shown[(at + by + shown.length) % shown.length] ?? null);
  }

  /** Shows a terminal; it is created on the server when it does not run there, where the one in front is. */
  open(wanted?: string): TerminalTab {
    const name = wanted ?? this.#freeName();
    const existing = this.state.get().tabs.find((tab) => tab.name === name);
    if (existing) {
      this.activate(existing);
      return existing;
    }
    this.#closing.delete(name);
    // A new one may have the name of one that is remembered to have stood beside others.
    if (wanted === undefined) this.#setGroups(apart(this.state.get().groups, name));
    const { active, infos } = this.state.get();
    const tab = this.#make(name, infos.get(active?.name ?? "")?.cwd ?? "");
    this.#awaited = "";
    this.state.update((state) => ({ ...state, tabs: [...state.tabs, tab], active: tab }));
    return tab;
  }

  /** Opens a new terminal where the one in front is at this moment. */
  async add(): Promise<TerminalTab> {
    if (this.state.get().active) {
      try {
        this.listed(await this.#options.list());
      } catch {
        // Where it is, is as last told: the new one may begin elsewhere.
      }
    }
    return this.open();
  }

  async rename(tab: TerminalTab, name: string): Promise<void> {
    this.listed(await this.#options.update(tab.name, { name }));
  }

  /** Moves a tab by so many places, for all who see it. */
  async move(tab: TerminalTab, by: number): Promise<void> {
    const { tabs } = this.state.get();
    const position = tabs.indexOf(tab) + by;
    if (position < 0 || position >= tabs.length) return;
    this.listed(await this.#options.update(tab.name, { position }));
  }

  activate(tab: TerminalTab): void {
    this.#awaited = "";
    this.state.update((state) => ({ ...state, active: tab, heard: hear(state.heard, state.infos, [state.active?.name, tab.name]) }));
  }

  /** Ends the program and takes the tab away. */
  async close(tab: TerminalTab): Promise<void> {
    this.#closing.add(tab.name);
    const next = this.neighbour(-1);
    this.state.update((state) => {
      const index = state.tabs.indexOf(tab);
      const rest = state.tabs.filter((each) => each !== tab);
      return { ...state, tabs: rest, active: state.active === tab ? (next ?? rest[Math.min(index, rest.length - 1)] ?? null) : state.active };
    });
    this.#setGroups(apart(this.state.get().groups, tab.name));
    const told = tab.connection.close();
    tab.dispose();
    if (!told) await forgetOnServer(this.#options, tab.name);
  }

  /** What the server lists: terminals that run and are not shown get a tab. */
  listed(list: readonly TerminalInfo[]): void {
    const known = this.state.get().tabs;
    const infos = new Map(list.map((info) => [tabNameOf(info, list, known), info]));
    for (const name of [...this.#closing]) if (!infos.has(name)) this.#closing.delete(name);
    const { tabs } = this.state.get();
    const missing = [...infos].filter(([name, { running }]) => running && !this.#closing.has(name) && !tabs.some((tab) => tab.name === name));
    const place = new Map([...infos.keys()].map((name, index) => [name, index]));
    this.state.update((state) => {
      const all = [...state.tabs, ...missing.map(([name]) => this.#make(name))];
      // The server's order; those that it does not know yet come last.
      all.sort((a, b) => (place.get(a.name) ?? place.size) - (place.get(b.name) ?? place.size));
      const active = state.active ?? all[0] ?? null;
      // What rang before this page looked at the list is old news.
      const names = [active?.name, ...[...infos.keys()].filter((name) => !state.heard.has(name))];
      return { ...state, infos, tabs: all, active, heard: hear(state.heard, infos, names) };
    });
    const awaited = this.state.get().tabs.find(({ name }) => name === this.#awaited);
    if (awaited) this.activate(awaited);
  }

  dispose(): void {
    for (const tab of this.state.get().tabs) tab.dispose();
    this.state.update((state) => ({ ...state, tabs: [], active: null, infos: new Map(), heard: new Map() }));
  }

  #freeName(): string {
    const { tabs, infos } = this.state.get();
    for (let number = 1; ; number++) {
      const name = String(number);
      if (!infos.has(name) && ![...infos.values()].some((info) => info.name === name) && !tabs.some((tab) => tab.name === name)) return name;
    }
  }
}
