/** What is done with the files that are selected. Each failure is shown, and does not stop the rest. */
import type { Documents } from "@/features/editor/documents";
import { report } from "@/features/session/sign-out";
import { plural } from "@/lib/format";
import { baseName, isWithin, joinPath, parentOf } from "@/lib/paths";
import { inform } from "@/lib/toasts";
import type { FileStore } from "./file-store";

export class FileActions {
  readonly #files: FileStore;
  readonly #documents: Documents;

  constructor(files: FileStore, documents: Documents) {
    this.#files = files;
    this.#documents = documents;
  }

  cut(): void {
    this.#files.clipboard.set({ paths: this.#files.chosen(), cut: true });
  }

  copy(): void {
    this.#files.clipboard.set({ paths: this.#files.chosen(), cut: false });
  }

  async paste(into: string): Promise<void> {
    const { clipboard } = this.#files;
    const held = clipboard.get();
    if (!held) return;
    if (!held.cut) {
      await this.#copyAll(held.paths, () => into);
      return;
    }
    clipboard.set(null);
    await this.move(held.paths, into);
  }

  /** Copies beside what is selected. */
  async duplicate(): Promise<void> {
    await this.#copyAll(this.#files.chosen(), parentOf);
  }

  async #copyAll(paths: readonly string[], into: (path: string) => string): Promise<void> {
    let left = 0;
    let last = "";
    for (const path of paths) {
      const to = this.#files.freePath(into(path), baseName(path));
      if (isWithin(to, path)) {
        report(`Could not copy ${path}`, new Error("a folder has no room for itself"));
        continue;
      }
      try {
        left += await this.#files.copy(path, to);
        last = to;
      } catch (error) {
        report(`Could not copy ${path}`, error);
      }
    }
    if (last !== "") this.#files.reveal(last);
    if (left > 0) inform(`${plural(left, "entry", "entries")} left out of the copy: the server does not keep their content.`);
  }

  async move(paths: readonly string[], into: string): Promise<void> {
    for (const path of paths) {
      const to = joinPath(into, baseName(path));
      if (to !== path) await this.moveTo(path, to);
    }
  }

  async moveTo(from: string, to: string): Promise<void> {
    try {
      await this.#files.move(from, to);
      this.#documents.moved(from, to);
      this.#files.reveal(to);
    } catch (error) {
      report(`Could not move ${from}`, error);
    }
  }

  /** Deletes, and offers to undo it. */
  async remove(paths: readonly string[]): Promise<void> {
    const undos: (() => Promise<void>)[] = [];
    for (const path of paths) {
      try {
        undos.push(await this.#files.remove(path));
        this.#documents.removed(path);
      } catch (error) {
        report(`Could not delete ${path}`, error);
      }
    }
    if (undos.length === 0) return;
    const what = undos.length === 1 && paths.length === 1 ? baseName(paths[0] ?? "") : plural(undos.length, "entry", "entries");
    inform(`Deleted ${what}.`, { label: "Undo", run: () => undos.forEach((undo) => void undo().catch((error: unknown) => report("Could not undo the deletion", error))) });
  }
}
