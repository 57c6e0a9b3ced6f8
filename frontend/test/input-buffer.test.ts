import { describe, expect, it } from "vitest";
import { InputBuffer } from "@/features/terminal/input-buffer";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (data: Uint8Array) => new TextDecoder().decode(data);

function holding(...parts: string[]): InputBuffer {
  const buffer = new InputBuffer();
  for (const part of parts) buffer.push(bytes(part));
  return buffer;
}

describe("InputBuffer", () => {
  it("gives each byte once, in frames", () => {
    const buffer = holding("abc", "", "defg");
    expect(text(buffer.take(2))).toBe("ab");
    expect(text(buffer.take(4))).toBe("cdef");
    expect(text(buffer.take(4))).toBe("g");
    expect(buffer.take(4)).toHaveLength(0);
  });

  it("sends again from where the server is", () => {
    const buffer = holding("hello world");
    buffer.take(64);
    expect(buffer.confirm(6)).toBe(0);
    expect(text(buffer.take(64))).toBe("world");
    buffer.push(bytes("!"));
    expect(text(buffer.take(64))).toBe("!");
    expect(buffer.kept).toBe(6);
  });

  it("says how many bytes are missing that it gave up", () => {
    const buffer = new InputBuffer(4);
    buffer.push(bytes("abcdefghij"));
    buffer.take(64);
    expect(buffer.kept).toBe(4);
    expect(buffer.confirm(2)).toBe(4);
    expect(text(buffer.take(64))).toBe("ghij");
  });

  it("owes nothing to a server that counts further than was sent", () => {
    const buffer = holding("ab");
    buffer.take(64);
    expect(buffer.confirm(50)).toBe(0);
    buffer.push(bytes("c"));
    expect(text(buffer.take(64))).toBe("c");
  });

  it("starts at 0 for a new terminal, with or without what was not sent", () => {
    const buffer = holding("old");
    buffer.take(64);
    buffer.push(bytes("new"));
    buffer.restart(true);
    expect(buffer.sent).toBe(0);
    expect(text(buffer.take(64))).toBe("new");
    buffer.push(bytes("dropped"));
    buffer.restart(false);
    expect(buffer.kept).toBe(0);
    expect(buffer.take(64)).toHaveLength(0);
  });

  it("agrees with a plain string under many cuts", () => {
    // A linear congruential generator: the same cuts in every run.
    let seed = 12345;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) & 0x7fffffff;
      return seed % below;
    };
    const buffer = new InputBuffer();
    let all = "";
    let received = "";
    let confirmed = 0;
    for (let round = 0; round < 2000; round++) {
      const what = random(3);
      if (what === 0) {
        const part = String.fromCharCode(97 + random(26)).repeat(1 + random(9));
        all += part;
        buffer.push(bytes(part));
      } else if (what === 1) {
        received += text(buffer.take(1 + random(7)));
      } else {
        // A break: the server got only a part of what was sent since the last one.
        received = received.slice(0, received.length - random(received.length - confirmed + 1));
        confirmed = received.length;
        expect(buffer.confirm(confirmed)).toBe(0);
      }
    }
    received += text(buffer.take(1 << 20));
    expect(received).toBe(all);
  });

  it("keeps keys in few pieces, and what they were", () => {
    const buffer = new InputBuffer();
    for (let key = 0; key < 10_000; key++) {
      buffer.push(Uint8Array.of(key & 0xff));
      expect(buffer.take(100)).toEqual(Uint8Array.of(key & 0xff));
    }
    expect(buffer.pieces).toBeLessThan(4);
    expect(buffer.confirm(5_000)).toBe(0);
    buffer.push(Uint8Array.of(1, 2));
    expect(buffer.take(10_000)).toEqual(Uint8Array.from({ length: 5_002 }, (_, index) => (index < 5_000 ? (index + 5_000) & 0xff : index - 4_999)));
  });
});
