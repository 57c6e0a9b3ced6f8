import { Terminal } from "@xterm/xterm";
import { describe, expect, it } from "vitest";
import { limitCounts } from "@/features/terminal/limits";
import { unicode15, wholeCharacters } from "@/features/terminal/unicode";

function make(cols = 10, rows = 4): Terminal {
  const terminal = new Terminal({ cols, rows, allowProposedApi: true });
  terminal.unicode.register(unicode15);
  terminal.unicode.activeVersion = unicode15.version;
  limitCounts(terminal);
  return terminal;
}

async function lines(terminal: Terminal, text: string): Promise<string[]> {
  await new Promise<void>((done) => terminal.write(text, done));
  const { active } = terminal.buffer;
  return Array.from({ length: terminal.rows }, (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? "");
}

const screen = "\x1b[H\x1b[2J1111111111\r\n2222222222\r\n3333333333\r\n4444444444\x1b[2;3H";

describe("limitCounts", () => {
  it.each(["L", "M", "S", "T", "@", "P", "X", "I", "Z", " @", " A", "'}", "'~"])("CSI 2147483647 %s does what the screen's size does, and ends", async (final) => {
    const huge = await lines(make(), `${screen}\x1b[2147483647${final}`);
    const most = new Terminal({ cols: 10, rows: 4, allowProposedApi: true });
    expect(huge).toEqual(await lines(most, `${screen}\x1b[${["L", "M", "S", "T"].includes(final) ? 4 : 10}${final}`));
  });

  it("repeats no more than fills the screen", async () => {
    expect(await lines(make(), "\x1b[Hx\x1b[2147483647b")).toEqual(["x".repeat(10), "x".repeat(10), "x".repeat(10), "x"]);
  });

  it("leaves other counts alone", async () => {
    expect(await lines(make(), `${screen}\x1b[2L`)).toEqual(["1111111111", "", "", "2222222222"]);
    expect(await lines(make(), `${screen}\x1b[P`)).toEqual(["1111111111", "222222222", "3333333333", "4444444444"]);
  });
});

describe("unicode15", () => {
  it("knows widths as Unicode 15 does", () => {
    expect(Array.from("aé중😀\u0301\u200d中",(c) => unicode15.wcwidth(c.codePointAt(0) ?? 0))).toEqual([1, 1, 2, 2, 0, 0, 2]);
  });

  it("joins a mark to the character before it", async () => {
    const [first] = await lines(make(), "e\u0301中\u0301x");
    expect(first).toBe("e\u0301中\u0301x");
  });
});

describe("wholeCharacters", () => {
  it.each([
    ["abc", 3],
    ["é", 2],
    ["aé".slice(0, 2), 3],
  ])("keeps %s", (text, size) => {
    expect(wholeCharacters(new TextEncoder().encode(text))).toBe(size);
  });

  it("holds back each beginning of a character, and nothing else", () => {
    for (const text of ["é", "中", "😀"]) {
      const bytes = new TextEncoder().encode(`a${text}`);
      for (let size = 2; size < bytes.length; size++) expect(wholeCharacters(bytes.subarray(0, size))).toBe(1);
      expect(wholeCharacters(bytes)).toBe(bytes.length);
    }
    expect(wholeCharacters(new Uint8Array([0x80, 0x80, 0x80, 0x80]))).toBe(4);
    expect(wholeCharacters(new Uint8Array())).toBe(0);
  });
});
