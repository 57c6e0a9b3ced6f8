import { describe, expect, it } from "vitest";
import { blockBytes, Blocks } from "@/features/viewers/blocks";
import { columnWidths, isNumeric, parseTable, runningSums, separatorOf } from "@/features/viewers/csv";
import { hexRow, parseOffset } from "@/features/viewers/hex";
import { binaryKind, previewFirst, previewKind } from "@/features/viewers/kind";
import { resolveLink } from "@/features/viewers/links";
import { parseNotebook, pictureOf, plain, shownOf } from "@/features/viewers/notebook";
import { rowsInView } from "@/features/viewers/rows-in-view";
import { stepZoom } from "@/features/viewers/zoom";

describe("parseTable", () => {
  it.each([
    ["plain", "a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
    ["no line end at the end", "a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
    ["quotes", '"a ""b""","c,d"\n"e\nf",g\n', [['a "b"', "c,d"], ["e\nf", "g"]]],
    ["a quote that stays open", 'a,"b\nc', [["a", "b\nc"]]],
    ["what follows a quote", '"a"b,c', [["ab", "c"]]],
    ["empty cells", ",\n,,\n", [["", ""], ["", "", ""]]],
    ["an empty line", "a\n\nb\n", [["a"], [""], ["b"]]],
    ["old line ends", "a\rb", [["a"], ["b"]]],
    ["nothing", "", []],
  ])("%s", (_, text, rows) => {
    expect(parseTable(text, ",").rows).toEqual(rows);
  });

  it.each([
    ["a,b\n1,2", "t.csv", ","],
    ["a;b\n1,5;2", "t.csv", ";"],
    ["a\tb\n1\t2", "t.csv", "\t"],
    ["a,b", "t.TSV", "\t"],
    ['"a;b",c\n"d;e",f', "t.csv", ","],
    ["one", "t.csv", ","],
  ])("is told by its lines: %j in %s", (text, path, separator) => {
    expect(separatorOf(text, path)).toBe(separator);
  });

  it("knows numbers, and how wide columns are", () => {
    const table = parseTable("n,t\n1,x\n-2.5e3,\n1,000,y\n", ",");
    expect([isNumeric(table, 0), isNumeric(table, 1)]).toEqual([true, false]);
    expect(table.columns).toBe(3);
    expect(runningSums(columnWidths(table))).toEqual([0, 69, 125]);
  });
});

describe("hexRow", () => {
  it("shows sixteen bytes, or what is left", () => {
    const bytes = Uint8Array.from({ length: 18 }, (_, index) => 0x3c + index);
    expect(hexRow(bytes, 0)).toEqual({ offset: "00000000", hex: "3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b", text: "<=>?@ABCDEFGHIJK" });
    expect(hexRow(bytes.subarray(16), 16)).toMatchObject({ offset: "00000010", text: "LM" });
    expect(hexRow(Uint8Array.of(0, 10, 255), 0).text).toBe("···");
    expect(hexRow(undefined, 32)).toEqual({ offset: "00000020", hex: " ".repeat(48), text: "" });
  });
  it.each([["0x10", 16], ["12", 12], [" 0XfF ", null], ["12x", null], ["", null], ["-1", null]])("reads the offset %j", (text, offset) => {
    expect(parseOffset(text, 100)).toBe(offset);
  });
});

describe("Blocks", () => {
  const byteAt = (offset: number) => (offset * 7 + (offset >> 16)) & 0xff;

  /** A file far away: each read waits until it is answered. */
  function far(size: number) {
    const asked: { start: number; answer(): void; fail(): void }[] = [];
    const blocks = new Blocks({
      size,
      whole: null,
      read: (start, end) =>
        new Promise((resolve, reject) => {
          asked.push({ start, answer: () => resolve(Uint8Array.from({ length: end - start }, (_, index) => byteAt(start + index))), fail: () => reject(new Error("away")) });
        }),
    });
    blocks.open();
    const answer = async () => {
      const next = asked.shift();
      const before = blocks.state.get();
      next?.answer();
      await blocks.state.when((state) => state !== before);
    };
    return { blocks, asked, answer };
  }

  it("fetches what is looked at, two blocks at a time, and what was passed by not at all", async () => {
    const { blocks, asked, answer } = far(blockBytes * 1000 + 5);
    blocks.want(0, blockBytes * 4);
    expect(asked.map(({ start }) => start)).toEqual([0, blockBytes]);
    blocks.want(blockBytes * 999 + 16, blockBytes * 1000 + 5);
    expect(asked).toHaveLength(2);
    await answer();
    await answer();
    expect(asked.map(({ start }) => start)).toEqual([blockBytes * 999, blockBytes * 1000]);
    await answer();
    await answer();
    expect([...(blocks.at(blockBytes * 1000, blockBytes * 1000 + 5) ?? [])]).toEqual([0, 1, 2, 3, 4].map((index) => byteAt(blockBytes * 1000 + index)));
    expect(blocks.at(blockBytes * 500, blockBytes * 500 + 16)).toBeUndefined();
    expect(asked).toEqual([]);
  });

  it("keeps the ones that were looked at last", async () => {
    const { blocks, answer } = far(blockBytes * 100);
    for (let index = 0; index < 70; index++) {
      blocks.want(index * blockBytes, index * blockBytes + 16);
      await answer();
      // The first is looked at all the time.
      blocks.want(0, 16);
    }
    expect(blocks.at(0, 16)?.[1]).toBe(byteAt(1));
    expect(blocks.at(blockBytes, blockBytes + 16)).toBeUndefined();
    expect(blocks.at(69 * blockBytes, 69 * blockBytes + 16)).toBeDefined();
  });

  it("says that one did not come, and asks again when it is told to", async () => {
    const { blocks, asked, answer } = far(blockBytes);
    blocks.want(0, 16);
    asked.shift()?.fail();
    await blocks.state.when(({ error }) => error === "away");
    blocks.want(0, 32);
    expect(asked).toEqual([]);
    blocks.retry();
    expect(blocks.state.get().error).toBe("");
    await answer();
    expect(blocks.at(0, 16)).toHaveLength(16);
  });
});

describe("rowsInView", () => {
  it("are those around the place", () => {
    expect(rowsInView(1000, 20, 2000, 200)).toEqual({ first: 92, end: 119, top: 1840, height: 20_000 });
    expect(rowsInView(3, 20, 0, 200)).toMatchObject({ first: 0, end: 3 });
    expect(rowsInView(0, 20, 0, 200)).toMatchObject({ first: 0, end: 0 });
  });
  it("reach the last of more rows than a page is tall", () => {
    const all = 5_000_000;
    const { height } = rowsInView(all, 20, 0, 400);
    const last = rowsInView(all, 20, height - 400, 400);
    expect(last.end).toBe(all);
    expect(last.first).toBeLessThanOrEqual(all - 20);
    expect(rowsInView(all, 20, 0, 400).first).toBe(0);
  });
});

describe("resolveLink", () => {
  it.each([
    ["https://example.org/x", { kind: "web", href: "https://example.org/x" }],
    ["MAILTO:a@b.c", { kind: "web", href: "MAILTO:a@b.c" }],
    ["javascript:alert(1)", { kind: "none" }],
    ["java\nscript:alert(1)", { kind: "file", path: "docs/java\nscript:alert(1)" }],
    [" data:text/html,x", { kind: "none" }],
    ["//example.org", { kind: "none" }],
    ["vbscript:x", { kind: "none" }],
    ["#part", { kind: "none" }],
    ["other.md#part", { kind: "file", path: "docs/other.md" }],
    ["../src/a%20b.py?x", { kind: "file", path: "src/a b.py" }],
    ["/root.md", { kind: "file", path: "root.md" }],
    ["../../up.md", { kind: "none" }],
    ["100%.md", { kind: "file", path: "docs/100%.md" }],
    ["..\\x", { kind: "none" }],
  ])("%j", (href, link) => {
    expect(resolveLink(href, "docs")).toEqual(link);
  });
});

describe("notebooks", () => {
  it("are read in both shapes", () => {
    const four = parseNotebook(JSON.stringify({ cells: [{ cell_type: "code", source: ["a\n", "b"], execution_count: 3, outputs: [{ output_type: "stream", text: ["x"] }] }] }));
    expect(four).toMatchObject({ language: "python", cells: [{ kind: "code", source: "a\nb", count: 3 }] });
    const three = parseNotebook(JSON.stringify({ worksheets: [{ cells: [{ cell_type: "code", input: "c", outputs: [] }] }] }));
    expect(three).toMatchObject({ cells: [{ source: "c" }] });
    expect(parseNotebook("  ")).toEqual({ language: "python", cells: [] });
    for (const none of ["{", "[]", "{}", '{"cells":1}']) expect(typeof parseNotebook(none)).toBe("string");
  });

  it("show the richest form that runs nothing", () => {
    const data = (...pairs: [string, string][]) => ({ output_type: "display_data" as const, data: new Map(pairs) });
    expect(shownOf(data(["text/html", "<b>x</b>"], ["text/plain", "x"]))).toEqual({ kind: "html", text: "<b>x</b>" });
    expect(shownOf(data(["application/javascript", "x"], ["text/plain", "y"]))).toEqual({ kind: "text", text: "y" });
    expect(shownOf(data(["application/javascript", "x"]))).toEqual({ kind: "text", text: "(application/javascript: not shown here)" });
    expect(shownOf({ output_type: "error", ename: "E", evalue: "v", traceback: ["\x1b[31mE\x1b[0m: v"] })).toEqual({ kind: "error", text: "E: v" });
    expect(shownOf({ output_type: "unknown" })).toBeNull();
  });

  it("have pictures as data alone", () => {
    expect(pictureOf(new Map([["image/png", "AA\nAA"]]))).toBe("data:image/png;base64,AAAA");
    expect(pictureOf(new Map([["image/png", 'AA"onerror=1']]))).toBeNull();
    expect(pictureOf(new Map([["image/svg+xml", "<svg/>"]]))).toBe("data:image/svg+xml;charset=utf-8,%3Csvg%2F%3E");
  });

  it("show the last of what a line was written over with", () => {
    expect(plain("10%\r50%\r100%\r\ndone")).toBe("100%\ndone");
    expect(plain("\x1b]0;title\x07\x1b[1;31mred\x1b[0m")).toBe("red");
  });
});

describe("kinds", () => {
  it("never have a type that browsers run", () => {
    for (const path of ["a.html", "a.svg", "a.xml", "a.js", "a", ".png"]) expect(binaryKind(path)).toEqual({ kind: "hex", type: "application/octet-stream" });
    expect(binaryKind("A.PNG")).toEqual({ kind: "image", type: "image/png" });
  });
  it("open what is not written by hand as what it is", () => {
    expect(["a.csv", "a.ipynb", "a.md", "a.svg", "a.pdf", "a.py"].map(previewFirst)).toEqual([true, true, false, false, true, false]);
    expect(previewKind("a.svg")).toBe("svg");
  });
});

describe("stepZoom", () => {
  it("goes to the next step, and stays at the ends", () => {
    expect([stepZoom(1, 1), stepZoom(0.999, 1), stepZoom(1, -1), stepZoom(0.33, 1), stepZoom(16, 1), stepZoom(0.05, -1), stepZoom(40, 1), stepZoom(0.01, -1)]).toEqual([1.5, 1.5, 0.75, 0.5, 16, 0.05, 40, 0.01]);
  });
});
