/**
 * Uploads: several files at once, with how far they are, and what could not be uploaded and why. A file that is
 * refused does not stop the others; a cancel leaves what is there already.
 */
import type { API } from "@/lib/api";
import { joinPath } from "@/lib/paths";
import { errorText } from "@/lib/problem";
import type { Item } from "@/lib/schemas";
import { Store } from "@/lib/store";

/** A file, or an empty folder, and its path below the folder that it goes to. */
export interface Picked {
  readonly path: string;
  readonly file: File | null;
}

export interface UploadState {
  /** Of this round of uploads, which ends when all are done. */
  readonly files: number;
  readonly filesDone: number;
  readonly bytes: number;
  readonly bytesDone: number;
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
  readonly running: boolean;
  readonly cancelled: boolean;
}

export interface UploadsOptions {
  readonly session: string;
  readonly api: Pick<API, "uploadFile" | "createFolder">;
  /** Takes what is there now. */
  readonly uploaded: (item: Item) => void;
}

/** So many are on their way at once: more would only wait for each other at the server. */
const atOnce = 3;
const idle: UploadState = { files: 0, filesDone: 0, bytes: 0, bytesDone: 0, failed: [], running: false, cancelled: false };

export class Uploads {
  readonly state = new Store<UploadState>(idle);
  readonly #options: UploadsOptions;
  readonly #waiting: Picked[] = [];
  #active = 0;
  #cancel = new AbortController();

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  /** Uploads into a folder. What is under way goes on, and this is added to it. */
  add(picked: readonly Picked[], into: string): void {
    if (picked.length === 0) return;
    if (!this.state.get().running) {
      this.#cancel = new AbortController();
      this.state.set({ ...idle, running: true });
    }
    this.#set(({ files, bytes }) => ({ files: files + picked.length, bytes: bytes + picked.reduce((sum, { file }) => sum + (file?.size ?? 0), 0) }));
    this.#waiting.push(...picked.map(({ path, file }) => ({ path: joinPath(into, path), file })));
    while (this.#active < atOnce && this.#waiting.length > 0) void this.#work();
  }

  /** Stops: what is on its way is not kept, what has arrived is. */
  cancel(): void {
    this.#waiting.length = 0;
    this.#set(() => ({ cancelled: true }));
    this.#cancel.abort();
  }

  /** Forgets how the last round went. */
  dismiss(): void {
    if (!this.state.get().running) this.state.set(idle);
  }

  async #work(): Promise<void> {
    this.#active++;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) await this.#upload(next);
    if (--this.#active === 0) this.#set(() => ({ running: false }));
  }

  async #upload({ path, file }: Picked): Promise<void> {
    const { session, api, uploaded } = this.#options;
    const { signal } = this.#cancel;
    let counted = 0;
    const progress = (bytes: number) => {
      const more = bytes - counted;
      counted = bytes;
      if (more !== 0) this.#set(({ bytesDone }) => ({ bytesDone: bytesDone + more }));
    };
    try {
      uploaded(file ? await api.uploadFile(session, path, file, progress, signal) : await api.createFolder(session, path));
    } catch (error) {
      if (!signal.aborted) this.#set(({ failed }) => ({ failed: [...failed, { path, reason: errorText(error) }] }));
    }
    progress(file?.size ?? 0);
    this.#set(({ filesDone }) => ({ filesDone: filesDone + 1 }));
  }

  #set(change: (state: UploadState) => Partial<UploadState>): void {
    this.state.update((state) => ({ ...state, ...change(state) }));
  }
}

/** What was dropped, folders read to their ends. Must be called while the drop event is handled. */
export function droppedFiles(transfer: DataTransfer): Promise<Picked[]> {
  const entries = [...transfer.items].map((item) => (item.kind === "file" ? item.webkitGetAsEntry() : null));
  if (entries.every((entry) => entry === null)) return Promise.resolve([...transfer.files].map((file) => ({ path: file.name, file })));
  return Promise.all(entries.flatMap((entry) => (entry ? [read(entry, "")] : []))).then((all) => all.flat());
}

async function read(entry: FileSystemEntry, above: string): Promise<Picked[]> {
  const path = joinPath(above, entry.name);
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ path, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Picked[] = [];
  let empty = true;
  for (;;) {
    // It gives them by the hundred, and an empty list at the end.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) break;
    empty = false;
    for (const each of entries) found.push(...(await read(each, path)));
  }
  return empty ? [{ path, file: null }] : found;
}

/** What was chosen in a dialog, with its folders if it was for folders. */
export function chosenFiles(list: FileList | null): Picked[] {
  return [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}
