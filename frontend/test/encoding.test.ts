import { describe, expect, it } from "vitest";
import { bytesOfBase64, decodeBytes, decodeUTF8, encodeUTF8 } from "@/features/editor/encoding";

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe("encodings", () => {
  it.each(["text", "\ufefftext", "\ufeff", ""])("UTF-8 comes back as it was: %j", (content) => {
    const { text, encoding } = decodeUTF8(content);
    expect(text).not.toContain("\ufeff");
    expect(encodeUTF8(text, encoding)).toBe(content);
  });

  it.each([
    ["Windows 1252", bytes("na\xefve \xa7\r\n"), { text: "naïve §\r\n", encoding: "windows-1252" }],
    ["UTF-16 LE", bytes("\xff\xfeh\0i\0"), { text: "hi", encoding: "utf-16le" }],
    ["UTF-16 BE", bytes("\xfe\xff\0h\0i"), { text: "hi", encoding: "utf-16be" }],
    ["half a UTF-16 character", bytes("\xff\xfeh\0i"), null],
    ["control characters", bytes("\x7fELF\x01\x02"), null],
    ["mostly no letters", bytes("\xde\xad\xbe\xef"), null],
  ])("%s", (_, content, decoded) => {
    expect(decodeBytes(content)).toEqual(decoded);
  });

  it("base64 is bytes", () => {
    expect([...bytesOfBase64("AP8Q")]).toEqual([0, 255, 16]);
  });
});
