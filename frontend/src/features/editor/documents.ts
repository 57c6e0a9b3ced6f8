/** The open files of a session: the tabs, which one is shown, and what the event stream means for them. */
import * as z from "zod/mini";
import { movedPath, isWithin } from "@/lib/paths";
import type { Change, ConflictEvent } from "@/lib/schemas";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";
import { Document, type DocumentAPI, type DocumentOptions } from "./document";
import type { Place } from "./text-buffer";
import type { DraftStore } from "./drafts";
import { emptyGroup, keepTab, moveTab, pinTab, removeTab, several, showTab, type Group, type Several } from "./groups";

export type TabGroup = Group<Document>;

export interface DocumentsState {
  /** All open files. */
  readonly tabs: readonly Document[];
  /** The one of the group that has the keys. */
  readonly active: Document | null;
  /** From left to right; never none. */
  readonly groups: readonly TabGroup[];
  /** The ID of the group that has the keys. */
  readonly group: number;
}

const groupSchema = z.object({ tabs: z.array(z.string()), active: z.string(), pinned: z._default(z.array(z.string()), []), preview: z._default(z.string(), "") });
const cursorSchema = z.object({ line: z.number(), column: z.number() });

/** The open files of a visit by their paths, and where the cursor was in those that were shown. */
export const arrangementSchema = z.object({
  groups: z.array(groupSchema).check(z.minLength(1)),
  /** The place of the group that has the keys. */
  group: z._default(z.number(), 0),
  cursors: z._default(z.record(z.string(), cursorSchema), {}),
});
export type Arrangement = z.infer<typeof arrangementSchema>;

/** How many groups are beside each other at most, and how many closed tabs can be opened again. */
export const mostGroups = 3;
const mostClosed = 30;

export interface OpenOptions {
  /** Only looked at: the next that is takes its place. */
  readonly preview?: boolean;
  /** In the group beside the one that has this file; the keys stay where they are. */
  readonly beside?: string;
}

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
  readonly state: Store<DocumentsState>;
  readonly autosave: Store<boolean>;
  /** Changes with any tab's state: how many are not saved. */
  readonly unsaved = new Store<number>(0);
  /** Files of which the server keeps two versions that nobody has decided on, by their paths. */
  readonly conflicts = new Store<ReadonlyMap<string, ConflictEvent>>(new Map());
  readonly #session: string;
  readonly #api: DocumentAPI;
  readonly #createBuffer: DocumentOptions["createBuffer"];
  readonly #drafts: DraftStore | undefined;
  readonly #watching = new Map<Document, () => void>();
  readonly #views = new Map<number, EditorView>();
  /** Paths of closed tabs, the last one at the end. */
  readonly #closed: string[] = [];
  #nextID = 1;
  #nextGroup = 2;

  constructor(session: string, api: DocumentAPI, createBuffer: DocumentOptions["createBuffer"], drafts?: DraftStore) {
    this.#session = session;
    this.#api = api;
    this.#createBuffer = createBuffer;
    this.#drafts = drafts;
    this.state = new Store<DocumentsState>({ tabs: [], active: null, groups: [emptyGroup(1)], group: 1 });
    this.autosave = new Store(typeof window === "undefined" ? true : loadStored("autosave", z.boolean(), true));
    this.autosave.subscribe(() => {
      saveStored("autosave", this.autosave.get());
      if (this.autosave.get()) void this.saveAll();
    });
  }

  /** The editor that has the keys, while there is one. */
  get view(): EditorView | null {
    return this.#views.get(this.state.get().group) ?? null;
  }

  setView(group: number, view: EditorView | null): void {
    if (view) this.#views.set(group, view);
    else this.#views.delete(group);
  }

  /** What this browser had open at the last visit; null at the first one. */
  remembered(): Arrangement | null {
    return loadStored(`tabs:${this.#session}`, z.nullable(arrangementSchema), null);
  }

  /** What is open now. */
  arrangement(): Arrangement {
    const { tabs, groups, group } = this.state.get();
    return {
      groups: groups.map(({ tabs: all, active, pinned, preview }) => ({
        tabs: all.map((tab) => tab.path), active: active?.path ?? "", pinned: [...pinned].map((tab) => tab.path), preview: preview?.path ?? "",
      })),
      group: groups.findIndex(({ id }) => id === group),
      cursors: Object.fromEntries(tabs.flatMap(({ path, cursor }) => (cursor ? [[path, cursor]] : []))),
    };
  }

  /** Has the tabs of another visit, as far as their files exist, and no others but those with edits. */
  restore({ groups, group, cursors }: Arrangement, exists: (path: string) => boolean): void {
    const before = this.state.get().tabs;
    const restored = groups.slice(0, mostGroups).map(({ tabs, active, pinned, preview }, index): TabGroup => {
      const paths = tabs.filter(exists);
      const byPath = new Map(paths.map((path) => [path, this.find(path) ?? this.#make(path)]));
      const shown = byPath.get(active) ?? [...byPath.values()].at(-1) ?? null;
      return {
        id: index === 0 ? 1 : this.#nextGroup++,
        tabs: [...byPath.values()], active: shown, preview: byPath.get(preview) ?? null,
        pinned: new Set(pinned.map((path) => byPath.get(path)).filter((tab) => tab !== undefined)),
      };
    });
    const open = new Set(restored.flatMap(({ tabs }) => tabs));
    const edited = before.filter((tab) => tab.dirty && !open.has(tab));
    const wanted = restored[group]?.id;
    const filled = restored.filter(({ tabs }) => tabs.length > 0);
    const [first = emptyGroup<Document>(1), ...others] = filled;
    const all = [{ ...first, tabs: [...first.tabs, ...edited], active: first.active ?? edited[0] ?? null }, ...others];
    for (const tab of open) tab.cursor ??= cursors[tab.path] ?? null;
    this.#set(all, (all.find(({ id }) => id === wanted) ?? all[0])?.id ?? 1);
    for (const tab of before) this.#release(tab);
  }

  find(path: string): Document | undefined {
    return [...this.#watching.keys()].find((tab) => tab.path === path);
  }

  open(path: string, { preview = false, beside }: OpenOptions = {}): Document {
    const tab = this.find(path) ?? this.#make(path);
    const { groups, group: focused } = this.state.get();
    let target = this.#group();
    let all = groups;
    if (beside !== undefined) {
      const of = this.#holder(beside) ?? target;
      const at = groups.findIndex(({ id }) => id === of.id);
      const next = groups[at + 1] ?? (groups.length > 1 ? groups[at - 1] : undefined);
      target = next ?? emptyGroup(this.#nextGroup++);
      if (!next) all = [...groups, target];
    }
    const { group, replaced } = showTab(target, tab, preview);
    this.#set(all.map((each) => (each.id === group.id ? group : each)), beside === undefined ? group.id : focused);
    if (replaced) this.#release(replaced);
    return tab;
  }

  #make(path: string): Document {
    const tab = new Document({
      id: this.#nextID++,
      session: this.#session,
      path,
      api: this.#api,
      createBuffer: this.#createBuffer,
      autosave: () => this.autosave.get(),
      ...(this.#drafts ? { drafts: this.#drafts } : {}),
    });
    this.#watching.set(
      tab,
      tab.state.subscribe(() => {
        // Who edits a file means to keep it.
        if (tab.dirty) this.keep(tab);
        this.#count();
      }),
    );
    void tab.load();
    return tab;
  }

  /** Opens a file, and has the editor go to a place in it and take the focus. */
  reveal(path: string, place: Place): Document {
    const tab = this.open(path);
    tab.viewIn(this.state.get().group).set("source");
    tab.place.set(place);
    return tab;
  }

  /** Shows an open file, in the group that has the keys when it is there. */
  activate(tab: Document, id?: number): void {
    const { groups } = this.state.get();
    const holders = groups.filter(({ tabs }) => tabs.includes(tab));
    const holder = holders.find((each) => each.id === (id ?? this.state.get().group)) ?? holders[0];
    if (holder) this.#set(groups.map((each) => (each === holder ? { ...each, active: tab } : each)), holder.id);
  }

  /** A tab that was only looked at stays. */
  keep(tab: Document): void {
    this.#change((group) => keepTab(group, tab));
  }

  pin(tab: Document, id: number, on: boolean): void {
    this.#change((group) => (group.id === id ? pinTab(keepTab(group, tab), tab, on) : group));
  }

  /** Moves a tab to a place in a group, which may be another one. */
  move(tab: Document, from: number, to: number, place: number): void {
    const { groups } = this.state.get();
    if (from === to) {
      this.#change((group) => (group.id === to ? moveTab(group, tab, place) : group));
      return;
    }
    const moved = groups.map((group) => {
      if (group.id === from) return removeTab(group, tab);
      return group.id === to ? moveTab(showTab(group, tab, false).group, tab, place) : group;
    });
    this.#set(moved.filter(({ tabs, id }) => tabs.length > 0 || id === to), to);
  }

  /** Shows the file in a group beside this one too. */
  split(): void {
    const { groups, group: focused, active } = this.state.get();
    if (!active || groups.length >= mostGroups) return;
    const at = groups.findIndex(({ id }) => id === focused);
    const made = showTab(emptyGroup<Document>(this.#nextGroup++), active, false).group;
    this.#set([...groups.slice(0, at + 1), made, ...groups.slice(at + 1)], made.id);
  }

  focusGroup(id: number): void {
    if (id !== this.state.get().group) this.#set(this.state.get().groups, id);
  }

  /** The tabs that closing several would close. */
  several(tab: Document, id: number, which: Several): Document[] {
    const group = this.state.get().groups.find((each) => each.id === id);
    return group ? several(group, tab, which, (each) => !each.dirty) : [];
  }

  /** Whether closing a tab would lose what is not saved: it is, and is shown nowhere else. */
  wouldLose(tab: Document, id: number): boolean {
    return tab.dirty && !this.state.get().groups.some((group) => group.id !== id && group.tabs.includes(tab));
  }

  /** Opens the tab that was closed last. */
  reopen(): void {
    const path = this.#closed.pop();
    if (path !== undefined) this.open(path);
  }

  get canReopen(): boolean {
    return this.#closed.length > 0;
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

  /** Closes without asking, in one group or in all; the caller has asked. */
  close(tab: Document, id?: number): void {
    const { groups, group: focused } = this.state.get();
    if (!this.#watching.has(tab)) return;
    const closed = groups.map((group) => (id === undefined || group.id === id ? removeTab(group, tab) : group));
    const at = groups.findIndex((group) => group.id === focused);
    // A group goes with its last tab, but for the last group.
    const kept = closed.filter((group, index) => group.tabs.length > 0 || groups[index]?.tabs.length === 0);
    const all = kept.length > 0 ? kept : closed.slice(0, 1);
    const next = all.find((group) => group.id === focused) ?? all[Math.min(at, all.length - 1)];
    this.#closed.push(tab.path);
    if (this.#closed.length > mostClosed) this.#closed.shift();
    this.#set(all, next?.id ?? 1);
    this.#release(tab);
  }

  /** Frees a document that no group shows any more. */
  #release(tab: Document): void {
    if (this.state.get().tabs.includes(tab)) return;
    this.#watching.get(tab)?.();
    this.#watching.delete(tab);
    if (tab.dirty) tab.discard();
    tab.dispose();
    this.#count();
  }

  /** The server is there again. */
  retry(): void {
    for (const tab of this.state.get().tabs) tab.retry();
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

  #group(): TabGroup {
    const { groups, group } = this.state.get();
    return groups.find(({ id }) => id === group) ?? groups[0] ?? emptyGroup(1);
  }

  /** The group that has a file; of several, the one that has the keys. */
  #holder(path: string): TabGroup | undefined {
    const { groups, group } = this.state.get();
    const holders = groups.filter(({ tabs }) => tabs.some((tab) => tab.path === path));
    return holders.find(({ id }) => id === group) ?? holders[0];
  }

  #change(change: (group: TabGroup) => TabGroup): void {
    const { groups, group } = this.state.get();
    const changed = groups.map(change);
    if (changed.some((each, index) => each !== groups[index])) this.#set(changed, group);
  }

  #set(groups: readonly TabGroup[], group: number): void {
    const tabs = [...new Set(groups.flatMap((each) => each.tabs))];
    const active = groups.find(({ id }) => id === group)?.active ?? null;
    this.state.set({ tabs, active, groups, group });
    this.#remember();
  }

  #remember(): void {
    if (typeof window !== "undefined") saveStored(`tabs:${this.#session}`, this.arrangement());
  }

  #count(): void {
    this.unsaved.set(this.state.get().tabs.filter((tab) => tab.dirty).length);
  }
}
