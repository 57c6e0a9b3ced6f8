import { type Browser, firefox } from "@playwright/test";
import { createSession, expectTerminal, openFile, openSession, register, replaceEditor, storedText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test, unreachable, watch } from "./test.ts";

// The same product in Firefox: the browser as Debian ships it, driven over WebDriver BiDi. The versions of Playwright
// and of that Firefox have to understand each other, which is why package.json names one exactly.

let server: Server;
let browser: Browser;

test.beforeAll(async () => {
  server = await Server.create();
  browser = await firefox.launch({
    channel: "moz-firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
  });
  watch(browser);
});

test.afterAll(async () => {
  await browser.close();
  await server.destroy();
});

test("Firefox: edit, run, type in the terminal, reload, and survive a kill of the backend", async ({ errors }) => {
  errors.allow(...unreachable);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await register(context, server.url, "fox");
  const id = await createSession(context, server.url, "in Firefox");
  const fileOf = async (path: string) => {
    const answer = await context.request.get(`${server.url}/api/workspace/${id}/file/${path}?raw=1`);
    return answer.ok() ? answer.text() : null;
  };

  await test.step("edit and run", async () => {
    await page.goto(`${server.url}/workspace/?id=${id}`);
    await openFile(page, "main.py");
    await replaceEditor(page, 'print("fox", 6 * 7)\n');
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(() => fileOf("main.py")).toContain("6 * 7");
    await expectTerminal(page, /\$ $/m);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expectTerminal(page, /fox 42/);
    await page.getByRole("tab", { name: "Terminal 1" }).click();
  });

  await test.step("what a program makes is in the tree and in the database", async () => {
    await typeInTerminal(page, "echo kept > made.txt; kept=yes");
    await expect(page.getByRole("treeitem", { name: "made.txt" })).toBeVisible();
    await expect.poll(() => fileOf("made.txt")).toBe("kept\n");
  });

  await test.step("a reload and a kill -9 of the backend leave the same shell", async () => {
    // The terminal is there before the last of what the editor fetches, for which a dead server is an error of its own.
    const fetched = ["/monaco/editor.worker.js", "/monaco/chunks/python-"].map(async (part) => {
      const response = await page.waitForResponse((answer) => answer.url().includes(part));
      await response.finished();
    });
    await page.reload();
    await expectTerminal(page, /made\.txt/);
    await Promise.all(fetched);
    await server.stop("SIGKILL");
    await server.start();
    await typeInTerminal(page, 'echo "is it kept: $kept"');
    await expectTerminal(page, /is it kept: yes/);
  });
  await context.close();
});

test("Firefox: files are made, written, found in, renamed, moved and deleted", async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  const id = await openSession(context, page, server.url, "vixen", "files in Firefox", { "notes.txt": "one\ntwo\nthree\n", "folder/inner.txt": "inner\n" });
  const tree = page.getByRole("tree", { name: "Files" });
  const row = (name: string) => tree.getByRole("treeitem", { name, exact: true });
  await expectTerminal(page, /\$ $/m);
  const paths = async () => ((await (await context.request.get(`${server.url}/api/workspace/${id}/files`)).json()) as { path: string }[]).map(({ path }) => path);

  await test.step("made and written", async () => {
    await page.getByRole("button", { name: "New file" }).click();
    await expect(page.getByRole("textbox", { name: "Name" })).toBeFocused();
    await page.keyboard.type("made.py");
    await page.keyboard.press("Enter");
    await expect(page.locator(".monaco-editor textarea").first()).toBeFocused();
    await page.keyboard.type("print(6 * 7)");
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(() => storedText(context, server.url, id, "made.py")).toBe("print(6 * 7)");
    await expect(page.getByText("All changes saved")).toBeVisible();
  });

  await test.step("found: in the file, and in all", async () => {
    await openFile(page, "notes.txt");
    await expect(page.locator(".view-lines").first()).toContainText("three");
    await page.locator(".view-line").first().click();
    await page.keyboard.press("ControlOrMeta+f");
    await page.keyboard.type("three");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await expect(page.getByText("Ln 3, Col 6")).toBeVisible();
    await page.keyboard.press("ControlOrMeta+Shift+f");
    const pane = page.getByRole("region", { name: "Search" });
    await expect(pane.getByRole("textbox", { name: "Search", exact: true })).toBeFocused();
    await page.keyboard.type("inner");
    await expect(pane.getByText("1 match in 1 file")).toBeVisible();
    await page.keyboard.press("ControlOrMeta+Shift+e");
    await expect(tree).toBeFocused();
  });

  await test.step("renamed, moved, deleted, brought back", async () => {
    await row("notes.txt").click();
    await page.keyboard.press("F2");
    await page.keyboard.type("renamed");
    await page.keyboard.press("Enter");
    await expect(row("renamed.txt")).toBeVisible();
    // By keys: a drag that the driver's pointer begins is never ended by it here. The page, and any page, gets dragstart
    // and dragover, and after the release of the button neither drop nor dragend.
    await page.keyboard.press("ControlOrMeta+x");
    await row("folder").click();
    await page.keyboard.press("ControlOrMeta+v");
    await expect.poll(paths).toContain("folder/renamed.txt");
    await expect(page.getByRole("tab", { name: "renamed.txt" })).toBeVisible();
    await row("made.py").click();
    await page.keyboard.press("Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(row("made.py")).toBeHidden();
    await expect(tree).toBeFocused();
    await page.keyboard.press("ControlOrMeta+z");
    await expect(row("made.py")).toBeVisible();
  });
  await context.close();
});
