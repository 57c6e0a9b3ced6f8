/**
 * Unsaved edits, kept in this browser (IndexedDB) with the revision that they are based on, so that neither a crash
 * nor a reload while the server is away loses them. A draft belongs to the page that writes it; others take it over
 * when that page is gone.
 */
import type { Encoding } from "./encoding";

export interface Draft {
  readonly path: string;
  /** The revision that the text was made from. */
  readonly base: number;
  readonly text: string;
  readonly encoding: Encoding;
}

/** Where a session's drafts are. */
export interface DraftStore {
  put(draft: Draft): void;
  remove(path: string): void;
  /** The newest draft of a file that no other page holds. It stays where it is until this page puts or removes it. */
  find(path: string): Promise<Draft | null>;
}

interface Kept extends Draft {
  readonly key: string;
  readonly page: string;
  readonly session: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const [database, table, bySession] = ["drafts", "drafts", "session"] as const;

export class Drafts implements DraftStore {
  readonly #session: string;
  readonly #page = crypto.getRandomValues(new Uint32Array(4)).join("-");
  readonly #open: Promise<IDBDatabase>;
  /** Keys of other pages' drafts that were taken over, by path: they go when this page's own one is written or removed. */
  readonly #taken = new Map<string, string>();
  readonly #failed: (error: unknown) => void;
  #release: () => void = () => undefined;

  /** `failed` is told of what could not be kept or read. */
  constructor(session: string, failed: (error: unknown) => void) {
    this.#session = session;
    this.#failed = failed;
    this.#open = openDatabase();
    this.#open.catch(failed);
    // Held for as long as the page is there, whatever ends it. Without locks (no TLS) every other page counts as gone.
    void locks()?.request(lockOf(this.#page), () => new Promise<void>((resolve) => (this.#release = resolve)));
  }

  put(draft: Draft): void {
    const kept: Kept = { ...draft, key: this.#key(draft.path), page: this.#page, session: this.#session, at: Date.now() };
    this.#write(draft.path, (store) => store.put(kept));
  }

  remove(path: string): void {
    this.#write(path, (store) => store.delete(this.#key(path)));
  }

  async find(path: string): Promise<Draft | null> {
    const all = await this.#orphans();
    const [newest] = all.filter((draft) => draft.path === path).sort((a, b) => b.at - a.at);
    if (!newest) return null;
    this.#taken.set(path, newest.key);
    return newest;
  }

  /** The files that have drafts which no page holds. */
  async paths(): Promise<string[]> {
    return [...new Set((await this.#orphans()).map(({ path }) => path))].sort();
  }

  close(): void {
    this.#release();
    void this.#open.then(
      (db) => db.close(),
      () => undefined, // told at the beginning
    );
  }

  #key(path: string): string {
    return `${this.#page}\n${this.#session}\n${path}`;
  }

  #write(path: string, change: (store: IDBObjectStore) => IDBRequest): void {
    const taken = this.#taken.get(path);
    this.#taken.delete(path);
    this.#open
      .then((db) => {
        const transaction = db.transaction(table, "readwrite", { durability: "strict" });
        const store = transaction.objectStore(table);
        change(store);
        if (taken !== undefined) store.delete(taken);
        return finished(transaction);
      })
      .catch(this.#failed);
  }

  async #orphans(): Promise<Kept[]> {
    try {
      const db = await this.#open;
      const index = db.transaction(table).objectStore(table).index(bySession);
      const all = await answer(index.getAll(this.#session) as IDBRequest<Kept[]>);
      const held = new Set((await locks()?.query())?.held?.map(({ name }) => name) ?? []);
      return all.filter(({ page }) => page === this.#page || !held.has(lockOf(page)));
    } catch (error) {
      this.#failed(error);
      return [];
    }
  }
}

/** What the types do not say: a page without TLS has none. */
function locks(): LockManager | undefined {
  return navigator.locks;
}

function lockOf(page: string): string {
  return `drafts:${page}`;
}

function openDatabase(): Promise<IDBDatabase> {
  const request = indexedDB.open(database, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(table, { keyPath: "key" }).createIndex(bySession, "session");
  return answer(request);
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser's database did not answer"));
  });
}

function finished(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database gave up"));
  });
}
