/**
 * A three-way merge by lines: what was changed on one side only is taken from there, what was changed on both in the
 * same way is taken once, and the rest is a conflict, for somebody to decide. Nothing is left out: the chunks' lines
 * of one side, put together, are that side's text.
 */
import { diffLines, type Hunk } from "./diff";

export type Lines = readonly string[];

export interface Chunk {
  /** same: nobody changed it. agreed: both changed it in the same way. */
  readonly kind: "same" | "mine" | "theirs" | "agreed" | "conflict";
  readonly base: Lines;
  readonly mine: Lines;
  readonly theirs: Lines;
}

export interface Merge {
  readonly chunks: readonly Chunk[];
  readonly conflicts: number;
  /** What ends the lines of the result. */
  readonly eol: "\n" | "\r\n";
}

export type Choice = "mine" | "theirs" | "both";

const eolPattern = /\r\n|\r|\n/;

/** The lines of a text. One that ends with a line end has an empty last line, so that joining them gives it again. */
export function linesOf(text: string): string[] {
  return text.split(eolPattern);
}

function eolOf(text: string): "\n" | "\r\n" {
  const all = text.split("\n").length - 1;
  return all > 0 && (text.split("\r\n").length - 1) * 2 > all ? "\r\n" : "\n";
}

/** Merges two versions with what they were made from; null: that is not known, and each difference is a conflict. */
export function merge(base: string | null, mine: string, theirs: string): Merge {
  const [m, t] = [linesOf(mine), linesOf(theirs)];
  const chunks = base === null ? twoWay(m, t) : threeWay(linesOf(base), m, t);
  const [mineEOL, theirEOL] = [eolOf(mine), eolOf(theirs)];
  return {
    chunks,
    conflicts: chunks.filter(({ kind }) => kind === "conflict").length,
    // Line ends are merged too: who changed them wins.
    eol: base !== null && mineEOL === eolOf(base) ? theirEOL : mineEOL,
  };
}

/** The lines that a chunk contributes; `choice` is for a conflict. */
export function chosenLines(chunk: Chunk, choice: Choice): Lines {
  switch (chunk.kind) {
    case "theirs":
      return chunk.theirs;
    case "conflict":
      return choice === "both" ? [...chunk.mine, ...chunk.theirs] : chunk[choice];
    default:
      return chunk.mine;
  }
}

/** The merged text, with the same choice in each conflict. */
export function mergedText({ chunks, eol }: Merge, choice: Choice): string {
  return chunks.flatMap((chunk) => chosenLines(chunk, choice)).join(eol);
}

function twoWay(mine: Lines, theirs: Lines): Chunk[] {
  const chunks: Chunk[] = [];
  let at = 0;
  const same = (end: number) => {
    const lines = mine.slice(at, end);
    push(chunks, { kind: "same", base: lines, mine: lines, theirs: lines });
  };
  for (const { aStart, aEnd, bStart, bEnd } of diffLines(mine, theirs)) {
    same(aStart);
    push(chunks, { kind: "conflict", base: [], mine: mine.slice(aStart, aEnd), theirs: theirs.slice(bStart, bEnd) });
    at = aEnd;
  }
  same(mine.length);
  return chunks;
}

function threeWay(base: Lines, mine: Lines, theirs: Lines): Chunk[] {
  const [left, right] = [diffLines(base, mine), diffLines(base, theirs)];
  const chunks: Chunk[] = [];
  /** How far each of the three is done. */
  let [baseAt, mineAt, theirsAt, l, r] = [0, 0, 0, 0, 0];
  const same = (end: number) => {
    const lines = base.slice(baseAt, end);
    push(chunks, { kind: "same", base: lines, mine: lines, theirs: lines });
    [baseAt, mineAt, theirsAt] = [end, mineAt + lines.length, theirsAt + lines.length];
  };
  for (;;) {
    const start = Math.min(left[l]?.aStart ?? Infinity, right[r]?.aStart ?? Infinity);
    if (start === Infinity) break;
    same(start);
    // Everything that touches belongs together: it has no line between that all three agree on.
    let end = start;
    const [ours, others]: [Hunk[], Hunk[]] = [[], []];
    for (let grown = true; grown;) {
      grown = false;
      for (let hunk = left[l]; hunk && hunk.aStart <= end; hunk = left[++l]) {
        ours.push(hunk);
        [end, grown] = [Math.max(end, hunk.aEnd), true];
      }
      for (let hunk = right[r]; hunk && hunk.aStart <= end; hunk = right[++r]) {
        others.push(hunk);
        [end, grown] = [Math.max(end, hunk.aEnd), true];
      }
    }
    const mineEnd = mineAt + (end - start) + growth(ours);
    const theirsEnd = theirsAt + (end - start) + growth(others);
    const chunk = { base: base.slice(start, end), mine: mine.slice(mineAt, mineEnd), theirs: theirs.slice(theirsAt, theirsEnd) };
    if (others.length === 0) push(chunks, { kind: "mine", ...chunk });
    else if (ours.length === 0) push(chunks, { kind: "theirs", ...chunk });
    else narrow(chunks, chunk);
    [baseAt, mineAt, theirsAt] = [end, mineEnd, theirsEnd];
  }
  same(base.length);
  return chunks;
}

function growth(hunks: readonly Hunk[]): number {
  return hunks.reduce((sum, { aStart, aEnd, bStart, bEnd }) => sum + (bEnd - bStart) - (aEnd - aStart), 0);
}

/** What both sides changed: the lines at its ends on which they agree are no conflict. */
function narrow(chunks: Chunk[], { base, mine, theirs }: Omit<Chunk, "kind">): void {
  const least = Math.min(mine.length, theirs.length);
  let head = 0;
  while (head < least && mine[head] === theirs[head]) head++;
  if (head === mine.length && head === theirs.length) {
    push(chunks, { kind: "agreed", base, mine, theirs });
    return;
  }
  let tail = 0;
  while (tail < least - head && mine[mine.length - 1 - tail] === theirs[theirs.length - 1 - tail]) tail++;
  const first = mine.slice(0, head);
  const last = mine.slice(mine.length - tail);
  push(chunks, { kind: "agreed", base: [], mine: first, theirs: first });
  push(chunks, { kind: "conflict", base, mine: mine.slice(head, mine.length - tail), theirs: theirs.slice(head, theirs.length - tail) });
  push(chunks, { kind: "agreed", base: [], mine: last, theirs: last });
}

function push(chunks: Chunk[], chunk: Chunk): void {
  if (chunk.base.length + chunk.mine.length + chunk.theirs.length > 0) chunks.push(chunk);
}
