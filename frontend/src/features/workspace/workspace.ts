/** One open session: its files, open documents, terminals and events, wired to each other. */
import { Commands } from "@/features/commands/commands";
import type { Document } from "@/features/editor/document";
import type { Place } from "@/features/editor/text-buffer";
import { Documents, type Arrangement } from "@/features/editor/documents";
import { Drafts } from "@/features/editor/drafts";
import { createMonacoBuffer, loadMonaco } from "@/features/editor/monaco";
import { retryLoads } from "@/features/editor/persist";
import { FileStore } from "@/features/files/file-store";
import { Uploads } from "@/features/files/uploads";
import { History } from "@/features/history/history";
import { FileIndex } from "@/features/quick/offers";
import { RecentFiles } from "@/features/quick/recent-files";
import { Runner } from "@/features/run/runner";
import { Search } from "@/features/search/search";
import { news } from "@/features/session/account";
import { Terminals, type TerminalsOptions } from "@/features/terminal/terminals";
import { goToSignIn } from "@/features/session/sign-out";
import { rightsOf } from "@/features/sharing/rights";
import { ahead } from "@/lib/ahead";
import { api } from "@/lib/api";
import { webSocketURL } from "@/lib/origin";
import { errorText } from "@/lib/problem";
import type { Item, Phase, Sync, WorkspaceEvent } from "@/lib/schemas";
import { browserEnvironment } from "@/lib/socket";
import { changeSettings, settings } from "@/lib/settings";
import { splitSizes } from "@/lib/split-sizes";
import { Store } from "@/lib/store";
import { complain, inform } from "@/lib/toasts";
import { Access } from "./access";
import { EventStream } from "./events";
import { watchUse } from "./in-use";
import { Layout } from "./layout";
import { LayoutSync, panesOf, unsentMemory } from "./layout-sync";
import type { Target } from "./target";

export interface ComingStop {
  /** In milliseconds since 1970. */
  readonly at: number;
  readonly mayStay: boolean;
  readonly reason: string;
}

export interface PhaseState {
  readonly phase: Phase;
  readonly message: string;
  readonly reason: string;
  /** In the queue of sessions that wait for others to stop; 0: it does not wait. */
  readonly place: number;
}

/** A viewer's ID, by which the server counts its input: new for each page, since what was typed is not kept. */
function viewerID(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Workspace {
  readonly id: string;
  readonly commands = new Commands();
  readonly layout = new Layout();
  /** What the quick input was opened with; null: it is closed. */
  readonly quick = new Store<{ readonly text: string } | null>(null);
  readonly recent: RecentFiles;
  readonly index = new FileIndex();
  readonly access: Access;
  readonly session: Access["session"];
  readonly rights: Access["rights"];
  readonly phase = new Store<PhaseState | null>(null);
  /** The stop that is near, while one is. */
  readonly stopsAt = new Store<ComingStop | null>(null);
  readonly sync = new Store<Sync | null>(null);
  readonly viewers = new Store<number>(1);
  /** The name of who looks on, once for each window. */
  readonly people = new Store<readonly string[]>([]);
  readonly files: FileStore;
  readonly uploads: Uploads;
  readonly documents: Documents;
  readonly search: Search;
  readonly history: History;
  readonly terminals: Terminals;
  readonly runner: Runner;
  readonly events: EventStream;
  /** Carries the arrangement to other devices, and takes theirs. */
  readonly #layoutSync: LayoutSync;
  readonly #use = watchUse();
  readonly #target: Target | null;
  readonly #drafts: Drafts;
  #opened = false;
  /** What is arranged here is told to other devices. */
  #following = false;
  #stopNews: (() => void) | undefined;
  #stopSizes: (() => void) | undefined;
  /** The event stream was open before. */
  #connected = false;
  #left = false;

  constructor(id: string, createScreen: TerminalsOptions["createScreen"], target: Target | null = null) {
    this.id = id;
    this.#target = target;
    this.recent = new RecentFiles(id);
    const environment = browserEnvironment();
    this.access = new Access(id, environment);
    this.session = this.access.session;
    this.rights = this.access.rights;
    // Needed whatever the session's answer is, so it comes along with that. The files do not: not every guest may see them.
    const layout = ahead(() => api.layout(id));
    this.files = new FileStore(id, api);
    const shown = {
      get: (path: string) => this.files.state.get().tree.get(path),
      show: (...items: readonly Item[]) => this.files.show(...items),
      createFolder: (path: string) => this.files.createFolder(path),
    };
    this.uploads = new Uploads(id, api, shown, inform);
    this.#drafts = new Drafts(id, (error) => complain("This browser does not keep unsaved edits", error));
    this.documents = new Documents(id, api, createMonacoBuffer, this.#drafts);
    this.search = new Search({ session: id, api, save: () => this.#saveForSearch() });
    this.history = new History({ session: id, api });
    this.#layoutSync = new LayoutSync({
      memory: unsentMemory(id),
      read: layout,
      write: (fields) => api.changeLayout(id, fields),
      inUse: () => this.#use.inUse() || this.documents.unsaved.get() > 0,
      arrange: {
        panes: (panes) => this.layout.arrange(panes),
        sizes: (sizes) => splitSizes.set(sizes),
        terminals: (terminals) => this.terminals.arrange(terminals),
        files: (files) => this.documents.restore(files, this.#isFile),
      },
    });
    this.terminals = new Terminals({
      session: id,
      endpoint: webSocketURL,
      environment,
      client: viewerID,
      mode: () => (this.rights.get()?.type === false ? "view" : "write"),
      createScreen,
      files: { isFile: (path) => this.files.state.get().tree.get(path)?.type === "file", open: (path, place) => this.openAt(path, place) },
      list: () => api.terminals(id),
      update: (name, change) => api.updateTerminal(id, name, change),
      closeOnServer: (name) => api.closeTerminal(id, name),
      notice: inform,
    });
    this.runner = new Runner({
      session: id,
      terminals: this.terminals,
      list: () => api.terminals(id),
      exists: (path) => this.files.state.get().tree.has(path),
      figure: (path, by) => this.#figure(path, by),
    });
    this.events = new EventStream({
      session: id,
      endpoint: webSocketURL,
      environment,
      revision: () => this.files.revision,
      event: (event) => this.#event(event),
    });
  }

  /** Begins; the returned function ends it and frees everything. */
  open(): () => void {
    const stop = this.events.state.subscribe(() => {
      const state = this.events.state.get();
      if (state.kind === "open") this.#reopened();
      if (state.kind !== "closed") return;
      if (state.cause === "signed_out") goToSignIn();
      else if (state.cause === "forbidden") this.access.ended.set(state.reason || "access was revoked");
      else if (state.cause === "not_found") this.access.gone();
      else if (state.cause === "bad_request") complain(state.reason || "The session's address is wrong.");
    });
    const online = () => {
      retryLoads();
      this.documents.retry();
      void this.#layoutSync.flush();
    };
    window.addEventListener("online", online);
    // Cursors are told when the page is left, for another one or for good, and not with each key.
    const leave = () => {
      if (this.#following) this.#layoutSync.changed("files", this.documents.arrangement());
    };
    window.addEventListener("blur", leave);
    window.addEventListener("pagehide", leave);
    const unfollow = this.recent.follow(this.documents);
    const chosen = this.#followSettings();
    void this.#begin();
    return () => {
      this.#left = true;
      this.access.leave();
      stop();
      unfollow();
      chosen();
      this.#use.stop();
      void this.#layoutSync.flush();
      this.#layoutSync.dispose();
      window.removeEventListener("online", online);
      window.removeEventListener("blur", leave);
      window.removeEventListener("pagehide", leave);
      this.events.stop();
      this.uploads.cancel();
      this.search.dispose();
      this.history.dispose();
      this.runner.dispose();
      this.terminals.dispose();
      this.documents.dispose();
      this.#drafts.close();
    };
  }

  /** What the user may do decides what is opened. */
  async #begin(): Promise<void> {
    const session = await this.access.begin();
    if (!session || this.#left) return;
    const rights = rightsOf(session.access);
    this.phase.update((phase) => phase ?? { phase: session.phase, message: "", reason: session.reason, place: session.queue_place });
    // To open a terminal is to start the session; who may not do that is shown those that run.
    if (rights.change) this.terminals.open("1");
    if (rights.files) await this.#load();
    if (!this.#wasLeft()) this.events.start();
  }

  /** The server has a guest's sockets connect anew when what is shared has changed. */
  #reopened(): void {
    retryLoads();
    this.documents.retry();
    if (this.#connected && this.rights.get()?.owner === false) void this.access.recheck();
    this.#connected = true;
  }

  /** Asked after a wait, during which it may have changed. */
  #wasLeft(): boolean {
    return this.#left;
  }

  /** Lists the files, and opens the tabs of the last visit once. */
  async #load(): Promise<void> {
    await this.files.load();
    const { status, tree } = this.files.state.get();
    if (status !== "ready" || this.#left) return;
    this.documents.reconcile(tree);
    if (this.#opened) return;
    this.#opened = true;
    const remembered = (await this.#arrangement()) ?? this.documents.remembered();
    if (this.#wasLeft()) return;
    if (remembered) this.documents.restore(remembered, this.#isFile);
    const first = ["main.py", "main.js", "README.md"].find(this.#isFile);
    if (!this.documents.state.get().active && first !== undefined) this.documents.open(first);
    void this.#openDrafts();
    if (this.#target) this.#openTarget(this.#target);
    // Comes while the first file does; whoever opens one hears of a failure.
    loadMonaco().catch(() => undefined);
    const shown = this.documents.state.get().active;
    if (shown) this.files.reveal(shown.path);
    this.#following = true;
    this.#layoutSync.follow("files", this.documents.state, () => this.documents.arrangement());
    this.#layoutSync.follow("terminals", this.terminals.state, () => this.terminals.arrangement());
    this.#layoutSync.follow("panes", this.layout.state, panesOf);
    this.#stopSizes = this.#layoutSync.follow("sizes", splitSizes, (sizes) => sizes);
    this.#stopNews = news.subscribe(() => {
      const layouts = news.get()?.layouts;
      // What fails is asked again at the next news.
      if (layouts !== undefined) this.#layoutSync.heard(layouts).catch(() => undefined);
    });
  }

  readonly #isFile = (path: string): boolean => this.files.state.get().tree.get(path)?.type === "file";

  /** What the user's last device had open; null: none is known. */
  async #arrangement(): Promise<Arrangement | null> {
    try {
      return await this.#layoutSync.begin();
    } catch (error) {
      this.access.failed("Could not read how your other devices have arranged this session", error);
      return null;
    }
  }

  /** Whether files are saved by themselves is a setting, which can be changed here too. */
  #followSettings(): () => void {
    const take = () => this.documents.autosave.set(settings.get().autosave);
    take();
    const undo = [
      settings.subscribe(take),
      this.documents.autosave.subscribe(() => {
        const autosave = this.documents.autosave.get();
        if (settings.get().autosave !== autosave) changeSettings({ autosave });
      }),
      () => this.#stopNews?.(),
      () => this.#stopSizes?.(),
    ];
    return () => undo.forEach((each) => each());
  }

  /** Shows what was edited and not saved when this browser was here last. */
  async #openDrafts(): Promise<void> {
    const paths = await this.#drafts.paths();
    if (this.#left || this.rights.get()?.change !== true) return;
    const { active } = this.documents.state.get();
    for (const path of paths) if (!this.documents.find(path)) this.documents.open(path);
    if (active) this.documents.activate(active);
    if (paths.length > 0) inform(`Edits that were not saved are there again: ${paths.join(", ")}`);
  }

  #openTarget({ path, place }: Target): void {
    const type = this.files.state.get().tree.get(path)?.type;
    if (type === undefined) complain(`${path}, which the address names, is not in this session.`);
    else if (type === "folder") this.files.reveal(path);
    else this.openAt(path, place);
  }

  /** Opens a file in the editor, which goes to the place if one is named, and brings it into sight. */
  openAt(path: string, place: Place | null): void {
    if (place) this.documents.reveal(path, place);
    else this.documents.open(path);
    this.layout.show("editor");
    this.files.reveal(path);
  }

  /** Shows an entry in the tree. */
  reveal(path: string): void {
    this.layout.show("files");
    this.files.reveal(path);
  }

  /** Opens a file, and shows its versions beside it. */
  showHistory(path: string): void {
    this.documents.open(path);
    this.history.choose("file", path);
    this.layout.show("history");
  }

  /** Saves what would be saved in a moment anyway. The paths of what is not saved then. */
  async #saveForSearch(): Promise<string[]> {
    if (this.documents.autosave.get() && this.rights.get()?.change === true) await this.documents.saveAll();
    return this.documents.state.get().tabs.filter((tab) => tab.dirty).map((tab) => tab.path);
  }

  /** Goes to a place in the file that is open. */
  goTo(place: Place): void {
    const { active } = this.documents.state.get();
    if (active) this.openAt(active.path, place);
  }

  #event(event: WorkspaceEvent): void {
    switch (event.type) {
      case "status":
        this.phase.set({ phase: event.phase, message: event.message, reason: event.reason, place: event.queue_place });
        this.stopsAt.set(event.stops_at ? { at: Date.parse(event.stops_at), mayStay: event.may_stay, reason: event.reason } : null);
        return;
      case "files":
        if (this.rights.get()?.files === false) return;
        if (event.reset) {
          void this.#load();
        } else {
          this.files.changed(event.revision, event.changes);
          this.documents.changed(event.changes);
          this.runner.changed(event.changes);
          this.history.changed(event.changes);
        }
        return;
      case "terminals":
        this.terminals.listed(event.terminals);
        return;
      case "conflict":
        this.documents.conflict(event);
        if (!event.resolved) {
          inform(`${event.path}: ${event.message || "it was changed in two places; both versions are kept."}`, { label: "Open", run: () => this.openAt(event.path, null) });
        }
        return;
      case "presence":
        this.viewers.set(Math.max(1, event.viewers.length));
        this.people.set(event.viewers.map(({ username }) => username));
        return;
      case "sync":
        this.sync.set(event);
        return;
      case "error":
        complain(event.message || event.code);
    }
  }

  async rename(name: string): Promise<void> {
    this.session.set(await api.renameSession(this.id, name));
  }

  /** Formats the open file: here if this page can, else by a program in the terminal. */
  async format(): Promise<void> {
    const { active } = this.documents.state.get();
    if (!active) return;
    try {
      // Loaded with its first use.
      const { formatDocument } = await import("@/features/editor/format-document");
      const line = await formatDocument(active, this.#isFile, (path) => this.#text(path));
      if (line !== null && (await this.#saved(active))) {
        await this.runner.command(active.path, line);
        this.layout.show("terminal");
      }
    } catch (error) {
      complain(`Could not format ${active.path}: ${errorText(error)}`);
    }
  }

  async #text(path: string): Promise<string> {
    const { content, encoding } = await api.file(this.id, path);
    if (encoding !== "utf-8") throw new Error(`${path} is not text`);
    return content;
  }

  /** Saves what is about to be used; says why it cannot be. */
  async #saved(file: Document): Promise<boolean> {
    if (!file.dirty || (await file.save())) return true;
    const { error, save } = file.state.get();
    complain(save === "conflict" ? `${file.path} was changed elsewhere: choose a version first` : `${file.path} is not saved${error ? `: ${error}` : ""}`);
    return false;
  }

  /** Shows what a program has drawn beside what made it, where there is room for both. */
  #figure(path: string, by: string): void {
    if (window.matchMedia("(min-width: 768px)").matches) this.documents.open(path, { beside: by });
    else inform(`${path} was drawn.`, { label: "Show", run: () => this.openAt(path, null) });
  }

  /** Saves the open file and runs it in a terminal. Answers whether it was typed. */
  async run(): Promise<boolean> {
    const active = this.documents.state.get().active;
    if (!active) return false;
    if (!(await this.#saved(active))) return false;
    try {
      const tab = await this.runner.run(active.path);
      tab?.screen.focus();
      return tab !== null;
    } catch (error) {
      this.access.failed(`Could not run ${active.path}`, error);
      return false;
    }
  }

  /** Keeps the environment from stopping for lack of use. */
  async stay(): Promise<void> {
    try {
      await api.stay(this.id);
    } catch (error) {
      this.access.failed("Could not keep the session running", error);
    }
  }

  /** Deletes the files that vanished at once from the database too, or brings them back. */
  async releaseBrake(remove: boolean): Promise<void> {
    try {
      await api.releaseBrake(this.id, remove);
    } catch (error) {
      this.access.failed("Could not answer for the files", error);
    }
  }

  async stop(): Promise<void> {
    await this.documents.saveAll();
    try {
      await api.shutdown(this.id);
    } catch (error) {
      this.access.failed("Could not stop the session", error);
    }
  }
}
