/**
 * Finds the texts in which what was typed occurs in its order, with gaps: "wspg" in "workspace-page.tsx". The best
 * ones have it at the beginnings of words, in one piece, and in the file's name rather than in its folders.
 *
 * What a search costs is bounded: a text is left at once when a character is missing from it, the table of the exact
 * score is made for a bounded number of cells, and beyond that the first fit from the right counts.
 */

export interface Fit {
  readonly score: number;
  /** Indices of the characters that were typed, ascending. */
  readonly at: readonly number[];
}

/** A text made ready to be searched often. */
export interface Candidate {
  readonly text: string;
  readonly lower: string;
  /** Where the name begins: what stands before counts less. */
  readonly name: number;
  /** One bit for each letter and digit that occurs, hashed. */
  readonly mask: number;
}

export interface Found<T> {
  readonly value: T;
  readonly at: readonly number[];
}

/** The longest query that is looked at, and the longest text; longer ones are cut for the search. */
const maxQuery = 128;
const maxText = 512;
/** How many cells of exact scoring one search may fill: a few frames' worth at the most. */
const cellBudget = 2_000_000;

export function candidate(text: string, name = 0): Candidate {
  // The characters keep their places: one that changes its length in lower case stays as it is.
  let lower = text.toLowerCase();
  if (lower.length !== text.length) lower = Array.from({ length: text.length }, (_, i) => lowerUnit(text.charAt(i))).join("");
  return { text, lower, name, mask: maskOf(lower) };
}

function lowerUnit(unit: string): string {
  const lower = unit.toLowerCase();
  return lower.length === 1 ? lower : unit;
}

function maskOf(lower: string): number {
  let mask = 0;
  for (let i = 0; i < lower.length; i++) mask |= 1 << (lower.charCodeAt(i) & 31);
  return mask;
}

/** What was typed, by its words: each has to fit. */
function piecesOf(query: string): string[] {
  return candidate(query.slice(0, maxQuery)).lower.split(/\s+/).filter(Boolean);
}

const gap = -1_000_000;

/** The value of a character that fits at an index. */
function bonus({ text, name }: Candidate, index: number): number {
  const inName = index >= name ? 6 : 0;
  if (index === 0 || index === name) return inName + 10;
  const before = text.charCodeAt(index - 1);
  const here = text.charCodeAt(index);
  // After one of / \ - _ . : or a space
  if (before === 47 || before === 92 || before === 45 || before === 95 || before === 46 || before === 58 || before === 32) return inName + 8;
  const upper = here >= 65 && here <= 90;
  const beforeUpper = before >= 65 && before <= 90;
  const digit = here >= 48 && here <= 57;
  const beforeDigit = before >= 48 && before <= 57;
  return inName + ((upper && !beforeUpper) || (digit && !beforeDigit) ? 6 : 0);
}

const matched = 4;
const adjacent = 7;

/** The first fit from the right, which prefers the name. Its indices, or null. */
function fromTheRight(piece: string, lower: string, end: number): number[] | null {
  const at = new Array<number>(piece.length);
  let from = end - 1;
  for (let i = piece.length - 1; i >= 0; i--) {
    const index = from < 0 ? -1 : lower.lastIndexOf(piece.charAt(i), from);
    if (index < 0) return null;
    at[i] = index;
    from = index - 1;
  }
  return at;
}

function scoreOf(text: Candidate, at: readonly number[]): number {
  let score = 0;
  at.forEach((index, i) => {
    score += matched + bonus(text, index) + (i > 0 && at[i - 1] === index - 1 ? adjacent : 0);
  });
  return score;
}

/** The tables of the exact score, used again for each text. */
class Tables {
  best = new Float64Array(0);
  run = new Float64Array(0);
  cells = 0;

  room(cells: number): boolean {
    this.cells += cells;
    if (this.cells > cellBudget) return false;
    if (this.best.length < cells) {
      this.best = new Float64Array(cells * 2);
      this.run = new Float64Array(cells * 2);
    }
    return true;
  }
}

/**
 * The best fit of one piece: run[i][j] is the best score with character i at index j, best[i][j] that with character i
 * at j or before.
 */
function exact(piece: string, text: Candidate, first: number, end: number, tables: Tables): Fit {
  const width = end - first;
  const { best, run } = tables;
  for (let i = 0; i < piece.length; i++) {
    const code = piece.charCodeAt(i);
    for (let j = 0; j < width; j++) {
      const cell = i * width + j;
      let value = gap;
      if (text.lower.charCodeAt(first + j) === code) {
        const own = matched + bonus(text, first + j);
        if (i === 0) value = own;
        else if (j > 0) {
          const above = cell - width - 1;
          value = own + Math.max(best[above] ?? gap, (run[above] ?? gap) + adjacent);
        }
      }
      run[cell] = value;
      best[cell] = j > 0 ? Math.max(value, best[cell - 1] ?? gap) : value;
    }
  }
  const at = new Array<number>(piece.length);
  let j = width - 1;
  let score = 0;
  // The way back: of equal ones the rightmost is taken.
  let joined = false;
  for (let i = piece.length - 1; i >= 0; i--) {
    if (!joined) while (j > 0 && best[i * width + j] !== run[i * width + j]) j--;
    const cell = i * width + j;
    if (i === piece.length - 1) score = run[cell] ?? gap;
    at[i] = first + j;
    const above = cell - width - 1;
    joined = i > 0 && j > 0 && (run[above] ?? gap) + adjacent >= (best[above] ?? gap);
    j--;
  }
  return { score, at };
}

function fitPiece(piece: string, text: Candidate, tables: Tables): Fit | null {
  const end = Math.min(text.lower.length, maxText);
  const right = fromTheRight(piece, text.lower, end);
  if (!right) return null;
  const first = text.lower.indexOf(piece.charAt(0));
  const last = (right.at(-1) ?? 0) + 1;
  if (!tables.room(piece.length * (last - first))) return { score: scoreOf(text, right), at: right };
  return exact(piece, text, first, last, tables);
}

function fitAll(pieces: readonly string[], text: Candidate, tables: Tables): Fit | null {
  let score = 0;
  let at: readonly number[] = [];
  for (const piece of pieces) {
    const one = fitPiece(piece, text, tables);
    if (!one) return null;
    score += one.score;
    at = at.length === 0 ? one.at : [...new Set([...at, ...one.at])].sort((a, b) => a - b);
  }
  // Of equal fits the shorter text is nearer to what was typed.
  return { score: score - text.text.length / 50, at };
}

/** How well a query fits one text; null when it does not. */
export function fit(query: string, text: Candidate): Fit | null {
  return fitAll(piecesOf(query), text, new Tables());
}

/**
 * The best of many, at most `limit`, and how many there are. `favour` adds to the score of what the user likely means.
 * With nothing typed all fit, in their order.
 */
export function findBest<T extends { readonly candidate: Candidate }>(
  query: string,
  among: readonly T[],
  limit: number,
  favour: (value: T) => number = () => 0,
): { readonly found: readonly Found<T>[]; readonly count: number } {
  const pieces = piecesOf(query);
  if (pieces.length === 0) return { found: among.slice(0, limit).map((value) => ({ value, at: [] })), count: among.length };
  const mask = maskOf(pieces.join(""));
  const tables = new Tables();
  /** The best so far, in their order; of equal ones the first stays first. */
  const best: { readonly value: T; readonly at: readonly number[]; readonly total: number }[] = [];
  let count = 0;
  for (const value of among) {
    if ((value.candidate.mask & mask) !== mask) continue;
    const one = fitAll(pieces, value.candidate, tables);
    if (!one) continue;
    count++;
    const total = one.score + favour(value);
    if (best.length === limit && total <= (best.at(-1)?.total ?? -Infinity)) continue;
    let place = best.length;
    while (place > 0 && (best[place - 1]?.total ?? Infinity) < total) place--;
    best.splice(place, 0, { value, at: one.at, total });
    if (best.length > limit) best.pop();
  }
  return { found: best.map(({ value, at }) => ({ value, at })), count };
}
