/** What is on its way to the workspace: many files at once, some at a time, with progress, a way to stop and words for what failed. */
import type { API } from "@/lib/api";
import { formatBytes, plural, sentence } from "@/lib/format";
import { baseName, joinPath } from "@/lib/paths";
import { Problem, errorText } from "@/lib/problem";
import type { Item } from "@/lib/schemas";
import { Store } from "@/lib/store";
import type { Dropped } from "./dropped";
import { freePath } from "./names";

/** So many are sent at the same moment: more would not be faster, and take connections from the rest of the page. */
const parallel = 4;

export type Existing = "replace" | "keep" | "skip";

export interface UploadFailure {
  readonly path: string;
  readonly text: string;
  /** What to try again; null: it would fail again. */
  readonly job: Job | null;
}

export interface UploadsState {
  readonly files: number;
  readonly done: number;
  readonly bytes: number;
  readonly sent: number;
  readonly failures: readonly UploadFailure[];
  readonly busy: boolean;
}

/** Asked once for all files of a drop. */
export interface Question {
  readonly existing: readonly string[];
  readonly total: number;
  /** null: nothing is uploaded. */
  readonly answer: (choice: Existing | null) => void;
}

export interface UploadTarget {
  get(path: string): Item | undefined;
  show(...items: readonly Item[]): void;
  createFolder(path: string): Promise<void>;
}

type Job = { readonly kind: "file"; readonly path: string; readonly body: Blob } | { readonly kind: "folder"; readonly path: string } | { readonly kind: "zip"; readonly path: string; readonly folder: string; readonly body: Blob };

const idle: UploadsState = { files: 0, done: 0, bytes: 0, sent: 0, failures: [], busy: false };

export class Uploads {
  readonly state = new Store<UploadsState>(idle);
  readonly question = new Store<Question | null>(null);
  readonly #session: string;
  readonly #api: Pick<API, "upload" | "unpack">;
  readonly #target: UploadTarget;
  readonly #told: (text: string) => void;
  readonly #queue: Job[] = [];
  #running = 0;
  #abort = new AbortController();
  #finished: (() => void)[] = [];

  constructor(session: string, api: Pick<API, "upload" | "unpack">, target: UploadTarget, told: (text: string) => void) {
    this.#session = session;
    this.#api = api;
    this.#target = target;
    this.#told = told;
  }

  /** Uploads into a folder; asks first what to do about those that exist. Resolves when nothing is on its way any more. */
  async add(dropped: readonly Dropped[], folder: string): Promise<void> {
    const entries = dropped.map((each) => ({ ...each, path: joinPath(folder, each.path) }));
    const existing = entries.filter(({ path, file }) => file !== null && this.#target.get(path) !== undefined);
    const choice = existing.length === 0 ? "replace" : await this.#ask(existing.map(({ path }) => path), entries.length);
    if (choice === null) return;
    const planned = new Set<string>();
    const taken = (path: string) => planned.has(path) || this.#target.get(path) !== undefined;
    const jobs: Job[] = [];
    for (const { path, file } of entries) {
      if (file === null) {
        if (!taken(path)) jobs.push({ kind: "folder", path });
        continue;
      }
      if (choice === "skip" && this.#target.get(path) !== undefined) continue;
      const to = choice === "keep" ? freePath(path, false, taken) : path;
      planned.add(to);
      jobs.push({ kind: "file", path: to, body: file });
    }
    await this.#enqueue(jobs);
  }

  /** Unpacks a zip into a folder. What is in it replaces what has its name there. */
  unpack(zip: File, folder: string): Promise<void> {
    return this.#enqueue([{ kind: "zip", path: joinPath(folder, zip.name), folder, body: zip }]);
  }

  /** Stops what is on its way; what arrived stays. */
  cancel(): void {
    this.#queue.length = 0;
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  retry(): void {
    const jobs = this.state.get().failures.flatMap(({ job }) => job ?? []);
    this.dismiss();
    void this.#enqueue(jobs);
  }

  dismiss(): void {
    this.state.update((state) => ({ ...state, failures: [] }));
  }

  #ask(existing: readonly string[], total: number): Promise<Existing | null> {
    return new Promise((resolve) => {
      const answer = (choice: Existing | null) => {
        this.question.set(null);
        resolve(choice);
      };
      this.question.set({ existing, total, answer });
    });
  }

  async #enqueue(jobs: readonly Job[]): Promise<void> {
    if (jobs.length === 0) return;
    const bytes = jobs.reduce((sum, job) => sum + sizeOf(job), 0);
    this.state.update((state) => ({ ...(state.busy ? state : { ...idle, failures: state.failures }), busy: true }));
    this.state.update((state) => ({ ...state, files: state.files + jobs.length, bytes: state.bytes + bytes }));
    this.#queue.push(...jobs);
    const finished = new Promise<void>((resolve) => this.#finished.push(resolve));
    while (this.#running < parallel && this.#queue.length > 0) void this.#work();
    return finished;
  }

  async #work(): Promise<void> {
    this.#running++;
    for (let job = this.#queue.shift(); job; job = this.#queue.shift()) await this.#send(job);
    this.#running--;
    if (this.#running > 0) return;
    this.state.update((state) => ({ ...state, busy: false }));
    for (const resolve of this.#finished.splice(0)) resolve();
  }

  async #send(job: Job): Promise<void> {
    let sent = 0;
    const { signal } = this.#abort;
    const progress = (now: number) => {
      // The bytes of a request, which are the file's; never more than was counted for it.
      const next = Math.min(now, sizeOf(job));
      this.state.update((state) => ({ ...state, sent: state.sent + next - sent }));
      sent = next;
    };
    try {
      if (job.kind === "folder") {
        await this.#target.createFolder(job.path);
      } else if (job.kind === "file") {
        this.#target.show(await this.#api.upload(this.#session, job.path, job.body, { signal, progress }));
      } else {
        const { files, skipped } = await this.#api.unpack(this.#session, job.folder, job.body, { signal, progress });
        this.#told(`${plural(files, "file")} came out of ${baseName(job.path)}.${skipped.length > 0 ? ` Left out, since links and special files cannot be uploaded: ${skipped.slice(0, 5).join(", ")}${skipped.length > 5 ? " …" : ""}` : ""}`);
      }
      progress(sizeOf(job));
    } catch (error) {
      progress(0);
      if (error instanceof DOMException && error.name === "AbortError") return;
      this.state.update((state) => ({ ...state, failures: [...state.failures, failureOf(job, error)] }));
    } finally {
      this.state.update((state) => ({ ...state, done: state.done + 1 }));
    }
  }
}

function sizeOf(job: Job): number {
  return job.kind === "folder" ? 0 : job.body.size;
}

/** Why it failed, and what to do about it. */
function failureOf(job: Job, error: unknown): UploadFailure {
  const { path } = job;
  if (!(error instanceof Problem)) return { path, text: `${errorSentence(error)} It may have changed or gone on your device: choose it again.`, job: null };
  const size = formatBytes(sizeOf(job));
  if (error.code === "too_large") {
    const way = job.kind === "zip" ? "Make several smaller archives of it." : `It has ${size}. Split it, or fetch it from the terminal, where it works but is not saved.`;
    return { path, text: `${errorSentence(error)} ${way}`, job: null };
  }
  const again = error.status === 0 || error.status === 429 || error.status >= 500;
  return { path, text: errorSentence(error), job: again ? job : null };
}

/** The server's words as a sentence, long counts of bytes in shorter units. */
function errorSentence(error: unknown): string {
  return sentence(errorText(error).replace(/(\d{5,}) bytes/g, (_, bytes: string) => formatBytes(Number(bytes))));
}
