import { describe, expect, it } from "vitest";
import { composed, hasMarkers } from "@/features/editor/merge-text";
import { diffLines } from "@/lib/diff";
import { chosenLines, linesOf, merge, mergedText, type Chunk } from "@/lib/merge";

/** The same numbers in each run (mulberry32), so that a failure can be repeated by its seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

/** A text of few different lines, so that lines occur again and again. */
function textOf(random: (below: number) => number): string {
  const lines = Array.from({ length: random(12) }, () => "abcd".charAt(random(4)));
  return lines.join("\n") + (random(2) === 0 ? "\n" : "");
}

function edited(text: string, random: (below: number) => number): string {
  const lines = linesOf(text);
  for (let edits = random(4); edits > 0; edits--) {
    lines.splice(random(lines.length + 1), random(3), ...Array.from({ length: random(3) }, () => "abcdxyz".charAt(random(7))));
  }
  return lines.join("\n");
}

const seeds = Array.from({ length: 3000 }, (_, index) => index + 1);
const kinds = (chunks: readonly Chunk[]) => chunks.map(({ kind }) => kind);
const side = (chunks: readonly Chunk[], which: "base" | "mine" | "theirs") => chunks.flatMap((chunk) => chunk[which]).join("\n");

describe("diffLines", () => {
  it("finds a change between what is the same", () => {
    expect(diffLines(["a", "b", "c"], ["a", "x", "y", "c"])).toEqual([{ aStart: 1, aEnd: 2, bStart: 1, bEnd: 3 }]);
  });

  it("finds the fewest changes", () => {
    // The example of Myers' paper: five edits.
    const hunks = diffLines("A B C A B B A".split(" "), "C B A B A C".split(" "));
    expect(hunks.reduce((sum, { aStart, aEnd, bStart, bEnd }) => sum + aEnd - aStart + bEnd - bStart, 0)).toBe(5);
  });

  it("gives hunks that turn the one into the other, with a common line between them", () => {
    for (const seed of seeds) {
      const random = randomFrom(seed);
      const [a, b] = [linesOf(textOf(random)), linesOf(textOf(random))];
      const result = [...a];
      const hunks = diffLines(a, b);
      for (const { aStart, aEnd, bStart, bEnd } of hunks.toReversed()) result.splice(aStart, aEnd - aStart, ...b.slice(bStart, bEnd));
      expect(result, `seed ${seed}`).toEqual(b);
      hunks.forEach((hunk, index) => expect(hunk.aStart, `seed ${seed}`).toBeGreaterThan(hunks[index - 1]?.aEnd ?? -1));
    }
  });

  it("compares long texts that have little in common by the lines that occur once", () => {
    const a = Array.from({ length: 6000 }, (_, index) => (index % 100 === 0 ? `kept ${index}` : `old ${index}`));
    const b = a.map((line, index) => (index % 100 === 0 ? line : `new ${index}`));
    const hunks = diffLines(a, b);
    expect(hunks).toHaveLength(60);
    expect(hunks[0]).toEqual({ aStart: 1, aEnd: 100, bStart: 1, bEnd: 100 });
  });

  it("takes long texts without a common line as one change", () => {
    const lines = (name: string) => Array.from({ length: 4000 }, (_, index) => `${name} ${index % 50}`);
    expect(diffLines(lines("a"), lines("b"))).toEqual([{ aStart: 0, aEnd: 4000, bStart: 0, bEnd: 4000 }]);
  });
});

describe("merge", () => {
  it("takes what was changed on one side only from there", () => {
    const result = merge("one\ntwo\nthree\nfour\nfive\n", "ONE\ntwo\nthree\nfour\nfive\n", "one\ntwo\nthree\nfour\nFIVE\n");
    expect(result.conflicts).toBe(0);
    expect(mergedText(result, "mine")).toBe("ONE\ntwo\nthree\nfour\nFIVE\n");
  });

  it("marks what was changed on both, and merges the rest", () => {
    const result = merge("a\nb\nc\nd\ne\n", "a\nmine\nc\nd\ne\nlast\n", "first\na\ntheirs\nc\nd\ne\n");
    expect(kinds(result.chunks)).toEqual(["theirs", "same", "conflict", "same", "mine", "same"]);
    expect(mergedText(result, "mine")).toBe("first\na\nmine\nc\nd\ne\nlast\n");
    expect(mergedText(result, "theirs")).toBe("first\na\ntheirs\nc\nd\ne\nlast\n");
    expect(mergedText(result, "both")).toBe("first\na\nmine\ntheirs\nc\nd\ne\nlast\n");
  });

  it("takes the same change on both sides once", () => {
    const result = merge("a\nb\nc\n", "a\nx\nc\n", "a\nx\nc\n");
    expect(kinds(result.chunks)).toEqual(["same", "agreed", "same"]);
    expect(mergedText(result, "theirs")).toBe("a\nx\nc\n");
  });

  it("does not mark the lines of a conflict on which both agree", () => {
    const { chunks } = merge("a\nz\n", "a\nimport x\nmine\nend\nz\n", "a\nimport x\ntheirs\nend\nz\n");
    expect(kinds(chunks)).toEqual(["same", "agreed", "conflict", "agreed", "same"]);
    expect(chunks[2]).toMatchObject({ mine: ["mine"], theirs: ["theirs"] });
  });

  it("marks changes of neighbouring lines: nobody saw them together", () => {
    expect(merge("a\nb\n", "A\nb\n", "a\nB\n").conflicts).toBe(1);
  });

  it("marks a deletion that meets a change, and two insertions at one place", () => {
    expect(merge("a\nb\nc\n", "a\nc\n", "a\nB\nc\n").chunks[1]).toMatchObject({ kind: "conflict", mine: [], theirs: ["B"] });
    expect(merge("a\nc\n", "a\nm\nc\n", "a\nt\nc\n").chunks[1]).toMatchObject({ kind: "conflict", mine: ["m"], theirs: ["t"] });
  });

  it("merges a line end that is missing at the end", () => {
    const result = merge("a\nb\nc\nd", "A\nb\nc\nd", "a\nb\nc\nd\n");
    expect(result.conflicts).toBe(0);
    expect(mergedText(result, "mine")).toBe("A\nb\nc\nd\n");
  });

  it("merges line ends: those that were changed win, and a change of them alone is no conflict", () => {
    expect(mergedText(merge("a\nb\nc\n", "a\nb\nC\n", "a\r\nb\r\nc\r\n"), "mine")).toBe("a\r\nb\r\nC\r\n");
    expect(mergedText(merge("a\r\nb\r\n", "a\nb\n", "a\r\nb\r\n"), "mine")).toBe("a\nb\n");
  });

  it("marks every difference when nobody knows what both were made from", () => {
    const result = merge(null, "a\nmine\nc\nd\n", "a\ntheirs\nc\nd\nmore\n");
    expect(kinds(result.chunks)).toEqual(["same", "conflict", "same", "conflict", "same"]);
    expect(mergedText(result, "theirs")).toBe("a\ntheirs\nc\nd\nmore\n");
  });

  it("merges empty texts", () => {
    expect(mergedText(merge("", "", ""), "mine")).toBe("");
    expect(merge("", "a\n", "b\n").conflicts).toBe(1);
    expect(mergedText(merge("a\n", "", "a\n"), "mine")).toBe("");
  });
});

describe("merge, whatever the texts", () => {
  const each = (check: (base: string, mine: string, theirs: string) => void) => {
    for (const seed of seeds) {
      const random = randomFrom(seed);
      const base = textOf(random);
      const [mine, theirs] = [edited(base, random), edited(base, random)];
      try {
        check(base, mine, theirs);
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify({ base, mine, theirs })}`, { cause: error });
      }
    }
  };

  it("gives theirs if mine is the base, mine if theirs is, and either if they are equal, without a conflict", () => {
    each((base, mine, theirs) => {
      for (const [result, wanted] of [
        [merge(base, base, theirs), theirs],
        [merge(base, mine, base), mine],
        [merge(base, mine, mine), mine],
      ] as const) {
        expect(result.conflicts).toBe(0);
        expect(mergedText(result, "mine")).toBe(wanted);
      }
    });
  });

  it("loses no line: the chunks of a side are its text", () => {
    each((base, mine, theirs) => {
      const { chunks } = merge(base, mine, theirs);
      expect([side(chunks, "base"), side(chunks, "mine"), side(chunks, "theirs")]).toEqual([base, mine, theirs]);
      const two = merge(null, mine, theirs).chunks;
      expect([side(two, "mine"), side(two, "theirs")]).toEqual([mine, theirs]);
    });
  });

  it("names the kinds as they are", () => {
    each((base, mine, theirs) => {
      for (const chunk of merge(base, mine, theirs).chunks) {
        const [b, m, t] = [chunk.base.join("\n"), chunk.mine.join("\n"), chunk.theirs.join("\n")];
        if (chunk.kind === "same") expect([m, t]).toEqual([b, b]);
        if (chunk.kind === "mine") expect(t).toBe(b);
        if (chunk.kind === "theirs") expect(m).toBe(b);
        if (chunk.kind === "agreed") expect(m).toBe(t);
        if (chunk.kind === "conflict") expect(chunk.mine).not.toEqual(chunk.theirs);
      }
    });
  });

  it("is the same seen from the other side", () => {
    each((base, mine, theirs) => {
      const [here, there] = [merge(base, mine, theirs), merge(base, theirs, mine)];
      expect(there.conflicts).toBe(here.conflicts);
      expect(mergedText(there, "theirs")).toBe(mergedText(here, "mine"));
    });
  });

  it("merges changes that have an unchanged line between them", () => {
    for (const seed of seeds.slice(0, 500)) {
      const random = randomFrom(seed);
      // Lines that occur once: there is one way to compare them.
      const lines = Array.from({ length: 6 + random(20) }, (_, index) => `line ${index}`);
      const cut = 2 + random(lines.length - 4);
      const change = (from: number, to: number, name: string) => {
        const copy = [...lines];
        const at = from + random(to - from);
        copy.splice(at, random(2), `${name} new`);
        return copy.join("\n");
      };
      const [mine, theirs] = [change(0, cut - 1, "mine"), change(cut + 1, lines.length, "theirs")];
      const result = merge(lines.join("\n"), mine, theirs);
      expect(result.conflicts, `seed ${seed}`).toBe(0);
      const merged = mergedText(result, "mine");
      expect(merged, `seed ${seed}`).toContain("mine new");
      expect(merged, `seed ${seed}`).toContain("theirs new");
    }
  });

  it("ends: merging the result with the same theirs again changes nothing", () => {
    each((base, mine, theirs) => {
      const once = mergedText(merge(base, mine, theirs), "both");
      const again = merge(theirs, once, theirs);
      expect(again.conflicts).toBe(0);
      expect(mergedText(again, "mine")).toBe(once);
    });
  });
});

describe("chosenLines", () => {
  it("takes both, mine first", () => {
    expect(chosenLines({ kind: "conflict", base: [], mine: ["m"], theirs: ["t"] }, "both")).toEqual(["m", "t"]);
  });
});

describe("composed", () => {
  const labels = { mine: "Yours", theirs: "Theirs" };
  const merged = merge("a\nb\nc\n", "A\nmine\nc\n", "a\ntheirs\nC\n");

  it("marks what is open, and nothing when all is decided", () => {
    const open = composed(merged, [null], labels);
    expect(open).toBe("<<<<<<< Yours\nA\nmine\nc\n=======\na\ntheirs\nC\n>>>>>>> Theirs\n");
    expect(hasMarkers(open, labels)).toBe(true);
    for (const [choice, text] of [["mine", "A\nmine\nc\n"], ["theirs", "a\ntheirs\nC\n"], ["both", "A\nmine\nc\na\ntheirs\nC\n"]] as const) {
      const decided = composed(merged, [choice], labels);
      expect(decided).toBe(text);
      expect(hasMarkers(decided, labels)).toBe(false);
    }
  });

  it("does not take a line of the file for a marker", () => {
    const text = composed(merge("a\n", "=======\n", "a\n"), [], labels);
    expect([text, hasMarkers(text, labels)]).toEqual(["=======\n", false]);
  });
});
