/** The session's files as the page knows them: listed once, then kept by the event stream. */
import * as z from "zod/mini";
import type { API } from "@/lib/api";
import { isWithin, joinPath, movedPath, parentOf } from "@/lib/paths";
import { errorText } from "@/lib/problem";
import type { Change, Item } from "@/lib/schemas";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { followed, nothing, only, pruned, type Selection } from "./selection";
import { Tree, treeOf } from "./tree";

export interface FilesState {
  readonly status: "loading" | "ready" | "failed";
  readonly tree: Tree;
  readonly error: string;
}

export interface Clipboard {
  readonly paths: readonly string[];
  readonly cut: boolean;
}

export type FilesAPI = Pick<API, "files" | "write" | "remove" | "restore" | "createFolder" | "move" | "copy">;

export class FileStore {
  readonly state = new Store<FilesState>({ status: "loading", tree: new Tree(), error: "" });
  /** Paths of the folders that are open. */
  readonly expanded: Store<ReadonlySet<string>>;
  readonly selection = new Store<Selection>(nothing);
  /** What the tree is filtered by; null: there is no filter. */
  readonly filter = new Store<string | null>(null);
  /** Whether the file that is opened is brought into sight. */
  readonly follow: Store<boolean>;
  /** Paths that a paste will move or copy. */
  readonly clipboard = new Store<Clipboard | null>(null);
  /** Brings back what was deleted last; null: nothing was, or it is back. */
  readonly undo = new Store<(() => void) | null>(null);
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
    this.follow = new Store(typeof window === "undefined" ? true : loadStored("files:follow", z.boolean(), true));
    this.follow.subscribe(() => saveStored("files:follow", this.follow.get()));
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
        this.#prune();
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
    this.#apply(changes);
  }

  #apply(changes: readonly Change[]): void {
    this.state.update((state) => ({ ...state, tree: state.tree.with(changes) }));
    for (const change of changes) {
      if (change.op === "move" && change.from !== undefined) this.#followMove(change.from, change.path);
    }
    if (changes.some(({ op }) => op === "delete")) this.#prune();
  }

  /** Nothing is selected that is not there. */
  #prune(): void {
    const { tree } = this.state.get();
    this.selection.update((selection) => pruned(selection, (path) => tree.has(path)));
  }

  /** Shows an item that an answer of the API told of, before its event comes. */
  show(...items: readonly Item[]): void {
    this.state.update((state) => ({ ...state, tree: state.tree.withItems(items) }));
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

  /** Moves, and tells what the path is from now on. */
  async move(from: string, to: string): Promise<void> {
    const item = await this.#api.move(this.#session, from, to);
    this.#apply([{ ...item, op: "move", from, source: "api" }]);
  }

  /** Copies a file, or a folder with all that is saved in it. How much of it was not saved, and so left out. */
  async copy(from: string, to: string): Promise<number> {
    const { item, left } = await this.#api.copy(this.#session, from, to);
    // What is in a copied folder comes by its events; until then it is shown as it was.
    const { tree } = this.state.get();
    const inner = item.type === "folder" ? tree.below(from).filter(({ saved }) => saved) : [];
    this.show(item, ...inner.map((each) => ({ ...each, path: joinPath(to, each.path.slice(from.length + 1)) })));
    return left;
  }

  /** Deletes; the returned function undoes it. */
  async remove(path: string): Promise<() => Promise<void>> {
    const item = this.state.get().tree.get(path);
    const revision = await this.#api.remove(this.#session, path);
    if (item) this.#apply([{ ...item, op: "delete", source: "api" }]);
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
