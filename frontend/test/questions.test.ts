import { describe, expect, it } from "vitest";
import { ask, clipboardText, isRiskyPaste, isWebAddress, question } from "@/features/terminal/questions";
import { changeSettings, defaultSettings, fontSizes, stepFontSize, terminalSettings } from "@/features/terminal/settings";

describe("questions", () => {
  it("asks one at a time: a new one answers the former with no", async () => {
    const first = ask({ kind: "link", url: "https://example.org/" });
    const second = ask({ kind: "paste", text: "a\nb" });
    expect(await first).toBe(false);
    expect(question.get()).toMatchObject({ kind: "paste", text: "a\nb" });
    question.get()?.answer(true);
    expect(await second).toBe(true);
    expect(question.get()).toBeNull();
  });

  it.each([
    ["https://example.org/a?b=c", true],
    ["mailto:ada@example.org", true],
    ["javascript:alert(1)", false],
    ["file:///etc/passwd", false],
    ["vscode://open", false],
    ["no address", false],
  ])("%s may be opened: %s", (url, may) => {
    expect(isWebAddress(url)).toBe(may);
  });

  it.each([
    ["ls", false, false],
    ["ls\n", false, false],
    ["ls\nrm x", false, true],
    ["a\rb\r", false, true],
    ["ls\nrm x", true, false],
  ])("%j with bracketed paste %s is risky: %s", (text, bracketed, risky) => {
    expect(isRiskyPaste(text, bracketed)).toBe(risky);
  });

  it("takes text of OSC 52 and answers no question", () => {
    expect(clipboardText(`c;${Buffer.from("héllo 😀").toString("base64")}`)).toBe("héllo 😀");
    for (const data of ["c;?", "c;", "c", "c;***", `c;${Buffer.from([0xff, 0xfe]).toString("base64")}`]) expect(clipboardText(data)).toBeNull();
  });
});

describe("settings", () => {
  it("keeps the font within its bounds", () => {
    for (let i = 0; i < 40; i++) stepFontSize(1);
    expect(terminalSettings.get().fontSize).toBe(fontSizes.most);
    for (let i = 0; i < 40; i++) stepFontSize(-1);
    expect(terminalSettings.get().fontSize).toBe(fontSizes.least);
    stepFontSize(0);
    expect(terminalSettings.get().fontSize).toBe(fontSizes.usual);
  });

  it("takes no setting that is none", () => {
    changeSettings({ fontSize: Number.NaN });
    changeSettings({ scrollback: 1 });
    expect(terminalSettings.get()).toEqual(defaultSettings);
  });
});
