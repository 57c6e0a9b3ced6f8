import { type Browser, firefox } from "@playwright/test";
import { createSession, expectTerminal, openFile, register, replaceEditor, typeInTerminal } from "./page.ts";
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
