/**
 * What the page can do, by name: each thing is registered once, and reached by its keys and from the command palette.
 * One listener takes the keys before any widget does; what no command wants goes on its way untouched.
 */
import * as z from "zod/mini";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { matches, onApple, type KeyPress } from "./keys";

export interface Command {
  /** "area.verb", for ever the same: it is what the browser remembers. */
  readonly id: string;
  /** "Area: What it does", as the palette shows it. */
  readonly title: string;
  /** As keys.ts reads them; the first is the one that is shown. */
  readonly keys?: readonly string[];
  /** Those of the keys that are taken inside a terminal too, where all others belong to its program. */
  readonly inTerminal?: readonly string[];
  /** Whether it can be done now. Absent: always. */
  readonly when?: () => boolean;
  /** Known by its keys alone: the palette does not list it. */
  readonly hidden?: boolean;
  readonly run: () => void;
}

/** Where a key was pressed. */
export interface KeyPlace {
  readonly terminal: boolean;
  /** A dialog is open, which has the keys to itself. */
  readonly modal: boolean;
}

/** How many of the last commands are remembered. */
const remembered = 30;
const key = "commands:recent";

export class Commands {
  /** IDs, the last one first. */
  readonly recent: Store<readonly string[]>;
  readonly apple: boolean;
  readonly #commands = new Map<string, Command>();
  readonly #sources = new Set<() => readonly Command[]>();

  constructor(apple = onApple()) {
    this.apple = apple;
    this.recent = new Store<readonly string[]>(typeof window === "undefined" ? [] : loadStored(key, z.array(z.string()), []));
  }

  /** Adds commands until the returned function is called. Throws on an ID that is taken, which is a mistake in the page. */
  register(...commands: readonly Command[]): () => void {
    for (const command of commands) {
      if (this.#commands.has(command.id)) throw new Error(`command ${command.id} is registered twice`);
      this.#commands.set(command.id, command);
    }
    return () => {
      for (const command of commands) if (this.#commands.get(command.id) === command) this.#commands.delete(command.id);
    };
  }

  /** Adds what another part of the page can do at the moment when it is asked: listed, but without keys. */
  registerSource(source: () => readonly Command[]): () => void {
    this.#sources.add(source);
    return () => this.#sources.delete(source);
  }

  /** What can be done now: the last ones first, the others by title. */
  available(): Command[] {
    const all = [...this.#commands.values(), ...[...this.#sources].flatMap((source) => source())];
    const order = new Map(this.recent.get().map((id, index) => [id, index]));
    const rank = (command: Command) => order.get(command.id) ?? Infinity;
    return all
      .filter((command) => command.hidden !== true && can(command))
      .sort((a, b) => (rank(a) === rank(b) ? a.title.localeCompare(b.title) : rank(a) - rank(b)));
  }

  /** Runs a command that was chosen by name, and remembers it. */
  choose(command: Command): void {
    this.recent.update((ids) => [command.id, ...ids.filter((id) => id !== command.id)].slice(0, remembered));
    if (typeof window !== "undefined") saveStored(key, this.recent.get());
    command.run();
  }

  /** The command that a key press means there, if there is one. */
  find(press: KeyPress, place: KeyPlace): Command | undefined {
    if (place.modal) return undefined;
    for (const command of this.#commands.values()) {
      const keys = place.terminal ? command.inTerminal : command.keys;
      if (keys?.some((binding) => matches(binding, press, this.apple)) === true && can(command)) return command;
    }
    return undefined;
  }

  /** Takes the keys of a window until the returned function is called. */
  listen(target: Window): () => void {
    const keyDown = (event: KeyboardEvent) => {
      // An input method has the key.
      if (event.isComposing || event.defaultPrevented) return;
      const element = event.target instanceof Element ? event.target : null;
      const dialog = target.document.querySelector("dialog:modal:not([data-takes-commands])");
      const command = this.find(event, { terminal: element?.closest(".xterm") != null, modal: dialog !== null });
      if (!command) return;
      event.preventDefault();
      event.stopPropagation();
      command.run();
    };
    target.addEventListener("keydown", keyDown, true);
    return () => target.removeEventListener("keydown", keyDown, true);
  }
}

function can(command: Command): boolean {
  return command.when === undefined || command.when();
}
