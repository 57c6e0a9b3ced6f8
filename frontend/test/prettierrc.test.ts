import { describe, expect, it } from "vitest";
import { formatText } from "@/features/editor/format";
import { prettierSettings } from "@/features/editor/prettierrc";

const settingsFor = (path: string, files: Readonly<Record<string, string>>) =>
  prettierSettings(path, (each) => each in files, (each) => Promise.resolve(files[each] ?? ""));

describe("a workspace's settings of Prettier", () => {
  it.each<[string, string, Record<string, string>, object]>([
    ["none", "src/a.js", { "package.json": "{}" }, {}],
    ["JSON", "src/a.js", { ".prettierrc": '{"semi": false, "printWidth": 60}' }, { semi: false, printWidth: 60 }],
    ["YAML", "a.js", { ".prettierrc": "# ours\nsemi: false\ntrailingComma: 'none' # never\ntabWidth: 8\n" }, { semi: false, trailingComma: "none", tabWidth: 8 }],
    ["YAML with overrides", "src/a.ts", { ".prettierrc.yaml": "overrides:\n  - files: ['*.ts']\n    options: {semi: false}\n" }, { semi: false }],
    ["an empty file", "a.js", { ".prettierrc": "# nothing yet\n" }, {}],
    ["in package.json", "a.js", { "package.json": '{"prettier": {"useTabs": true}}', ".prettierrc": "semi: false" }, { useTabs: true }],
    ["the nearest", "src/deep/a.js", { ".prettierrc": "semi: false", "src/.prettierrc.json": '{"singleQuote": true}' }, { singleQuote: true }],
    ["nothing that runs", "a.js", { ".prettierrc": '{"plugins": ["evil"], "parser": "x", "semi": false}' }, { semi: false }],
    [
      "overrides, by name and by path", "docs/a.test.ts",
      { ".prettierrc": '{"semi": true, "overrides": [{"files": "*.test.{js,ts}", "options": {"semi": false}}, {"files": ["docs/**/*.ts"], "options": {"tabWidth": 3}}, {"files": "*.js", "options": {"tabWidth": 9}}, {"files": "*.ts", "excludeFiles": "*.test.ts", "options": {"tabWidth": 7}}]}' },
      { semi: false, tabWidth: 3 },
    ],
  ])("%s", async (_, path, files, want) => {
    expect(await settingsFor(path, files)).toEqual(want);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ ".prettierrc": "{" }, /\.prettierrc is not JSON/],
    [{ ".prettierrc": "semi: [false" }, /\.prettierrc is not YAML: .*line 1/],
    [{ ".prettierrc": "overrides:\n  - a" }, /\.prettierrc: overrides\.0 is not a setting/],
    [{ ".prettierrc": '{"tabWidth": "wide"}' }, /tabWidth is not a setting/],
    [{ "prettier.config.js": "" }, /prettier\.config\.js is of a kind/],
  ])("that cannot be read: %o", async (files, message) => {
    await expect(settingsFor("a.js", files)).rejects.toThrow(message);
  });

  it("win over the editor's", async () => {
    expect(await formatText("javascript", "function f(){return 'x'}", { tabSize: 2, insertSpaces: true }, { useTabs: true, semi: false, singleQuote: true })).toBe("function f() {\n\treturn 'x'\n}\n");
  });
});
