/** Names for what is copied beside something of the same name. */
import { baseName, joinPath, parentOf } from "@/lib/paths";

/** "a.txt" → "a copy.txt" → "a copy 2.txt"; an extension only where there is one, and not for folders. */
export function copyName(name: string, folder: boolean, taken: (name: string) => boolean): string {
  const dot = folder ? -1 : name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  const [, base = stem] = /^(.*) copy(?: \d+)?$/.exec(stem) ?? [];
  let copied = `${base} copy${extension}`;
  for (let count = 2; taken(copied); count++) copied = `${base} copy ${count}${extension}`;
  return copied;
}

/** The path itself where it is free, else that of a copy beside it. */
export function freePath(path: string, folder: boolean, taken: (path: string) => boolean): string {
  if (!taken(path)) return path;
  const parent = parentOf(path);
  return joinPath(parent, copyName(baseName(path), folder, (name) => taken(joinPath(parent, name))));
}
