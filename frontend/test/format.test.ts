import { describe, expect, it } from "vitest";
import { formatLine, formatText } from "@/features/editor/format";

const spaces = { tabSize: 2, insertSpaces: true };

describe("formatText", () => {
  it.each([
    ["javascript", "const a={b:1}", "const a = { b: 1 };\n"],
    ["typescript", "let a:number=1", "let a: number = 1;\n"],
    ["json", '{"a":1}', '{ "a": 1 }\n'],
    ["css", "a{color:red}", "a {\n  color: red;\n}\n"],
    ["html", "<p>a<b>c</b></p>", "<p>a<b>c</b></p>\n"],
    ["markdown", "* a\n* b", "- a\n- b\n"],
    ["yaml", "a:   1", "a: 1\n"],
  ])("%s", async (language, text, formatted) => {
    expect(await formatText(language, text, spaces)).toBe(formatted);
  });

  it("keeps the file's indentation and line ends", async () => {
    expect(await formatText("css", "a{\r\ncolor:red}", { tabSize: 4, insertSpaces: false })).toBe("a {\r\n\tcolor: red;\r\n}\r\n");
  });

  it("says what is wrong, and what it does not know", async () => {
    await expect(formatText("javascript", "const = 1", spaces)).rejects.toThrow(/Unexpected token/);
    expect(await formatText("python", "a=1", spaces)).toBeNull();
  });
});

describe("formatLine", () => {
  it("takes the first program that is there, or says that there is none", () => {
    expect(formatLine("src/a b.py")).toBe(
      "if command -v ruff >/dev/null; then ruff format -q 'src/a b.py'; elif command -v black >/dev/null; then black -q 'src/a b.py'; " +
        "elif command -v autopep8 >/dev/null; then autopep8 -i 'src/a b.py'; else echo 'No formatter is installed (ruff, black, autopep8): pip install ruff'; fi",
    );
    expect(formatLine("main.go")).toBe("if command -v gofmt >/dev/null; then gofmt -w main.go; else echo 'No formatter is installed (gofmt)'; fi");
    expect(formatLine("a.txt")).toBeNull();
  });
});
