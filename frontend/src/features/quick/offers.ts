/** What the quick input offers for what was typed: files, places in them, lines of the open file, or commands. */
import type { Command, Commands } from "@/features/commands/commands";
import type { Place } from "@/features/editor/text-buffer";
import type { Tree } from "@/features/files/tree";
import { baseName } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import { candidate, findBest, type Candidate } from "./fuzzy";

export type Offer =
  | { readonly kind: "file"; readonly item: Item; readonly at: readonly number[]; readonly place: Place | null; readonly recent: boolean }
  | { readonly kind: "command"; readonly command: Command; readonly at: readonly number[] }
  | { readonly kind: "line"; readonly place: Place; readonly text: string };

export interface Offers {
  readonly list: readonly Offer[];
  /** How many there are, of which the list may be the best. */
  readonly count: number;
  /** What to say when there is none. */
  readonly none: string;
}

/** So many are listed. */
const most = 100;
/** What a file is favoured by that was open lately, and what one has against it that is ignored. */
const recentBonus = 12;
const ignoredMalus = -40;

interface IndexedFile {
  readonly item: Item;
  readonly candidate: Candidate;
}

/** The files of a tree, made ready for searches; what stays from one tree to the next is kept. */
export class FileIndex {
  #tree: Tree | undefined;
  #files: IndexedFile[] = [];
  #candidates = new Map<string, Candidate>();

  of(tree: Tree): readonly IndexedFile[] {
    if (tree === this.#tree) return this.#files;
    const candidates = new Map<string, Candidate>();
    const files: IndexedFile[] = [];
    for (const item of tree.values()) {
      if (item.type === "folder" || item.type === "special") continue;
      const known = this.#candidates.get(item.path) ?? candidate(item.path, item.path.lastIndexOf("/") + 1);
      candidates.set(item.path, known);
      files.push({ item, candidate: known });
    }
    this.#tree = tree;
    this.#candidates = candidates;
    this.#files = files;
    return files;
  }
}

/** "src/main.py:12:3" → the text before the place, and the place. */
export function splitPlace(text: string): { readonly text: string; readonly place: Place | null } {
  const found = /^(.*?):(\d{0,9})(?:[:,](\d{0,9})?)?:?$/.exec(text);
  if (!found) return { text, place: null };
  const [, before = "", line = "", column = ""] = found;
  return { text: before, place: line === "" ? null : { line: Math.max(1, Number(line)), ...(column === "" ? {} : { column: Math.max(1, Number(column)) }) } };
}

export interface Offering {
  readonly tree: Tree;
  readonly index: FileIndex;
  readonly recent: readonly string[];
  /** The path of the open file, which is not what is looked for first; and its lines. */
  readonly active: string;
  readonly lines: number;
  readonly commands: Commands;
  readonly files: boolean;
}

export function offersFor(typed: string, from: Offering): Offers {
  if (typed.startsWith(">") || !from.files) return commandOffers(typed.replace(/^>/, ""), from.commands);
  if (typed.startsWith(":")) return lineOffers(typed, from);
  const whole = typed.trim().replace(/^\.?\//, "");
  const { text, place } = from.tree.has(whole) ? { text: whole, place: null } : splitPlace(whole);
  return fileOffers(text, place, from);
}

function commandOffers(query: string, commands: Commands): Offers {
  const among = commands.available().map((command) => ({ command, candidate: candidate(command.title) }));
  const { found, count } = findBest(query, among, most);
  return {
    list: found.map(({ value, at }) => ({ kind: "command", command: value.command, at })),
    count,
    none: "No command has these letters in this order.",
  };
}

function lineOffers(typed: string, { active, lines }: Offering): Offers {
  if (active === "" || lines === 0) return { list: [], count: 0, none: "Open a file to go to a line of it." };
  const { place } = splitPlace(typed);
  if (!place) return { list: [], count: 0, none: `Type a line from 1 to ${lines}, and a column after another colon.` };
  const line = Math.min(place.line, lines);
  const text = `Go to line ${line}${place.column === undefined ? "" : `, column ${place.column}`}${line === place.line ? "" : ", the last"}`;
  return { list: [{ kind: "line", place: { ...place, line }, text }], count: 1, none: "" };
}

function fileOffers(query: string, place: Place | null, { tree, index, recent, active }: Offering): Offers {
  const files = index.of(tree);
  const none = files.length === 0 ? "There are no files yet." : "No file has these letters in this order.";
  const lately = new Map(recent.filter((path) => path !== active).map((path, at) => [path, at]));
  if (query.trim() === "") {
    const first = [...lately.keys()].flatMap((path) => tree.get(path) ?? []).filter(({ type }) => type === "file" || type === "symlink");
    const others = files.map(({ item }) => item).filter((item) => !lately.has(item.path) && item.unsaved_reason !== "ignored");
    const list = [...first, ...others].slice(0, most);
    return { list: list.map((item) => ({ kind: "file", item, at: [], place, recent: lately.has(item.path) })), count: first.length + others.length, none };
  }
  const favour = ({ item }: IndexedFile) =>
    (lately.has(item.path) ? recentBonus : 0) + (item.unsaved_reason === "ignored" ? ignoredMalus : 0);
  const { found, count } = findBest(query, files, most, favour);
  return { list: found.map(({ value, at }) => ({ kind: "file", item: value.item, at, place, recent: lately.has(value.item.path) })), count, none };
}

/** What an offer is called, for assistive technology and tests. */
export function offerName(offer: Offer): string {
  switch (offer.kind) {
    case "file":
      return offer.item.path === baseName(offer.item.path) ? offer.item.path : `${baseName(offer.item.path)}, ${offer.item.path}`;
    case "command":
      return offer.command.title;
    case "line":
      return offer.text;
  }
}
