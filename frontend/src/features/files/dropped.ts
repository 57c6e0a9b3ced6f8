/** What was dropped or chosen, as files with their paths: folders are walked, empty ones kept. */
import { joinPath } from "@/lib/paths";

export interface Dropped {
  /** Below where it was dropped. */
  readonly path: string;
  /** null: an empty folder. */
  readonly file: File | null;
}

/** Files from a chooser; those of a chosen folder bring their path. */
export function chosen(list: Iterable<File>): Dropped[] {
  return [...list].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** Keeps files of the user's machine that are dropped beside the tree from taking the place of the page. */
export function refuseElsewhere(window: Window): () => void {
  const refuse = (event: DragEvent) => {
    if (event.defaultPrevented || event.dataTransfer?.types.includes("Files") !== true) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };
  window.addEventListener("dragover", refuse);
  window.addEventListener("drop", refuse);
  return () => {
    window.removeEventListener("dragover", refuse);
    window.removeEventListener("drop", refuse);
  };
}

/** Reads a drop. What it holds is lost when the event ends, so that all of it is taken before the first wait. */
export async function dropped(data: DataTransfer): Promise<Dropped[]> {
  const entries = [...data.items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry());
  const plain = [...data.files];
  if (entries.some((entry) => entry === null)) return chosen(plain);
  const found: Dropped[] = [];
  for (const entry of entries) if (entry) await walk(entry, "", found);
  return found;
}

async function walk(entry: FileSystemEntry, parent: string, found: Dropped[]): Promise<void> {
  const path = joinPath(parent, entry.name);
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ path, file });
    return;
  }
  if (!isDirectory(entry)) return;
  const reader = entry.createReader();
  let empty = true;
  for (;;) {
    // It gives some at a time, and none when it is done.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) break;
    empty = false;
    for (const each of some) await walk(each, path, found);
  }
  if (empty) found.push({ path, file: null });
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isDirectory(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
