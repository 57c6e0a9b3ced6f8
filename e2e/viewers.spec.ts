import { type BrowserContext, type Page } from "@playwright/test";
import { bigCSV, bigNotebook, hostileSVG, markdown, notebook, numberedLines, pdf, png, table, wav } from "./fixtures.ts";
import { expectTerminal, look as lookAt, looks, openSession, storedBytes, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test } from "./test.ts";

// What is no text is shown as what it is, and nothing of a workspace runs on the application's origin.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create("--max-file-bytes", String(64 << 20));
});

test.afterAll(async () => {
  await server.destroy();
});

const hostileName = `<img src=x onerror="window.pwned=1">.md`;
const files: Readonly<Record<string, string | Buffer>> = {
  "logo.png": png(64, 48, [230, 160, 40]),
  "broken.png": Buffer.from([1, 2, 3, 0xff]),
  "drawing.svg": hostileSVG,
  "paper.pdf": pdf("A paper"),
  "page.pdf": Buffer.from(`<!doctype html><script>parent.pwned=1</script>\u00ff`, "latin1"),
  "beep.wav": wav(),
  "data.bin": Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 256)),
  "table.csv": table,
  "note.ipynb": notebook,
  "broken.ipynb": "{",
  "README.md": markdown,
  "src/tool.py": "print('tool')\n",
  "old.txt": Buffer.from("na\u00efve caf\u00e9\r\n", "latin1"),
  "marked.txt": "\ufeffwith a mark\r\n",
  "large.log": "a line of a large log\n".repeat(270_000),
  [hostileName]: "[x](javascript:window.pwned=1)\n",
};

const open = (context: BrowserContext, page: Page, username: string) => openSession(context, page, server.url, username, "to look at", files);

const contentOf = (context: BrowserContext, id: string, path: string) => storedBytes(context, server.url, id, path);

/** show opens a file by its name, with the keyboard. */
async function show(page: Page, name: string): Promise<void> {
  await page.keyboard.press("ControlOrMeta+p");
  await page.getByRole("combobox", { name: "Files, lines and commands" }).fill(name);
  await expect(page.getByRole("option", { selected: true })).toHaveAccessibleName(new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`));
  await page.keyboard.press("Enter");
  await expect(page.getByRole("tab", { name, selected: true })).toBeVisible();
}

const look = (page: Page, name: string) => lookAt(page, `viewers/${name}`, { exclude: ["iframe"] });

const pwned = (page: Page) => page.evaluate(() => "pwned" in window);
const editor = (page: Page) => page.getByRole("region", { name: "Editor" });

test("what is no text is shown as what it is", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "ada");

  await test.step("a picture, with zoom", async () => {
    await show(page, "logo.png");
    const picture = editor(page).getByRole("img", { name: "logo.png" });
    await expect(picture).toBeVisible();
    await expect(editor(page).getByText("64 × 48")).toBeVisible();
    await editor(page).getByRole("button", { name: "Larger" }).click();
    await expect(editor(page).getByText("150 %")).toBeVisible();
    expect(await picture.evaluate((image) => image.clientWidth)).toBe(96);
    await look(page, "image");
    await editor(page).getByRole("region", { name: "Picture" }).press("0");
    await expect(editor(page).getByText("Fit", { exact: true })).toBeVisible();
    await editor(page).getByRole("button", { name: "Bytes" }).click();
    await expect(editor(page).getByRole("region", { name: "Bytes" })).toContainText("89 50 4e 47");
    await show(page, "broken.png");
    await expect(editor(page).getByText("The browser cannot draw this picture")).toBeVisible();
  });

  await test.step("bytes, by offset", async () => {
    await show(page, "data.bin");
    const bytes = editor(page).getByRole("region", { name: "Bytes" });
    await expect(bytes).toContainText("00 01 02 03");
    await editor(page).getByRole("textbox", { name: "Offset" }).fill("0x20000");
    await expect(bytes).toContainText("00020000");
    expect(await bytes.locator("> div > div").count()).toBeLessThan(100);
    await look(page, "hex");
  });

  await test.step("sound", async () => {
    await show(page, "beep.wav");
    const sound = editor(page).locator("audio");
    await expect.poll(() => sound.evaluate((audio: HTMLAudioElement) => audio.duration)).toBeCloseTo(0.1);
  });

  await test.step("a table of 50,000 rows costs what is seen", async () => {
    await show(page, "table.csv");
    const shown = editor(page).getByRole("table", { name: "Table" });
    await expect(shown.getByRole("columnheader")).toHaveText(["name", "note", "count"]);
    await expect(shown.getByRole("cell").first()).toHaveText("Ada; Countess");
    await expect(shown.getByRole("cell").nth(1)).toContainText("<script>");
    await expect(shown.getByRole("cell", { name: "=cmd|' /C calc'!A0" })).toBeVisible();
    await expect(editor(page).getByText("50002 rows, 3 columns")).toBeVisible();
    await look(page, "table");
    await shown.press("End");
    await expect(shown.getByRole("cell", { name: "row 49999" })).toBeVisible();
    expect(await shown.getByRole("row").count()).toBeLessThan(120);
    await editor(page).getByRole("button", { name: "Source" }).click();
    await expect(page.locator(".view-lines").first()).toContainText("name;note;count");
  });

  expect(await pwned(page)).toBe(false);
});

test("what is written for something else is shown as that, inert", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "emmy");

  await test.step("a notebook, without what its outputs would run", async () => {
    await show(page, "note.ipynb");
    const shown = editor(page).getByRole("region", { name: "Notebook" });
    await expect(shown.getByRole("heading", { name: "Analysis" })).toBeVisible();
    await expect(shown.getByRole("cell", { name: "2952301" })).toBeVisible();
    await expect(shown.getByRole("img", { name: "Output" })).toHaveCount(2);
    await expect(shown.getByText("ZeroDivisionError: division by zero")).toBeVisible();
    await expect(shown.getByText("trap")).toBeVisible();
    await expect(shown.getByRole("link", { name: "trap" })).toHaveCount(0);
    await expect(shown.locator("iframe, script, style, [onclick], [onerror]")).toHaveCount(0);
    await expect(shown.locator("pre code span").first()).toBeVisible();
    await look(page, "notebook");
    await show(page, "broken.ipynb");
    await expect(editor(page).getByText("This is not a notebook")).toBeVisible();
  });

  await test.step("Markdown beside its source, as it is typed", async () => {
    await show(page, "README.md");
    await page.keyboard.press("F1");
    await page.getByRole("combobox", { name: "Files, lines and commands" }).fill(">preview beside");
    await page.keyboard.press("Enter");
    const shown = editor(page).getByRole("region", { name: "Preview" });
    await expect(shown.getByRole("heading", { name: "Guide" })).toBeVisible();
    await expect(shown.getByRole("link", { name: "the web" })).toHaveAttribute("rel", "noopener noreferrer");
    await expect(shown.getByRole("link", { name: "a trap" })).toHaveCount(0);
    await expect(shown.getByRole("img", { name: "the logo" })).toBeVisible();
    await expect(shown.getByRole("img", { name: "drawing" })).toBeVisible();
    await expect(shown.getByRole("checkbox", { name: "done" })).toBeChecked();
    await expect(shown.locator("script, iframe, [onclick], [onerror]")).toHaveCount(0);
    await page.locator(".monaco-editor").first().click();
    await page.keyboard.press("ControlOrMeta+Home");
    await page.keyboard.insertText("# Typed just now\n\n");
    await expect(shown.getByRole("heading", { name: "Typed just now" })).toBeVisible();
    await look(page, "markdown");
    await shown.getByRole("button", { name: "a file" }).click();
    await expect(page.getByRole("tab", { name: "tool.py", selected: true })).toBeVisible();
  });

  await test.step("a drawing", async () => {
    await page.keyboard.press("ControlOrMeta+1");
    await show(page, "drawing.svg");
    await expect(page.locator(".view-lines").first()).toContainText("<svg");
    await page.keyboard.press("ControlOrMeta+Shift+v");
    await expect(editor(page).getByRole("img", { name: "drawing.svg" })).toBeVisible();
    expect(await editor(page).getByRole("img", { name: "drawing.svg" }).getAttribute("src")).toMatch(/^data:image\/svg\+xml/);
  });

  await test.step("a name that is markup", async () => {
    await show(page, hostileName);
    await page.keyboard.press("ControlOrMeta+Shift+v");
    await expect(editor(page).getByRole("region", { name: "Preview" }).first()).toContainText("x");
    await expect(editor(page).getByRole("link", { name: "x" })).toHaveCount(0);
  });
  expect(await pwned(page)).toBe(false);
});

test("what is not edited as it is", async ({ page, context }) => {
  const id = await open(context, page, "ruth");

  await test.step("a large text is read, not edited", async () => {
    await show(page, "large.log");
    await expect(editor(page).getByText(/^Too large to edit here: the first 4.0 MB of 5.7 MB are shown/)).toBeVisible();
    await expect(page.locator(".view-lines").first()).toContainText("a line of a large log");
    await expect(editor(page).getByText("Read only")).toBeVisible();
  });

  await test.step("other encodings are read, and converted on purpose; a mark stays", async () => {
    await show(page, "old.txt");
    await expect(page.locator(".view-lines").first()).toContainText("naïve café");
    await expect(editor(page).getByText("This file is in Windows 1252")).toBeVisible();
    await editor(page).getByRole("button", { name: "Edit as UTF-8" }).click();
    await page.locator(".monaco-editor").first().click();
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(async () => (await contentOf(context, id, "old.txt")).toString("utf8")).toBe("naïve café\r\n");
    await show(page, "marked.txt");
    await expect(editor(page).getByRole("button", { name: "Encoding: UTF-8 with BOM" })).toBeVisible();
    await editor(page).getByRole("button", { name: "Line ends: CRLF" }).click();
    await page.getByRole("menuitem", { name: "LF (Linux, macOS)", exact: true }).click();
    await expect(page.getByRole("tabpanel", { name: "marked.txt" }).getByRole("button", { name: "Line ends: LF" })).toBeVisible();
    await expect.poll(async () => (await contentOf(context, id, "marked.txt")).toString("utf8")).toBe("\ufeffwith a mark\n");
  });

});

/** openLarge makes a session with these files; what the answers about a file carry is counted. */
async function openLarge(context: BrowserContext, page: Page, username: string, large: Readonly<Record<string, string | Buffer>>) {
  const id = await openSession(context, page, server.url, username, "large", large);
  const carried = new Map<string, number>();
  page.on("response", (response) => {
    const name = /\/file\/([\w.]+)/.exec(response.url())?.[1];
    if (name !== undefined) carried.set(name, (carried.get(name) ?? 0) + Number(response.headers()["content-length"] ?? 0));
  });
  return { id, carried };
}

/** lookNarrow looks where there is the least room: wide, these views are those of small files. */
const lookNarrow = (page: Page, name: string) => lookAt(page, `viewers/${name}`, { widths: [390] });

test("of a large file's bytes those are fetched that are looked at", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const bytes = Buffer.from(Uint8Array.from({ length: 20 << 20 }, (_, offset) => (offset % 16 === 0 ? 0 : offset >> 16)));
  const { carried } = await openLarge(context, page, "annie", { "big.bin": bytes });
  await show(page, "big.bin");
  const shown = editor(page).getByRole("region", { name: "Bytes" });
  const row = (offset: string) => shown.locator("> div > div").filter({ hasText: offset });
  await expect(editor(page).getByText("Not text: 20.0 MB")).toBeVisible();
  await expect(row("00010010")).toBeHidden();
  await expect(row("00000010")).toContainText("00 00 00");
  await editor(page).getByRole("textbox", { name: "Offset" }).fill("0x1230000");
  await expect(row("01230000")).toContainText("00 23 23");
  await shown.press("End");
  await expect(row("013ffff0")).toContainText("00 3f 3f");
  // The first part says that it is no text.
  expect(carried.get("big.bin")).toBeLessThan((4 << 20) + 16 * (64 << 10));
  await lookNarrow(page, "big-hex");
});

test("a large text is fetched in parts, as far as it is read", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const lines = numberedLines(18 << 20);
  const { id, carried } = await openLarge(context, page, "joan", { "big.log": lines });
  const text = page.locator(".view-lines").first();

  await test.step("as one scrolls, and by a button", async () => {
    await show(page, "big.log");
    await expect(editor(page).getByText("Too large to edit here: the first 4.0 MB of 18.0 MB are shown, read-only.")).toBeVisible();
    await expect(text).toContainText("line 1 of a large log");
    await looks(page, "viewers/big-text");
    await page.locator(".monaco-editor").first().click();
    await page.keyboard.press("ControlOrMeta+End");
    await expect(editor(page).getByText("the first 8.0 MB of 18.0 MB")).toBeVisible();
    await editor(page).getByRole("button", { name: "Show more" }).click();
    await expect(editor(page).getByText("the first 12.0 MB of 18.0 MB")).toBeVisible();
    expect(carried.get("big.log")).toBeLessThan(13 << 20);
  });

  await test.step("up to a line that a link names; what is there is searched", async () => {
    await page.goto(`${server.url}/workspace/?id=${id}&file=big.log&line=100000`);
    await expect(text).toContainText("line 100000 of a large log");
    await expect(editor(page).getByText("the first 8.0 MB of 18.0 MB")).toBeVisible();
    await page.keyboard.press("ControlOrMeta+f");
    await page.keyboard.insertText("line 90000 of");
    await page.keyboard.press("Enter");
    await expect(text).toContainText("line 90000 of a large log");
    await page.keyboard.press("Escape");
  });

  await test.step("what a program changes is shown, and as much as before", async () => {
    await expectTerminal(page, /\$ $/m);
    await typeInTerminal(page, "sed -i '90000s/.*/changed below/' big.log");
    await expect(text).toContainText("changed below");
    await expect(editor(page).getByText("the first 8.0 MB of 18.0 MB")).toBeVisible();
  });
});

test("large tables, notebooks and pictures", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await openLarge(context, page, "karen", {
    "big.csv": bigCSV(8 << 20),
    "big.ipynb": bigNotebook(6 << 20),
    "huge.ipynb": `{"cells":[{"cell_type":"code","source":"${"x".repeat(33 << 20)}"}]}`,
    "big.png": Buffer.concat([png(64, 48, [230, 160, 40]), Buffer.alloc(6 << 20)]),
  });

  await test.step("a table, as far as it is read", async () => {
    await show(page, "big.csv");
    const shown = editor(page).getByRole("table", { name: "Table" });
    await expect(shown.getByRole("cell", { name: "row 1", exact: true })).toBeVisible();
    await expect(editor(page).getByText(/: the first 4\.0 MB of 7\.\d MB are shown/)).toBeVisible();
    const count = () => shown.getAttribute("aria-rowcount").then(Number);
    const before = await count();
    await lookNarrow(page, "big-table");
    await editor(page).getByRole("button", { name: "Show more" }).click();
    await expect.poll(count).toBeGreaterThan(1.5 * before);
  });

  await test.step("a notebook and a picture, whole", async () => {
    await show(page, "big.ipynb");
    await expect(editor(page).getByRole("region", { name: "Notebook" }).getByRole("heading", { name: "Large" })).toBeVisible();
    await show(page, "big.png");
    await expect(editor(page).getByText("64 × 48")).toBeVisible();
    await editor(page).getByRole("button", { name: "Bytes" }).click();
    await expect(editor(page).getByRole("region", { name: "Bytes" })).toContainText("89 50 4e 47");
  });

  await test.step("a notebook that is too large says so, and its source can be read", async () => {
    await show(page, "huge.ipynb");
    await expect(editor(page).getByRole("heading", { name: "Too large to show here" })).toBeVisible();
    await lookNarrow(page, "huge-notebook");
    await editor(page).getByRole("button", { name: "Source" }).click();
    await expect(page.locator(".view-lines").first()).toContainText('{"cells"');
  });
});

test("a PDF is the browser's to show, by its type alone", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "grace");
  const viewer = await page.evaluate(() => navigator.pdfViewerEnabled);
  for (const name of ["paper.pdf", "page.pdf"]) {
    await show(page, name);
    if (viewer) {
      const frame = editor(page).locator(`iframe[title="${name}"]`);
      await expect(frame).toBeVisible();
      expect(await frame.getAttribute("src")).toMatch(new RegExp(`/file/${name}\\?raw=1$`)); // the name that the viewer shows
    } else {
      await expect(editor(page).getByText("This browser has no viewer for PDF.")).toBeVisible();
      await expect(editor(page).getByRole("link", { name: /^Download/ })).toBeVisible();
    }
  }
  await look(page, "pdf");
  expect(await pwned(page)).toBe(false);
});

test("on narrow screens", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(context, page, "mary");
  for (const [name, ready] of [["note.ipynb", "Notebook"], ["table.csv", "Table"], ["data.bin", "Bytes"], ["logo.png", "Picture"]] as const) {
    await show(page, name);
    await expect(editor(page).getByLabel(ready, { exact: true })).toBeVisible();
    await look(page, name);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBe(390);
  }
  await page.setViewportSize({ width: 1024, height: 768 });
  await look(page, "picture");
  await show(page, "note.ipynb");
  await look(page, "notebook");
});
