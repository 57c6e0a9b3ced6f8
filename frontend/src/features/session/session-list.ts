/** The user's sessions as the dashboard knows them: listed, and looked at again while the page is seen. */
import type { API } from "@/lib/api";
import { errorText } from "@/lib/problem";
import type { Phase, Session } from "@/lib/schemas";
import { Store } from "@/lib/store";

export interface SessionListState {
  readonly status: "loading" | "ready" | "failed";
  readonly sessions: readonly Session[];
  /** How many there are in all. */
  readonly count: number;
  readonly error: string;
}

export type SessionListAPI = Pick<API, "sessions" | "createSession" | "renameSession" | "deleteSession" | "ensureDefault">;

const pageSize = 100;
const moving: ReadonlySet<Phase> = new Set(["starting", "restoring", "stopping"]);
/** Between looks, in milliseconds: while something is on its way, and otherwise. */
const quickMs = 1500;
const slowMs = 6000;

export class SessionList {
  readonly state = new Store<SessionListState>({ status: "loading", sessions: [], count: 0, error: "" });
  readonly #api: SessionListAPI;
  #wanted = pageSize;
  /** Counts the changes made here: a list that was asked for before one of them is out of date. */
  #changes = 0;

  constructor(api: SessionListAPI) {
    this.#api = api;
  }

  /** How long to wait until the next look, in milliseconds. */
  get pace(): number {
    return this.state.get().sessions.some((session) => moving.has(session.phase)) ? quickMs : slowMs;
  }

  /** Lists; rejects with what went wrong, which the state says too. */
  async refresh(): Promise<void> {
    const before = this.#changes;
    try {
      const sessions: Session[] = [];
      let count: number;
      do {
        const page = await this.#api.sessions(sessions.length, pageSize);
        sessions.push(...page.data);
        count = page.count;
        if (page.data.length === 0) break;
      } while (sessions.length < Math.min(count, this.#wanted));
      if (before === this.#changes) this.state.set({ status: "ready", sessions, count, error: "" });
    } catch (error) {
      this.state.update((state) => ({ ...state, status: state.status === "ready" ? "ready" : "failed", error: errorText(error) }));
      throw error;
    }
  }

  async more(): Promise<void> {
    this.#wanted += pageSize;
    await this.refresh();
  }

  async create(name: string): Promise<Session> {
    const session = await this.#api.createSession(name);
    await this.#api.ensureDefault(session.id);
    return session;
  }

  async rename(id: string, name: string): Promise<void> {
    const renamed = await this.#api.renameSession(id, name);
    this.#change((sessions) => sessions.map((session) => (session.id === id ? renamed : session)), 0);
  }

  async remove(id: string): Promise<void> {
    await this.#api.deleteSession(id);
    this.#change((sessions) => sessions.filter((session) => session.id !== id), -1);
  }

  #change(edit: (sessions: readonly Session[]) => readonly Session[], by: number): void {
    this.#changes++;
    this.state.update((state) => ({ ...state, sessions: edit(state.sessions), count: state.count + by }));
  }
}
