import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSession, register } from "./page.ts";
import { Server } from "./server.ts";

// The explorer: several entries at once, by mouse and by keyboard, uploads with what is there already, zip, the filter.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

async function open(context: BrowserContext, page: Page, username: string, files: Readonly<Record<string, string>>): Promise<string> {
  await register(context, server.url, username);
  const id = await createSession(context, server.url, "many files");
  for (const [path, content] of Object.entries(files)) {
    const address = `${server.url}/api/workspace/${id}/file/${path.split("/").map(encodeURIComponent).join("/")}`;
    expect((await context.request.post(address, { data: { content } })).ok(), path).toBe(true);
  }
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.getByRole("tab", { name: "main.py" })).toBeVisible();
  return id;
}

async function paths(context: BrowserContext, id: string): Promise<string[]> {
  const items = (await (await context.request.get(`${server.url}/api/workspace/${id}/files`)).json()) as { path: string; type: string }[];
  return items.filter(({ type }) => type === "file").map(({ path }) => path).sort();
}

async function contentOf(context: BrowserContext, id: string, path: string): Promise<string> {
  return (await context.request.get(`${server.url}/api/workspace/${id}/file/${path}?raw=1`)).text();
}

const tree = (page: Page) => page.getByRole("tree", { name: "Files" });
const row = (page: Page, name: string) => tree(page).getByRole("treeitem", { name, exact: true });

async function look(page: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"]) {
    await page.evaluate(async (chosen) => {
      localStorage.setItem("theme", chosen);
      window.dispatchEvent(new StorageEvent("storage", { key: "theme" }));
      const fading = document.getAnimations().filter((each) => each instanceof CSSTransition);
      await Promise.all(fading.map((each) => each.finished));
    }, theme);
    await page.screenshot({ path: `results/explorer/${name}-${page.viewportSize()?.width}-${theme}.png` });
    // A menu is over the page's regions, not in one.
    const { violations } = await new AxeBuilder({ page }).disableRules("region").exclude(".monaco-editor").exclude(".xterm").analyze();
    expect(violations.map(({ id, nodes }) => `${name}, ${theme}, ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  }
}

test("several entries are copied, moved, duplicated and deleted together", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "ada", { "a.txt": "a", "b.txt": "b", "c.txt": "c", "to/kept.txt": "k" });

  await test.step("a range by keyboard is copied into a folder", async () => {
    await row(page, "a.txt").click();
    await tree(page).focus();
    await page.keyboard.press("Shift+ArrowDown");
    await expect(tree(page).getByRole("treeitem", { selected: true })).toHaveCount(2);
    await page.keyboard.press("ControlOrMeta+c");
    await page.keyboard.press("Home");
    await page.keyboard.press("ControlOrMeta+v");
    await expect.poll(() => paths(context, id)).toEqual(["a.txt", "b.txt", "c.txt", "main.py", "to/a.txt", "to/b.txt", "to/kept.txt"]);
  });

  await test.step("what is cut is moved, beside what is there already", async () => {
    await row(page, "c.txt").click();
    await tree(page).focus();
    await page.keyboard.press("ControlOrMeta+x");
    await row(page, "kept.txt").click({ modifiers: ["ControlOrMeta"] });
    await row(page, "kept.txt").click({ button: "right" });
    await look(page, "menu");
    await page.getByRole("menuitem", { name: "Paste" }).click();
    await expect.poll(() => paths(context, id)).toEqual(["a.txt", "b.txt", "main.py", "to/a.txt", "to/b.txt", "to/c.txt", "to/kept.txt"]);
  });

  await test.step("a duplicate has a name of its own", async () => {
    await tree(page).getByRole("treeitem", { name: "b.txt", exact: true }).last().click({ button: "right" });
    await page.getByRole("menuitem", { name: "Duplicate" }).click();
    await expect.poll(() => paths(context, id)).toContain("b copy.txt");
    expect(await contentOf(context, id, "b%20copy.txt")).toBe("b");
  });

  await test.step("what is dragged takes the rest of the selection with it", async () => {
    await row(page, "b copy.txt").click();
    await row(page, "main.py").click({ modifiers: ["ControlOrMeta"] });
    await row(page, "main.py").dragTo(row(page, "to"));
    await expect.poll(() => paths(context, id)).toEqual(["a.txt", "b.txt", "to/a.txt", "to/b copy.txt", "to/b.txt", "to/c.txt", "to/kept.txt", "to/main.py"]);
    await expect(page.getByRole("tab", { name: "main.py" })).toBeVisible();
  });

  await test.step("a selection is deleted, and Undo brings all of it back", async () => {
    await row(page, "to").click({ modifiers: ["ControlOrMeta"] });
    await row(page, "to").click();
    await tree(page).focus();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.press("Delete");
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("Delete 3 entries?");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await expect.poll(() => paths(context, id)).toEqual([]);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(async () => (await paths(context, id)).length).toBe(8);
  });
});

test("files and folders are uploaded, asked about once, and unpacked", async ({ page, context }, info) => {
  await page.setViewportSize({ width: 1024, height: 768 });
  const id = await open(context, page, "bea", { "one.txt": "old" });
  const input = (kind: string) => page.locator(`input[data-upload=${kind}]`);
  const buffer = (text: string) => ({ mimeType: "text/plain", buffer: Buffer.from(text) });

  await test.step("a folder keeps its shape", async () => {
    const folder = info.outputPath("album");
    mkdirSync(join(folder, "deep"), { recursive: true });
    for (const name of ["a.txt", "deep/b.txt"]) writeFileSync(join(folder, name), name);
    await input("folder").setInputFiles(folder);
    await expect.poll(() => paths(context, id)).toEqual(["album/a.txt", "album/deep/b.txt", "main.py", "one.txt"]);
  });

  await test.step("names that are taken are asked about once", async () => {
    const dialog = page.getByRole("dialog");
    const upload = (text: string) => input("files").setInputFiles([{ name: "one.txt", ...buffer(text) }, { name: "two.txt", ...buffer(text) }]);
    await upload("new");
    await expect(dialog).toContainText("1 file is there already");
    await look(page, "taken");
    await dialog.getByRole("button", { name: "Keep both" }).click();
    await expect.poll(() => paths(context, id)).toContain("one copy.txt");
    await expect.poll(() => contentOf(context, id, "one%20copy.txt")).toBe("new");
    expect(await contentOf(context, id, "one.txt")).toBe("old");
    await upload("newer");
    await dialog.getByRole("button", { name: "Replace" }).click();
    await expect.poll(() => contentOf(context, id, "one.txt")).toBe("newer");
  });

  await test.step("what is refused is named, and the rest is there", async () => {
    await input("files").setInputFiles([{ name: "huge.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(11 << 20) }, { name: "small.txt", ...buffer("s") }]);
    await expect(page.getByRole("alert").filter({ hasText: "huge.bin" })).toBeVisible();
    await expect.poll(() => paths(context, id)).toContain("small.txt");
    await look(page, "refused");
    await page.getByRole("button", { name: "Dismiss" }).last().click();
  });

  await test.step("a zip is unpacked where it was asked for", async () => {
    const zip = await (await context.request.get(`${server.url}/api/workspace/${id}/archive?path=album`)).body();
    await input("zip").setInputFiles({ name: "album.zip", mimeType: "application/zip", buffer: zip });
    await expect(page.getByRole("status").filter({ hasText: "Unpacked 2 files" })).toBeVisible();
  });
});

test("the filter shows what has a text in its name, and names are never markup", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const markup = "<img src=x onerror=window.pwned=1>.txt";
  await open(context, page, "cleo", { "src/deep/needle.py": "", "src/hay.py": "", [markup]: "" });
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Files" }).click();
  await expect(row(page, markup)).toBeVisible();
  await page.getByRole("button", { name: "Filter by name" }).click();
  await page.getByRole("searchbox", { name: "Filter files by name" }).fill("NEED");
  await expect(row(page, "needle.py")).toBeVisible();
  await expect(tree(page).getByRole("treeitem")).toHaveCount(3);
  await look(page, "filter");
  await page.getByRole("searchbox").fill("<img");
  await expect(tree(page).getByRole("treeitem")).toHaveCount(1);
  await page.getByRole("searchbox").fill("nowhere");
  await expect(page.getByText("No name has “nowhere” in it.")).toBeVisible();
  await page.getByRole("searchbox").press("Escape");
  await expect(row(page, "main.py")).toBeVisible();
  expect(await page.evaluate(() => "pwned" in window)).toBe(false);
});
