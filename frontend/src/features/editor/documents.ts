/** The open files of a session: the tabs, which one is shown, and what the event stream means for them. */
import { z } from "zod";
import { movedPath, isWithin } from "@/lib/paths";
import type { Change, ConflictEvent } from "@/lib/schemas";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { Document, type DocumentAPI, type DocumentOptions, type Place } from "./document";

export interface DocumentsState {
  readonly tabs: readonly Document[];
  readonly active: Document | null;
}

const storedSchema = z.object({ tabs: z.array(z.string()), active: z.string() });

/** What of the editor that is shown others may use. */
export interface EditorView {
  readonly document: Document;
  focus(): void;
  /** Of the cursor. */
  place(): { readonly line: number; readonly column: number };
  lines(): number;
  /** What is selected, if that is within one line; else "". */
  selected(): string;
  /** The editor's own commands that can be run now. */
  actions(): { readonly id: string; readonly label: string; readonly run: () => void }[];
}

export class Documents {
  readonly state = new Store<DocumentsState>({ tabs: [], active: null });
  readonly autosave: Store<boolean>;
  /** Changes with any tab's state: how many are not saved. */
  readonly unsaved = new Store<number>(0);
  /** Files of which the server keeps two versions that nobody has decided on, by their paths. */
  readonly conflicts = new Store<ReadonlyMap<string, ConflictEvent>>(new Map());
  /** The editor that is shown, while there is one. */
  view: EditorView | null = null;
  readonly #session: string;
  readonly #api: DocumentAPI;
  readonly #createBuffer: DocumentOptions["createBuffer"];
  readonly #watching = new Map<Document, () => void>();
  #nextID = 1;

  constructor(session: string, api: DocumentAPI, createBuffer: DocumentOptions["createBuffer"]) {
    this.#session = session;
    this.#api = api;
    this.#createBuffer = createBuffer;
    this.autosave = new Store(typeof window === "undefined" ? true : loadStored("autosave", z.boolean(), true));
    this.autosave.subscribe(() => {
      saveStored("autosave", this.autosave.get());
      if (this.autosave.get()) void this.saveAll();
    });
  }

  /** The tabs of the last visit, or null at the first one. */
  remembered(): { tabs: string[]; active: string } | null {
    return loadStored(`tabs:${this.#session}`, storedSchema.nullable(), null);
  }

  find(path: string): Document | undefined {
    return this.state.get().tabs.find((tab) => tab.path === path);
  }

  open(path: string): Document {
    const existing = this.find(path);
    if (existing) {
      this.activate(existing);
      return existing;
    }
    const tab = new Document({
      id: this.#nextID++,
      session: this.#session,
      path,
      api: this.#api,
      createBuffer: this.#createBuffer,
      autosave: () => this.autosave.get(),
    });
    this.#watching.set(tab, tab.state.subscribe(() => this.#count()));
    void tab.load();
    this.#set({ tabs: [...this.state.get().tabs, tab], active: tab });
    return tab;
  }

  /** Opens a file, and has the editor go to a place in it and take the focus. */
  reveal(path: string, place: Place): Document {
    const tab = this.open(path);
    tab.place.set(place);
    return tab;
  }

  activate(tab: Document): void {
    this.#set({ tabs: this.state.get().tabs, active: tab });
  }

  /** Takes what the event stream said of a conflict. */
  conflict(event: ConflictEvent): void {
    this.conflicts.update((conflicts) => {
      const next = new Map(conflicts);
      if (event.resolved) next.delete(event.path);
      else next.set(event.path, event);
      return next;
    });
  }

  /** Closes without asking; the caller has asked. */
  close(tab: Document): void {
    const { tabs, active } = this.state.get();
    const index = tabs.indexOf(tab);
    if (index < 0) return;
    const rest = tabs.filter((each) => each !== tab);
    this.#set({ tabs: rest, active: active === tab ? (rest[Math.min(index, rest.length - 1)] ?? null) : active });
    this.#watching.get(tab)?.();
    this.#watching.delete(tab);
    tab.dispose();
    this.#count();
  }

  changed(changes: readonly Change[]): void {
    for (const change of changes) {
      for (const tab of this.state.get().tabs) {
        if (change.op === "move" && change.from !== undefined && isWithin(tab.path, change.from)) {
          this.moved(change.from, change.path);
        } else if (change.op === "delete" && isWithin(tab.path, change.path)) {
          if (change.revision === 0 || change.revision > tab.state.get().revision) tab.remoteDeleted();
        } else if (change.op !== "delete" && tab.path === change.path && change.type === "file") {
          void tab.remoteChanged(change.revision);
        }
      }
    }
  }

  moved(from: string, to: string): void {
    for (const tab of this.state.get().tabs) {
      if (isWithin(tab.path, from)) tab.moved(movedPath(tab.path, from, to));
    }
    this.#remember();
  }

  /** After a time without events: compares every open file with the tree. */
  reconcile(tree: ReadonlyMap<string, { revision: number }>): void {
    for (const tab of this.state.get().tabs) {
      const item = tree.get(tab.path);
      if (item) void tab.remoteChanged(item.revision);
      else if (tab.state.get().content.kind !== "loading" && !tab.state.get().deleted) tab.remoteDeleted();
    }
  }

  /** Saves what is edited. A file that was deleted is created again only when the user says so. */
  async saveAll(): Promise<void> {
    await Promise.all(this.state.get().tabs.filter((tab) => tab.dirty && !tab.state.get().deleted).map((tab) => tab.save()));
  }

  /** The user deleted a path here: the tabs go with it, but for those with edits. */
  removed(path: string): void {
    for (const tab of this.state.get().tabs) {
      if (!isWithin(tab.path, path)) continue;
      if (tab.dirty) tab.remoteDeleted();
      else this.close(tab);
    }
  }

  dispose(): void {
    for (const stop of this.#watching.values()) stop();
    for (const tab of this.state.get().tabs) tab.dispose();
  }

  #set(state: DocumentsState): void {
    this.state.set(state);
    this.#remember();
  }

  #remember(): void {
    if (typeof window === "undefined") return;
    const { tabs, active } = this.state.get();
    saveStored(`tabs:${this.#session}`, { tabs: tabs.map((tab) => tab.path), active: active?.path ?? "" });
  }

  #count(): void {
    this.unsaved.set(this.state.get().tabs.filter((tab) => tab.dirty).length);
  }
}
