/** What is done with the selection: each function does all that it can, and collects what could not be done. */
import { plural } from "@/lib/format";
import { baseName, isWithin, joinPath, parentOf } from "@/lib/paths";
import { errorText } from "@/lib/problem";
import type { FileStore } from "./file-store";
import { freePath } from "./names";
import { nothing } from "./selection";
import { outermost } from "./tree";

/** Whom to tell of what moved and went: the editor's tabs. */
export interface Followers {
  moved(from: string, to: string): void;
  removed(path: string): void;
}

export interface Failure {
  readonly path: string;
  readonly error: unknown;
}

async function each(paths: readonly string[], act: (path: string) => Promise<void>): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const path of paths) {
    try {
      await act(path);
    } catch (error) {
      failures.push({ path, error });
    }
  }
  return failures;
}

/** Deletes. `undo` brings back what was deleted. */
export async function removeAll(
  files: FileStore, paths: Iterable<string>, followers: Followers,
): Promise<{ failures: Failure[]; removed: readonly string[]; undo: () => Promise<Failure[]> }> {
  const undos = new Map<string, () => Promise<void>>();
  const failures = await each(outermost(paths), async (path) => {
    undos.set(path, await files.remove(path));
    followers.removed(path);
  });
  const removed = [...undos.keys()];
  return { failures, removed, undo: () => each(removed, (path) => undos.get(path)?.() ?? Promise.resolve()) };
}

/** Moves into a folder. What is there already stays where it is, and what has its name there is not replaced. */
export async function moveAll(files: FileStore, paths: Iterable<string>, folder: string, followers: Followers): Promise<Failure[]> {
  const arrived: string[] = [];
  const failures = await each(outermost(paths), async (path) => {
    if (parentOf(path) === folder) return;
    if (isWithin(folder, path)) throw new Error("A folder cannot be moved into itself.");
    const to = joinPath(folder, baseName(path));
    if (files.state.get().tree.has(to)) throw new Error("There is something with this name already. Rename one of the two first.");
    await files.move(path, to);
    followers.moved(path, to);
    arrived.push(to);
  });
  choose(files, arrived);
  return failures;
}

/** Copies into a folder, under another name where there is one like it. `left` counts what was not saved and so not copied. */
export async function copyAll(files: FileStore, paths: Iterable<string>, folder: (path: string) => string): Promise<{ failures: Failure[]; left: number }> {
  let left = 0;
  const arrived: string[] = [];
  const failures = await each(outermost(paths), async (path) => {
    const into = folder(path);
    if (isWithin(into, path)) throw new Error("A folder cannot be copied into itself.");
    const { tree } = files.state.get();
    const to = freePath(joinPath(into, baseName(path)), tree.get(path)?.type === "folder", (each) => tree.has(each));
    left += await files.copy(path, to);
    arrived.push(to);
  });
  choose(files, arrived);
  return { failures, left };
}

/** Brings what arrived into sight, selected. */
function choose(files: FileStore, paths: readonly string[]): void {
  const [first] = paths;
  if (first === undefined) return;
  files.reveal(first);
  files.selection.set({ ...nothing, paths: new Set(paths), focus: first, anchor: first });
}

/** "Could not delete a.txt: why", or of several how many and each. */
export function failureWords(attempted: string, failures: readonly Failure[]): string {
  const [first] = failures;
  if (!first) return "";
  if (failures.length === 1) return `Could not ${attempted} ${first.path}: ${errorText(first.error)}`;
  const shown = failures.slice(0, 3).map(({ path, error }) => `${path}: ${errorText(error)}`);
  const more = failures.length - shown.length;
  return `Could not ${attempted} ${plural(failures.length, "entry", "entries")}: ${shown.join(" ")}${more > 0 ? ` And ${more} more.` : ""}`;
}
