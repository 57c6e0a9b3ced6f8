/** Which lines two texts have in common. */

/** Lines [aStart, aEnd) of the one became lines [bStart, bEnd) of the other; both counted from 0. */
export interface Hunk {
  readonly aStart: number;
  readonly aEnd: number;
  readonly bStart: number;
  readonly bEnd: number;
}

/** The most edits that the exact comparison looks for: its cost grows with their square. */
const mostEdits = 1500;

/** What differs, in order. Never two hunks without a common line between them. */
export function diffLines(a: readonly string[], b: readonly string[]): Hunk[] {
  const ids = new Map<string, number>();
  const number = (line: string) => {
    const known = ids.get(line);
    if (known !== undefined) return known;
    ids.set(line, ids.size);
    return ids.size - 1;
  };
  const [left, right] = [Int32Array.from(a, number), Int32Array.from(b, number)];
  const hunks: Hunk[] = [];
  compare(left, right, { aStart: 0, aEnd: left.length, bStart: 0, bEnd: right.length }, hunks);
  return join(hunks);
}

function join(hunks: readonly Hunk[]): Hunk[] {
  const joined: Hunk[] = [];
  for (const hunk of hunks) {
    const last = joined.at(-1);
    if (last?.aEnd === hunk.aStart && last.bEnd === hunk.bStart) joined[joined.length - 1] = { ...last, aEnd: hunk.aEnd, bEnd: hunk.bEnd };
    else joined.push(hunk);
  }
  return joined;
}

/** Appends what differs within a range. */
function compare(a: Int32Array, b: Int32Array, range: Hunk, out: Hunk[]): void {
  let { aStart, aEnd, bStart, bEnd } = range;
  while (aStart < aEnd && bStart < bEnd && a[aStart] === b[bStart]) [aStart, bStart] = [aStart + 1, bStart + 1];
  while (aStart < aEnd && bStart < bEnd && a[aEnd - 1] === b[bEnd - 1]) [aEnd, bEnd] = [aEnd - 1, bEnd - 1];
  if (aStart === aEnd && bStart === bEnd) return;
  const trimmed = { aStart, aEnd, bStart, bEnd };
  if (aStart === aEnd || bStart === bEnd) {
    out.push(trimmed);
    return;
  }
  if (shortest(a, b, trimmed, out)) return;
  // Too different to compare exactly: what occurs once on either side holds the rest in place.
  const anchors = anchorsOf(a, b, trimmed);
  if (anchors.length === 0) {
    out.push(trimmed);
    return;
  }
  let [aFrom, bFrom] = [aStart, bStart];
  for (const [aAt, bAt] of anchors) {
    compare(a, b, { aStart: aFrom, aEnd: aAt, bStart: bFrom, bEnd: bAt }, out);
    [aFrom, bFrom] = [aAt + 1, bAt + 1];
  }
  compare(a, b, { aStart: aFrom, aEnd, bStart: bFrom, bEnd }, out);
}

/** The shortest way from the one to the other (Myers, "An O(ND) Difference Algorithm", 1986), unless it is too long. */
function shortest(a: Int32Array, b: Int32Array, { aStart, aEnd, bStart, bEnd }: Hunk, out: Hunk[]): boolean {
  const [n, m] = [aEnd - aStart, bEnd - bStart];
  const most = Math.min(n + m, mostEdits);
  // furthest[k + most]: how far in `a` the best way on diagonal k has come; one copy a round, to find the way back.
  const furthest = new Int32Array(2 * most + 2);
  const rounds: Int32Array[] = [];
  const at = (round: Int32Array, k: number) => round[k + most] ?? 0;
  for (let d = 0; d <= most; d++) {
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && at(furthest, k - 1) < at(furthest, k + 1)) ? at(furthest, k + 1) : at(furthest, k - 1) + 1;
      while (x < n && x - k < m && a[aStart + x] === b[bStart + x - k]) x++;
      furthest[k + most] = x;
      if (x < n || x - k < m) continue;
      out.push(...wayBack(rounds, { d, k, x }, at).map((edit) => ({
        aStart: edit.aStart + aStart, aEnd: edit.aEnd + aStart, bStart: edit.bStart + bStart, bEnd: edit.bEnd + bStart,
      })));
      return true;
    }
    rounds.push(furthest.slice());
  }
  return false;
}

/** The edits of the way that ended in round d on diagonal k, in order. */
function wayBack(rounds: readonly Int32Array[], end: { d: number; k: number; x: number }, at: (round: Int32Array, k: number) => number): Hunk[] {
  const edits: Hunk[] = [];
  let { k } = end;
  for (let d = end.d; d > 0; d--) {
    const round = rounds[d - 1];
    if (!round) break;
    const down = k === -d || (k !== d && at(round, k - 1) < at(round, k + 1));
    const before = down ? k + 1 : k - 1;
    const x = at(round, before);
    const y = x - before;
    edits.push({ aStart: x, aEnd: down ? x : x + 1, bStart: y, bEnd: down ? y + 1 : y });
    k = before;
  }
  return join(edits.reverse());
}

/** Lines that are once in either, in an order that both have. */
function anchorsOf(a: Int32Array, b: Int32Array, { aStart, aEnd, bStart, bEnd }: Hunk): (readonly [number, number])[] {
  const once = (lines: Int32Array, start: number, end: number) => {
    const places = new Map<number, number>();
    for (let at = start; at < end; at++) {
      const line = lines[at] ?? -1;
      places.set(line, places.has(line) ? -1 : at);
    }
    return places;
  };
  const inB = once(b, bStart, bEnd);
  const pairs: (readonly [number, number])[] = [];
  for (const [line, aAt] of once(a, aStart, aEnd)) {
    const bAt = inB.get(line) ?? -1;
    if (aAt >= 0 && bAt >= 0) pairs.push([aAt, bAt]);
  }
  return longestRising(pairs.sort(([left], [right]) => left - right));
}

/** The longest part of the pairs in which the second numbers rise. */
function longestRising(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  /** tails[length - 1]: which pair ends the best chain of that length. */
  const tails: number[] = [];
  const before = new Int32Array(pairs.length).fill(-1);
  const second = (index: number | undefined) => pairs[index ?? -1]?.[1] ?? -1;
  pairs.forEach(([, value], index) => {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (second(tails[middle]) < value) low = middle + 1;
      else high = middle;
    }
    before[index] = tails[low - 1] ?? -1;
    tails[low] = index;
  });
  const chain: (readonly [number, number])[] = [];
  for (let index = tails.at(-1) ?? -1; index >= 0; index = before[index] ?? -1) {
    const pair = pairs[index];
    if (pair) chain.push(pair);
  }
  return chain.reverse();
}
