import { describe, expect, it } from "vitest";
import { Parts } from "@/features/editor/parts";
import { bytesHere } from "@/lib/bytes";

/** Reads a content to its end, so many bytes at a time, and answers its parts. */
async function partsOf(content: Uint8Array<ArrayBuffer>, step: number): Promise<{ encoding: string; texts: string[] } | null> {
  const begun = await Parts.begin(bytesHere(content), step);
  if (!begun) return null;
  const texts = [begun.text];
  while (!begun.parts.complete) texts.push(await begun.parts.next());
  return { encoding: begun.parts.encoding, texts };
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const latin = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const utf16 = (text: string) => new Uint8Array(Uint16Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)).buffer);

describe("Parts", () => {
  it.each([
    ["whole lines, of a line that goes on what is before it", "one\ntwo", ["one\n", "two"]],
    ["a line that is longer than a part", "one\ntwo three four\nfive", ["one\n", "two thre", "e four", "\nfive"]],
    ["lines that end with a part", "12345\nabcde\n", ["12345\n", "abcde\n"]],
    ["no line end of two characters in two", "12345\r\nabc\r\n", ["12345", "\r\nabc\r\n"]],
    ["no character in two", "12345€uro", ["12345", "€uro"]],
    ["no surrogate pair in two", "123😀89", ["123", "😀89"]],
    ["less than a part", "abc", ["abc"]],
  ])("%s", async (_, content, texts) => {
    expect(await partsOf(utf8(content), 6)).toEqual({ encoding: "utf-8", texts });
  });

  const text = "naïve €\r\n😀 text\n\nlast";
  it.each([
    ["utf-8", utf8(text), text],
    ["utf-8-bom", utf8(`\ufeff${text}`), text],
    ["utf-16le", utf16(`\ufeff${text}`), text],
    ["windows-1252", latin("caf\xe9 na\xefve\r\nend"), "café naïve\r\nend"],
  ])("%s is read wherever it is cut", async (encoding, content, whole) => {
    for (let step = 5; step <= content.length; step++) {
      const read = await partsOf(content, step);
      expect(read?.texts.join(""), `${step} bytes at a time`).toBe(whole);
      expect(read?.encoding).toBe(encoding);
    }
  });

  it("goes on where later bytes are no text", async () => {
    expect(await partsOf(latin("line\nline\n\xff\0end\n"), 8)).toEqual({ encoding: "utf-8", texts: ["line\n", "line\n\ufffd\0end\n"] });
  });

  it.each([["a zero", "text\0text"], ["a program", "\x7fELF\xff\x02\x01"], ["mostly no letters", "\xde\xad\xbe\xef"]])("is none of what has %s at its beginning", async (_, content) => {
    expect(await partsOf(latin(content), 6)).toBeNull();
  });
});
