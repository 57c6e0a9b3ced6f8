import { describe, expect, it } from "vitest";
import { ImageWatch } from "@/features/terminal/image-watch";

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("ImageWatch", () => {
  it.each([
    ["a sixel", "text\x1bPq#0;2;0;0;0~-\x1b\\"],
    ["iTerm's", "\x1b]1337;File=inline=1:AAAA\x07"],
    ["one-byte DCS", "a\x90q"],
    ["one-byte OSC", "é\x9d1337;File=:\x9c"],
  ])("sees %s, however it is cut", (_, text) => {
    const bytes = bytesOf(text);
    expect(new ImageWatch().sees(bytes)).toBe(true);
    for (let at = 1; at < bytes.length; at++) {
      const watch = new ImageWatch();
      expect([watch.sees(bytes.subarray(0, at)), watch.sees(bytes.subarray(at))]).toContain(true);
    }
    const one = new ImageWatch();
    expect([...bytes].map((byte) => one.sees(Uint8Array.of(byte)))).toContain(true);
  });

  it.each([
    ["plain text", "P1337 é à"],
    ["colours", "\x1b[31mred\x1b[0m"],
    ["what the shell tells", "\x1b]133;A\x07$ "],
    ["a title", "\x1b]0;1337\x07"],
    ["nothing", ""],
  ])("does not see %s", (_, text) => {
    const watch = new ImageWatch();
    expect(watch.sees(bytesOf(text))).toBe(false);
    expect(watch.sees(bytesOf(text))).toBe(false);
  });
});
