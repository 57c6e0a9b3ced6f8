/** The session's files as the page knows them: listed once, then kept by the event stream. */
import { z } from "zod";
import type { API } from "@/lib/api";
import { isWithin, movedPath, parentOf } from "@/lib/paths";
import { errorText } from "@/lib/problem";
import type { Change, Item } from "@/lib/schemas";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { followed, freePath, nothing, only, outermost, type Selection } from "./selection";
import { applyChanges, treeOf, withItem, type Tree } from "./tree";

export interface FilesState {
  readonly status: "loading" | "ready" | "failed";
  readonly tree: Tree;
  readonly error: string;
}

export type FilesAPI = Pick<API, "files" | "write" | "remove" | "restore" | "createFolder" | "move" | "copy">;

/** What was cut or copied. */
export interface Clipboard {
  readonly paths: readonly string[];
  readonly cut: boolean;
}

export class FileStore {
  readonly state = new Store<FilesState>({ status: "loading", tree: new Map(), error: "" });
  /** Paths of the folders that are open. */
  readonly expanded: Store<ReadonlySet<string>>;
  readonly selection = new Store<Selection>(nothing);
  readonly clipboard = new Store<Clipboard | null>(null);
  readonly #session: string;
  readonly #api: FilesAPI;
  #revision: number | undefined;
  /** Set while the list is on its way: the events that came meanwhile. */
  #held: { revision: number; changes: readonly Change[] }[] | undefined;
  #loading: Promise<void> | undefined;
  #reload = false;

  constructor(session: string, api: FilesAPI) {
    this.#session = session;
    this.#api = api;
    const key = `files:${session}`;
    const stored = typeof window === "undefined" ? [] : loadStored(key, z.array(z.string()), []);
    this.expanded = new Store<ReadonlySet<string>>(new Set(stored));
    this.expanded.subscribe(() => saveStored(key, [...this.expanded.get()]));
  }

  /** The workspace revision that the tree shows; undefined before the first list. */
  get revision(): number | undefined {
    return this.#revision;
  }

  /** Lists everything anew. A call during a list makes another one follow it. */
  load(): Promise<void> {
    if (this.#loading) {
      this.#reload = true;
      return this.#loading;
    }
    this.#loading = this.#list().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #list(): Promise<void> {
    do {
      this.#reload = false;
      this.#held ??= [];
      try {
        const { items, revision } = await this.#api.files(this.#session);
        this.#revision = revision >= 0 ? revision : Math.max(0, ...items.map((item) => item.revision));
        this.state.set({ status: "ready", tree: treeOf(items), error: "" });
        const held = this.#held;
        this.#held = undefined;
        for (const event of held) this.changed(event.revision, event.changes);
      } catch (error) {
        this.#held = undefined;
        this.state.update((state) => ({ ...state, status: "failed", error: errorText(error) }));
        return;
      }
    } while (this.#needsAnother());
  }

  #needsAnother(): boolean {
    return this.#reload;
  }

  /** Takes what the event stream said. */
  changed(revision: number, changes: readonly Change[]): void {
    if (this.#held) {
      this.#held.push({ revision, changes });
      return;
    }
    // What is not saved changes without a revision of its own, so an equal one is applied too.
    if (this.#revision === undefined || revision < this.#revision) return;
    this.#revision = revision;
    if (changes.length === 0) return;
    this.state.update((state) => ({ ...state, tree: applyChanges(state.tree, changes) }));
    for (const change of changes) {
      if (change.op === "move" && change.from !== undefined) this.#followMove(change.from, change.path);
    }
  }

  /** Shows an item that an answer of the API told of, before its event comes. */
  show(item: Item): void {
    this.state.update((state) => ({ ...state, tree: withItem(state.tree, item) }));
  }

  toggle(path: string, open?: boolean): void {
    this.expanded.update((expanded) => {
      const next = new Set(expanded);
      if (open ?? !next.has(path)) next.add(path);
      else next.delete(path);
      return next;
    });
  }

  collapseAll(): void {
    this.expanded.set(new Set());
  }

  /** Opens the folders above a path, and selects it. */
  reveal(path: string): void {
    const above: string[] = [];
    for (let parent = parentOf(path); parent !== ""; parent = parentOf(parent)) above.push(parent);
    if (above.some((parent) => !this.expanded.get().has(parent))) {
      this.expanded.update((expanded) => new Set([...expanded, ...above]));
    }
    this.selection.set(only(path));
  }

  /** What an action is about: all that is selected, folders for what is in them. */
  chosen(): string[] {
    const { tree } = this.state.get();
    return outermost(this.selection.get().paths, (path) => tree.has(path));
  }

  async createFile(path: string): Promise<Item> {
    const item = await this.#api.write(this.#session, path, { content: "", base_revision: 0 });
    this.show(item);
    this.reveal(item.path);
    return item;
  }

  async createFolder(path: string): Promise<void> {
    const item = await this.#api.createFolder(this.#session, path);
    this.show(item);
    this.reveal(item.path);
  }

  /** Copies to a path that is free; how much of it was left out, since it is not saved. */
  async copy(from: string, to: string): Promise<number> {
    const { file, left } = await this.#api.copy(this.#session, from, to);
    this.show(file);
    return left;
  }

  /** A path for a copy in a folder, where nothing is. */
  freePath(folder: string, name: string): string {
    const { tree } = this.state.get();
    return freePath(folder, name, (path) => tree.has(path));
  }

  async move(from: string, to: string): Promise<void> {
    const item = await this.#api.move(this.#session, from, to);
    const change: Change = { ...item, op: "move", from, source: "api" };
    this.state.update((state) => ({ ...state, tree: applyChanges(state.tree, [change]) }));
    this.#followMove(from, to);
  }

  /** Deletes; the returned function undoes it. */
  async remove(path: string): Promise<() => Promise<void>> {
    const item = this.state.get().tree.get(path);
    const revision = await this.#api.remove(this.#session, path);
    if (item) {
      const change: Change = { ...item, op: "delete", source: "api" };
      this.state.update((state) => ({ ...state, tree: applyChanges(state.tree, [change]) }));
    }
    return async () => {
      const { left } = await this.#api.restore(this.#session, { path, revision: revision - 1 });
      if (left[0]) throw new Error(`${left[0].path}: ${left[0].reason}`);
    };
  }

  #followMove(from: string, to: string): void {
    this.selection.update((selection) => followed(selection, from, to));
    if ([...this.expanded.get()].some((path) => isWithin(path, from))) {
      this.expanded.update((expanded) => new Set([...expanded].map((path) => movedPath(path, from, to))));
    }
  }
}
