import { type BrowserContext, type Page } from "@playwright/test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSession, expectTerminal, look as lookAt, looks, openSession, register, showPane } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// The explorer: several selected, cut, copy, paste, drag, uploads, downloads, marks, filter, many entries, names that are markup.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const markup = '<img src=x onerror="window.pwned=1">.txt';


const open = (context: BrowserContext, page: Page, username: string, paths: readonly string[] = []) =>
  openSession(context, page, server.url, username, "to explore", Object.fromEntries(paths.map((path) => [path, path])));

async function paths(context: BrowserContext, id: string): Promise<string[]> {
  const items = (await (await context.request.get(`${server.url}/api/workspace/${id}/files`)).json()) as { path: string; type: string }[];
  return items.filter(({ type }) => type === "file").map(({ path }) => path).sort();
}

const tree = (page: Page) => page.getByRole("tree", { name: "Files" });
const row = (page: Page, name: string) => tree(page).getByRole("treeitem", { name, exact: true });
const selected = (page: Page) => tree(page).getByRole("treeitem", { selected: true });

// An open menu is in the body, beside the page's regions.
const look = (page: Page, name: string) => lookAt(page, `explorer/${name}`, { without: ["region"] });

test("several entries are selected, moved, copied and deleted", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "ada", ["a.txt", "b.txt", "c.txt", "d.txt", "sub/x.txt", markup]);

  await test.step("with Ctrl, with Shift, by keys", async () => {
    await row(page, "a.txt").click();
    await row(page, "c.txt").click({ modifiers: ["ControlOrMeta"] });
    await expect(selected(page)).toHaveText(["a.txt", "c.txt"]);
    await row(page, "a.txt").click();
    await row(page, "c.txt").click({ modifiers: ["Shift"] });
    await expect(selected(page)).toHaveText(["a.txt", "b.txt", "c.txt"]);
    await tree(page).focus();
    await page.keyboard.press("Shift+ArrowDown");
    await expect(selected(page)).toHaveText(["a.txt", "b.txt", "c.txt", "d.txt"]);
    await look(page, "selected");
    await page.keyboard.press("ControlOrMeta+a");
    await expect(selected(page)).toHaveCount(await tree(page).getByRole("treeitem").count());
    await page.keyboard.press("Escape");
    await expect(selected(page)).toHaveCount(0);
    await expect(tree(page)).toHaveAttribute("aria-multiselectable", "true");
  });

  await test.step("copied beside themselves, duplicated, cut and pasted", async () => {
    await row(page, "a.txt").click();
    await row(page, "b.txt").click({ modifiers: ["ControlOrMeta"] });
    await tree(page).focus();
    await page.keyboard.press("ControlOrMeta+c");
    await page.keyboard.press("ControlOrMeta+v");
    await expect(selected(page)).toHaveText(["a copy.txt", "b copy.txt"]);
    await page.keyboard.press("ControlOrMeta+x");
    await row(page, "sub").click();
    await page.keyboard.press("ControlOrMeta+v");
    await expect.poll(() => paths(context, id)).toEqual(expect.arrayContaining(["sub/a copy.txt", "sub/b copy.txt"]));
    await expect(row(page, "a copy.txt")).toHaveCount(1);
    await row(page, "d.txt").click({ button: "right" });
    await look(page, "menu");
    await page.getByRole("menuitem", { name: "Duplicate" }).click();
    await expect(row(page, "d copy.txt")).toBeVisible();
  });

  await test.step("dragged to where it is edited, or named", async () => {
    await row(page, "d copy.txt").dragTo(page.getByRole("region", { name: "Editor" }).getByRole("tabpanel"));
    await expect(page.getByRole("tab", { name: "d copy.txt", selected: true })).toBeVisible();
    await expectTerminal(page, /\$ $/m);
    await row(page, "d copy.txt").dragTo(page.getByRole("tabpanel", { name: "Terminal 1" }));
    await expectTerminal(page, /\$ '\/app\/d copy\.txt' $/m);
  });

  await test.step("dragged and deleted together", async () => {
    await row(page, "c.txt").click();
    await row(page, "d.txt").click({ modifiers: ["ControlOrMeta"] });
    await row(page, "c.txt").dragTo(row(page, "sub"));
    await expect.poll(() => paths(context, id)).toEqual(expect.arrayContaining(["sub/c.txt", "sub/d.txt"]));
    await expect(selected(page)).toHaveText(["c.txt", "d.txt"]);
    await tree(page).focus();
    await page.keyboard.press("Delete");
    const dialog = page.getByRole("dialog", { name: "Delete 2 entries?" });
    await expect(dialog).toContainText("sub/c.txt");
    await look(page, "delete");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await expect.poll(() => paths(context, id)).not.toEqual(expect.arrayContaining(["sub/c.txt"]));
    await expect(row(page, "c.txt")).toHaveCount(0);
  });

  await test.step("markup in a name is text", async () => {
    await expect(row(page, markup)).toContainText("<img src=x");
    await row(page, markup).click();
    await tree(page).focus();
    await page.keyboard.press("Delete");
    await expect(page.getByRole("dialog")).toContainText("<img src=x");
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => "pwned" in window)).toBe(false);
  });

  await test.step("a selection is downloaded as a zip", async () => {
    await row(page, "a.txt").click();
    await row(page, "sub").click({ modifiers: ["ControlOrMeta"] });
    await row(page, "sub").click({ button: "right" });
    const download = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: "Download 2 entries as zip" }).click();
    const bytes = readFileSync(await (await download).path());
    expect(bytes.includes("sub/x.txt") && bytes.includes("a.txt")).toBe(true);
    expect(bytes.includes("b.txt") || bytes.includes("main.py")).toBe(false);
  });

  await test.step("the filter shows what has the letters, wherever it is", async () => {
    await page.getByRole("button", { name: "Collapse all" }).click();
    await page.getByRole("button", { name: "Filter files" }).click();
    await page.getByRole("searchbox", { name: "Filter files by name" }).fill("x.t");
    await expect(page.getByText("1 found")).toBeVisible();
    await expect(tree(page).getByRole("treeitem")).toHaveText(["sub", "x.txt"]);
    await looks(page, "explorer/filter", { narrow: () => showPane(page, "Files") });
    await page.getByRole("searchbox", { name: "Filter files by name" }).fill("zzzz");
    await expect(page.getByText("No name has this in it.")).toBeVisible();
    await page.keyboard.press("Escape");
    await expect(row(page, "a.txt")).toBeVisible();
    await expect(row(page, "x.txt")).toHaveCount(0);
  });

  await test.step("the file that is opened is brought into sight", async () => {
    await page.keyboard.press("ControlOrMeta+p");
    await page.getByRole("combobox", { name: "Files, lines and commands" }).fill("sub/x");
    await page.keyboard.press("Enter");
    await expect(selected(page)).toHaveText(["x.txt"]);
  });
});

test("files, folders and archives are uploaded", async ({ page, context, errors }, info) => {
  errors.allow(answered(413, "/file/large.bin"));
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "grace", ["a.txt", "sub/x.txt"]);
  const choose = page.getByLabel("Files to upload", { exact: true });
  const file = (name: string, text: string) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
  const content = async (path: string) => (await context.request.get(`${server.url}/api/workspace/${id}/file/${encodeURIComponent(path)}?raw=1`)).text();

  await test.step("names that exist are asked about once", async () => {
    await choose.setInputFiles([file("a.txt", "new"), file("one.txt", "1"), file("two.txt", "2")]);
    const dialog = page.getByRole("dialog", { name: "One file exists already" });
    await expect(dialog).toContainText("a.txt");
    await look(page, "existing");
    await dialog.getByRole("button", { name: "Keep both" }).click();
    await expect(row(page, "a copy.txt")).toBeVisible();
    await expect(row(page, "two.txt")).toBeVisible();
    expect(await content("a.txt")).toBe("a.txt");
    await choose.setInputFiles([file("a.txt", "newer")]);
    await dialog.getByRole("button", { name: "Replace" }).click();
    await expect.poll(() => content("a.txt")).toBe("newer");
  });

  await test.step("what is too large is told in words", async () => {
    await choose.setInputFiles([{ name: "large.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(11 << 20) }, file("three.txt", "3")]);
    const failures = page.getByRole("region", { name: "Not uploaded" });
    await expect(failures).toContainText("large.bin");
    await expect(failures).toContainText("Split it");
    await expect(row(page, "three.txt")).toBeVisible();
    await looks(page, "explorer/failed", { narrow: () => showPane(page, "Files") });
    await failures.getByRole("button", { name: "Dismiss" }).click();
    await expect(failures).toBeHidden();
  });

  await test.step("an upload is seen and can be stopped", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route("**/file/held-*", async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    await choose.setInputFiles([file("held-1.txt", "x".repeat(5000)), file("held-2.txt", "x".repeat(90_000))]);
    const progress = page.getByRole("group", { name: "Upload" });
    await expect(progress).toContainText("Uploading 1 of 2");
    await look(page, "progress");
    await progress.getByRole("button", { name: "Cancel" }).click();
    await expect(progress).toBeHidden();
    release();
    await page.unroute("**/file/held-*");
    expect(await paths(context, id)).not.toContain("held-1.txt");
  });

  await test.step("a folder keeps its shape", async () => {
    const folder = info.outputPath("album");
    mkdirSync(join(folder, "deep"), { recursive: true });
    for (const name of ["one.jpg", "deep/two.jpg"]) writeFileSync(join(folder, name), name);
    await page.getByLabel("Folder to upload").setInputFiles(folder);
    await expect.poll(() => paths(context, id)).toEqual(expect.arrayContaining(["album/deep/two.jpg", "album/one.jpg"]));
  });

  await test.step("what is dropped is uploaded", async () => {
    await tree(page).evaluate((target) => {
      const data = new DataTransfer();
      const blob = new File(["dropped"], "dropped.txt", { type: "text/plain" });
      data.items.add(blob);
      target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await expect(row(page, "dropped.txt")).toBeVisible();
  });

  await test.step("an archive is unpacked into a folder", async () => {
    const zip = await context.request.get(`${server.url}/api/workspace/${id}/archive?path=sub`);
    await row(page, "sub").click({ button: "right" });
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("menuitem", { name: "Unpack a zip here…" }).click();
    await (await chooser).setFiles({ name: "again.zip", mimeType: "application/zip", buffer: await zip.body() });
    await expect(page.getByText("1 file came out of again.zip.")).toBeVisible();
  });
});

test("50,000 entries are shown, opened and scrolled", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await register(context, server.url, "mary");
  const id = await createSession(context, server.url, "many");
  const crowd = Array.from({ length: 50_000 }, (_, index) => ({ name: `f${index}.txt`, path: `crowd/f${index}.txt`, type: "file", revision: 1, saved: index !== 3, unsaved_reason: index === 3 ? "ignored" : "" }));
  const items = [{ name: "crowd", path: "crowd", type: "folder", revision: 1, saved: true }, ...crowd, { name: "main.py", path: "main.py", type: "file", revision: 1, saved: true }];
  // The list alone is not the server's: it is the page that has to bear it.
  await page.route(`**/api/workspace/${id}/files`, (route) => route.fulfill({ json: items, headers: { "X-Workspace-Revision": "1" } }));
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await row(page, "crowd").click();
  await expect(row(page, "f0.txt")).toBeVisible();
  await expect(tree(page).getByRole("treeitem", { name: /^f3\.txt, not saved: generated files/ })).toBeVisible();
  expect(await tree(page).getByRole("treeitem").count()).toBeLessThan(100);
  await expect(row(page, "f0.txt")).toHaveAttribute("aria-setsize", "50000");
  await tree(page).focus();
  await page.keyboard.press("End");
  await expect(selected(page)).toHaveText("main.py");
  await page.keyboard.press("ArrowUp");
  await expect(selected(page)).toHaveText("f49999.txt");
  const frames = await tree(page).evaluate(async (element) => {
    const box = element.parentElement;
    if (!box) throw new Error("no scroller");
    const times: number[] = [];
    let last = performance.now();
    for (let step = 0; step < 60; step++) {
      box.scrollTop = step * 9000;
      await new Promise(requestAnimationFrame);
      times.push(performance.now() - last);
      last = performance.now();
    }
    times.sort((a, b) => a - b);
    return { median: times[30], p95: times[57], most: times[59] };
  });
  test.info().annotations.push({ type: "frames of scrolling 50,000 rows (ms)", description: JSON.stringify(frames) });
  console.log("frames of scrolling 50,000 rows (ms)", JSON.stringify(frames));
});

test("on a narrow screen", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(context, page, "joan", ["a.txt", "b.txt", "sub/x.txt"]);
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "Files" }).click();
  await expect(row(page, "sub")).toBeVisible();
  await page.getByRole("button", { name: "More file actions" }).click();
  await look(page, "more");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Filter files" }).click();
  await page.getByRole("searchbox", { name: "Filter files by name" }).fill("txt");
  await expect(row(page, "x.txt")).toBeVisible();
  await look(page, "filter");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});
