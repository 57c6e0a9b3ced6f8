import { type BrowserContext, type Page } from "@playwright/test";
import { expectTerminal, look as lookAt, looks, openSession, showPane, storedText, terminalText } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// Commands, files by name, and search and replace in all files: by keyboard, in both themes, wide and narrow.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const markup = '<img src=x onerror="window.pwned=1">';
const files: Readonly<Record<string, string>> = {
  "src/features/greeting.py": "def greet(name):\n    return f\"hello {name}\"\n\n\nprint(greet('world'))\n",
  "src/features/greeter_test.py": "from greeting import greet\n\nassert greet('x') == 'hello x'\n",
  "docs/guide.md": "# Guide\n\nCall greet with a name; Greet is another thing.\n",
  "many.txt": Array.from({ length: 300 }, (_, index) => `line ${index + 1} of many`).join("\n"),
  [`odd ${markup}.txt`.replaceAll("/", "")]: `needle ${markup} <script>window.pwned=1</script>\n`,
};

const open = (context: BrowserContext, page: Page, username: string) => openSession(context, page, server.url, username, "to search", files);

const contentOf = (context: BrowserContext, id: string, path: string) => storedText(context, server.url, id, path);

const input = (page: Page) => page.getByRole("combobox", { name: "Files, lines and commands" });
const chosen = (page: Page) => page.getByRole("option", { selected: true });
const shownTab = (page: Page) => page.getByRole("tablist", { name: "Open files" }).getByRole("tab", { selected: true });
const results = (page: Page) => page.getByRole("tree", { name: "Search results" });

const look = (page: Page, name: string) => lookAt(page, `search/${name}`);

test("commands, files and lines are reached by keyboard", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await open(context, page, "ada");

  await test.step("quick open finds a file by letters, and goes to a line", async () => {
    await page.keyboard.press("ControlOrMeta+p");
    await expect(input(page)).toBeFocused();
    await input(page).fill("sfgreeting:5");
    await expect(chosen(page)).toHaveAccessibleName("greeting.py, src/features/greeting.py");
    await page.keyboard.press("Enter");
    await expect(shownTab(page)).toHaveAccessibleName("greeting.py");
    await expect(page.getByText("Ln 5, Col 1")).toBeVisible();
    await expect(page.locator(".monaco-editor textarea").first()).toBeFocused();
  });

  await test.step("the file before is the first one that is offered", async () => {
    await page.keyboard.press("ControlOrMeta+p");
    await expect(chosen(page)).toHaveAccessibleName("main.py");
    await page.keyboard.press("End");
    await expect(page.getByRole("option").last()).toHaveAttribute("aria-selected", "true");
    await page.keyboard.press("Home");
    await expect(chosen(page)).toHaveAccessibleName("main.py");
    await input(page).fill("gre");
    await look(page, "quick-open");
    await input(page).fill("zzzz");
    await expect(page.getByText("No file has these letters in this order.")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(input(page)).toBeHidden();
    await expect(page.locator(".monaco-editor textarea").first()).toBeFocused();
  });

  await test.step("the palette runs a command, and offers it first from then on", async () => {
    await page.keyboard.press("F1");
    await expect(input(page)).toHaveValue(">");
    await input(page).fill(">sidebar");
    await expect(chosen(page)).toHaveAccessibleName("View: Toggle the Side Bar");
    await looks(page, "search/palette");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("tree", { name: "Files" })).toBeHidden();
    await page.keyboard.press("ControlOrMeta+Shift+p");
    await expect(chosen(page)).toHaveAccessibleName("View: Toggle the Side Bar");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("tree", { name: "Files" })).toBeVisible();
  });

  await test.step("the editor's own commands are there too", async () => {
    await page.keyboard.press("ControlOrMeta+1");
    await page.keyboard.press("F1");
    await input(page).fill(">toggle line comment");
    await page.keyboard.press("Enter");
    await expect(page.locator(".view-lines").first()).toContainText("# print");
    await page.keyboard.press("ControlOrMeta+z");
  });

  await test.step("go to line", async () => {
    await page.keyboard.press("Control+g");
    await expect(input(page)).toHaveValue(":");
    await input(page).fill(":2:5");
    await expect(chosen(page)).toHaveAccessibleName("Go to line 2, column 5");
    await page.keyboard.press("Enter");
    await expect(page.getByText("Ln 2, Col 5")).toBeVisible();
  });

  await test.step("what is typed at once after the keys of a command is for what it leads to", async () => {
    await expectTerminal(page, /\$ $/m);
    // Within one task of the page: no frame and no wait lies between the keys and the look at the focus.
    const focusAfter = (code: string, key: string, shift = false) =>
      page.evaluate(
        ([code, key, shift]) => {
          const target = document.activeElement ?? document.body;
          target.dispatchEvent(new KeyboardEvent("keydown", { code, key, ctrlKey: true, shiftKey: shift, bubbles: true, cancelable: true }));
          const now = document.activeElement;
          return now?.closest(".xterm") ? "terminal" : now?.closest(".monaco-editor") ? "editor" : now?.closest("[role=tree]") ? "files" : "";
        },
        [code, key, shift] as const,
      );
    expect(await focusAfter("KeyJ", "j")).toBe("editor");
    await expect(page.getByRole("region", { name: "Terminal" })).toBeHidden();
    expect(await focusAfter("Backquote", "`")).toBe("terminal");
    await page.locator(".view-lines").first().click();
    expect(await focusAfter("KeyE", "E", true)).toBe("files");
    expect(await focusAfter("Digit1", "1")).toBe("editor");
  });

  await test.step("a terminal keeps Ctrl+P and gives F1", async () => {
    await page.keyboard.press("Control+`");
    await page.keyboard.type("echo earlier-$((40+2))");
    await page.keyboard.press("Enter");
    await expectTerminal(page, /earlier-42/);
    // The shell's own: the line before.
    await page.keyboard.press("Control+p");
    await expect.poll(async () => (await terminalText(page)).match(/echo earlier/g)?.length).toBe(2);
    await expect(input(page)).toBeHidden();
    await page.keyboard.press("F1");
    await expect(input(page)).toBeFocused();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+c");
  });

  await test.step("a link leads to a file and a line", async () => {
    const address = new URL(page.url());
    address.searchParams.set("file", "many.txt");
    address.searchParams.set("line", "250");
    await page.goto(address.href);
    await expect(shownTab(page)).toHaveAccessibleName("many.txt");
    await expect(page.getByText("Ln 250, Col 1")).toBeVisible();
    await expect(page.locator(".view-lines").first()).toContainText("line 250 of many");
  });
});

test("search and replace in all files", async ({ page, context, errors }) => {
  errors.allow(answered(422, "/search"));
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "grace");
  const pane = page.getByRole("region", { name: "Search" });
  const field = pane.getByRole("textbox", { name: "Search", exact: true });

  await test.step("what is found opens with the match selected", async () => {
    await page.keyboard.press("ControlOrMeta+Shift+f");
    await expect(field).toBeFocused();
    await expect(pane.getByText("Searches in all saved files of this session.")).toBeVisible();
    await page.keyboard.type("greet");
    await expect(pane.getByText("7 matches in 3 files")).toBeVisible();
    await looks(page, "search/found", { narrow: () => showPane(page, "Search") });
    await results(page).getByRole("treeitem", { name: "Line 3: Call greet" }).first().click();
    await expect(shownTab(page)).toHaveAccessibleName("guide.md");
    await expect(page.getByText("Ln 3, Col 11")).toBeVisible();
    await expect(page.locator(".monaco-editor .selected-text").first()).toBeVisible();
  });

  await test.step("case, words, expressions and globs", async () => {
    await pane.getByRole("button", { name: "Match case" }).click();
    await expect(pane.getByText("6 matches in 3 files")).toBeVisible();
    await field.focus();
    await page.keyboard.press("Alt+w");
    await expect(pane.getByRole("button", { name: "Whole words" })).toHaveAttribute("aria-pressed", "true");
    await expect(pane.getByText("5 matches in 3 files")).toBeVisible();
    await pane.getByRole("button", { name: "Files to search in" }).click();
    await pane.getByRole("textbox", { name: "Only in" }).fill("*.py");
    await expect(pane.getByText("4 matches in 2 files")).toBeVisible();
    await pane.getByRole("textbox", { name: "Not in" }).fill("*_test.py");
    await expect(pane.getByText("2 matches in 1 file")).toBeVisible();
    await pane.getByRole("textbox", { name: "Only in" }).fill("nowhere/**");
    await expect(pane.getByText("There is no file to search in.")).toBeVisible();
    await look(page, "nothing");
    await pane.getByRole("button", { name: "Search in all files" }).click();
    await expect(pane.getByText("5 matches in 3 files")).toBeVisible();
    await pane.getByRole("button", { name: "Regular expression" }).click();
    await field.fill("greet(");
    await expect(pane.getByRole("alert")).toContainText("is no regular expression: missing closing )");
    await look(page, "bad-expression");
  });

  await test.step("by keyboard through what was found", async () => {
    await pane.getByRole("button", { name: "Whole words" }).click();
    await field.fill("gre+t\\(");
    await expect(pane.getByText("3 matches in 2 files")).toBeVisible();
    await field.press("ArrowDown");
    await expect(results(page)).toBeFocused();
    await page.keyboard.press("End");
    await expect(results(page).getByRole("treeitem", { selected: true })).toHaveAccessibleName("Line 5: print(greet('world'))");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("ArrowLeft");
    await expect(results(page).getByRole("treeitem", { expanded: false })).toHaveCount(1);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await expect(shownTab(page)).toHaveAccessibleName("greeting.py");
    await expect(page.getByText("Ln 1, Col 11")).toBeVisible();
  });

  await test.step("a replacement is shown before it is made", async () => {
    await page.keyboard.press("ControlOrMeta+Shift+h");
    await expect(field).toBeFocused();
    await field.fill("greet\\((\\w+)\\)");
    await pane.getByRole("textbox", { name: "Replace with" }).fill("salute($1, 1)");
    await expect(pane.locator("ins")).toHaveText(["salute(name, 1)"]);
    await look(page, "replace-preview");
    await field.fill("greet\\(");
    await pane.getByRole("textbox", { name: "Replace with" }).fill("salute(");
    await expect(pane.locator("ins")).toHaveText(["salute(", "salute(", "salute("]);
    await pane.getByRole("button", { name: "Replace all" }).click();
    const dialog = page.getByRole("dialog", { name: "Replace in all files?" });
    await expect(dialog).toContainText("3 matches in 2 files will become salute(.");
    await look(page, "replace-all");
    await dialog.getByRole("button", { name: "Replace all" }).click();
    await expect(page.getByText("Replaced 3 matches in 2 files.")).toBeVisible();
    await expect(pane.getByText(/^Nothing found in \d+ files\.$/)).toBeVisible();
    expect(await contentOf(context, id, "src/features/greeting.py")).toContain("def salute(name)");
    // The open file follows.
    await expect(page.locator(".view-lines").first()).toContainText("def salute(name)");
  });

  await test.step("markup in names and contents is text", async () => {
    await pane.getByRole("button", { name: "Regular expression" }).click();
    await field.fill("needle");
    await expect(results(page).getByRole("treeitem", { name: "Line 1: needle <img" })).toBeVisible();
    await page.keyboard.press("ControlOrMeta+p");
    await input(page).fill("odd");
    await expect(chosen(page)).toContainText("<img src=x");
    await page.keyboard.press("Enter");
    await expect(shownTab(page)).toContainText("odd <img");
    expect(await page.evaluate(() => "pwned" in window)).toBe(false);
  });

  await test.step("more than is listed says so, and scrolls", async () => {
    const lines = Array.from({ length: 900 }, (_, index) => `crowd ${index}`).join("\n");
    for (const name of ["a", "b", "c"]) {
      expect((await context.request.post(`${server.url}/api/workspace/${id}/file/crowd-${name}.txt`, { data: { content: lines } })).ok()).toBe(true);
    }
    await field.fill("crowd");
    await expect(pane.getByText(/^2000 matches in 3 files; there may be more/)).toBeVisible();
    expect(await results(page).getByRole("treeitem").count()).toBeLessThan(200);
    await results(page).focus();
    await page.keyboard.press("End");
    await expect(results(page).getByRole("treeitem", { selected: true })).toHaveAccessibleName("Line 200: crowd 199");
  });
});

test("all of it on a narrow screen", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(context, page, "mary");
  await page.getByRole("button", { name: "Commands and files" }).click();
  await input(page).fill("gre");
  await expect(page.getByRole("option").first()).toBeVisible();
  await look(page, "quick-open");
  await page.keyboard.press("Escape");
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Search" }).click();
  const pane = page.getByRole("region", { name: "Search" });
  await pane.getByRole("textbox", { name: "Search", exact: true }).fill("greet");
  await pane.getByRole("button", { name: "Replace", exact: true }).click();
  await pane.getByRole("textbox", { name: "Replace with" }).fill("salute");
  await expect(pane.getByText("7 matches in 3 files")).toBeVisible();
  await look(page, "replace-preview");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await results(page).getByRole("treeitem", { name: "Line 3: Call greet" }).first().click();
  await expect(shownTab(page)).toHaveAccessibleName("guide.md");
  await expect(page.getByText("Ln 3, Col 11")).toBeVisible();
});
