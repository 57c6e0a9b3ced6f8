/** The user's sessions as the dashboard knows them: listed, and looked at again while the page is seen. */
import type { API } from "@/lib/api";
import { errorText } from "@/lib/problem";
import type { Session } from "@/lib/schemas";
import { Store } from "@/lib/store";

export interface SessionListState {
  readonly status: "loading" | "ready" | "failed";
  readonly sessions: readonly Session[];
  /** How many there are in all. */
  readonly count: number;
  readonly error: string;
}

export type SessionListAPI = Pick<API, "sessions" | "createSession" | "renameSession" | "deleteSession" | "restoreSession" | "duplicateSession" | "shutdown" | "ensureDefault">;

const pageSize = 100;
export const orders = { used: "Last active", name: "Name", created: "Newest", size: "Largest" } as const;
export type Order = keyof typeof orders;

/** The sessions whose names have these letters, in an order. */
export function arranged(sessions: readonly Session[], filter: string, order: Order): Session[] {
  const wanted = filter.trim().toLowerCase();
  const used = (session: Session) => Date.parse(session.last_activity_at ?? session.updated_at);
  const compare: Readonly<Record<Order, (a: Session, b: Session) => number>> = {
    used: (a, b) => used(b) - used(a),
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
    created: (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at),
    size: (a, b) => b.size - a.size,
  };
  return sessions.filter((session) => session.name.toLowerCase().includes(wanted)).sort(compare[order]);
}

export class SessionList {
  readonly state = new Store<SessionListState>({ status: "loading", sessions: [], count: 0, error: "" });
  readonly #api: SessionListAPI;
  #wanted = pageSize;
  /** Counts the changes made here: a list that was asked for before one of them is out of date. */
  #changes = 0;

  constructor(api: SessionListAPI) {
    this.#api = api;
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

  /** Answers how many entries were not saved, and so not copied. */
  async duplicate(id: string): Promise<number> {
    const { session, left } = await this.#api.duplicateSession(id);
    this.#add(session);
    return left;
  }

  /** Answers when its last changes are saved; its files stay. */
  async stop(id: string): Promise<void> {
    await this.#api.shutdown(id);
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    await this.#api.deleteSession(id);
    // A list that was asked for meanwhile may know it already.
    const known = this.state.get().sessions.some((session) => session.id === id);
    this.#change((sessions) => sessions.filter((session) => session.id !== id), known ? -1 : 0);
  }

  async restore(id: string): Promise<void> {
    this.#add(await this.#api.restoreSession(id));
  }

  #add(session: Session): void {
    const known = this.state.get().sessions.some(({ id }) => id === session.id);
    this.#change((sessions) => [session, ...sessions.filter(({ id }) => id !== session.id)], known ? 0 : 1);
  }

  #change(edit: (sessions: readonly Session[]) => readonly Session[], by: number): void {
    this.#changes++;
    this.state.update((state) => ({ ...state, sessions: edit(state.sessions), count: state.count + by }));
  }
}
