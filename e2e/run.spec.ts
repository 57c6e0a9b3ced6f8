import { type BrowserContext, type Page } from "@playwright/test";
import { expectTerminal, look, looks, openFile, openSession, showPane, terminalText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test } from "./test.ts";

// Running the open file: in a terminal of its own, with arguments, to its exit status, stopped, and with what it draws.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const files: Readonly<Record<string, string>> = {
  "args.py": "import sys\nprint('got', sys.argv[1:])\nsys.exit(len(sys.argv) - 1)\n",
  "wait.py": "import time\nprint('waiting', flush=True)\ntime.sleep(600)\n",
  "deep/tool.js": "console.log('node here', process.cwd())\n",
  "deep/boom.py": "def fail():\n    raise ValueError('on purpose')\n\nfail()\n",
  "typed.ts": "const n: number = 6 * 7;\nconsole.log('typed', n);\n",
  "web/.prettierrc": "semi: false\nsingleQuote: true\n",
  "web/app.js": "const a = \"b\" ; f( a )\n",
  "prog.c": "#include <stdio.h>\nint main(int argc, char **argv) { printf(\"c here %d\\n\", argc); return 0; }\n",
  "plot.py": "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.title('Squares')\nplt.show()\nplt.bar([1, 2], [3, 4])\nplt.show()\n",
};

const open = (context: BrowserContext, page: Page, username: string) => openSession(context, page, server.url, username, "to run", files);

const status = (page: Page, text: string) => page.getByRole("banner").getByRole("status").filter({ hasText: text });

test("a file is run, with arguments, stopped, and says how it ended", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "ada");
  const run = page.getByRole("button", { name: "Run", exact: true });

  await test.step("in a terminal of its own, from the workspace's root", async () => {
    await page.getByRole("tree", { name: "Files" }).getByRole("treeitem", { name: "deep" }).click();
    await openFile(page, "tool.js");
    await page.keyboard.press("ControlOrMeta+Enter");
    await expectTerminal(page, /node here \/app/);
    await expect(status(page, "tool.js: finished")).toBeVisible();
    await expect(page.getByRole("tab", { name: "Terminal run" })).toHaveAttribute("aria-selected", "true");
  });

  await test.step("with arguments, which are remembered", async () => {
    await openFile(page, "args.py");
    await page.getByRole("button", { name: "Run with arguments" }).click();
    const dialog = page.getByRole("dialog", { name: "Run args.py with arguments" });
    await dialog.getByRole("textbox", { name: "Arguments" }).fill("one 'two words'");
    await looks(page, "run/arguments");
    await dialog.getByRole("button", { name: "Run" }).click();
    await expectTerminal(page, /got \['one', 'two words'\]/);
    await expect(status(page, "args.py: exit 2")).toBeVisible();
    await looks(page, "run/exit", { narrow: () => showPane(page, "Shell") });
    await page.getByRole("button", { name: "Run with arguments" }).click();
    await expect(dialog.getByRole("textbox", { name: "Arguments" })).toHaveValue("one 'two words'");
    await dialog.getByRole("button", { name: "Cancel" }).click();
    // The same terminal again.
    await expect(page.getByRole("tab", { name: /^Terminal run/ })).toHaveCount(1);
  });

  await test.step("stopped by a button, and by running again", async () => {
    await openFile(page, "wait.py");
    await run.click();
    await expectTerminal(page, /waiting/);
    await expect(status(page, "Running wait.py")).toBeVisible();
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await expect(status(page, "wait.py: stopped")).toBeVisible();
    await expectTerminal(page, /KeyboardInterrupt/);
    await run.click();
    await expect.poll(async () => (await terminalText(page)).match(/^waiting/gm)?.length).toBe(2);
    await openFile(page, "prog.c");
    await page.getByRole("button", { name: "Run again" }).click();
    await expectTerminal(page, /c here 1/);
    await expect(status(page, "prog.c: finished")).toBeVisible();
  });
});

test("figures appear beside what draws them, and stay as files", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "grace");
  await expectTerminal(page, /\$ $/m);
  await openFile(page, "plot.py");
  await expect(page.locator(".view-lines").first()).toContainText("Squares");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const beside = page.getByRole("tablist", { name: "Open files, group 2" }).getByRole("tab");
  // The first import makes the font cache of matplotlib.
  await expect(beside).toHaveText(["plot-1.png", "plot-2.png"], { timeout: 60_000 });
  await expect(page.getByRole("img", { name: "plot-2.png" })).toBeVisible();
  await expect(status(page, "plot.py: finished")).toBeVisible();
  await beside.first().click();
  await expect(page.getByText("640 × 480")).toBeVisible();
  // What drew it keeps the keys, and its tab.
  await expect(page.getByRole("tab", { name: "plot.py", selected: true })).toBeVisible();
  await looks(page, "run/figures");
  // One whose other name has been saved before it gets its own.
  await page.getByRole("tab", { name: "Terminal 1" }).click();
  await typeInTerminal(page, "cp .figures/plot-1.png .figures/late.png.part");
  await expect.poll(async () => (await context.request.get(`${server.url}/api/workspace/${id}/file/.figures/late.png.part?raw=1`)).status()).toBe(200);
  await typeInTerminal(page, "mv .figures/late.png.part .figures/late.png");
  await expect(beside.filter({ hasText: "late.png" })).toBeVisible();
  const kept = await context.request.get(`${server.url}/api/workspace/${id}/file/.figures/plot-1.png?raw=1`);
  expect((await kept.body()).subarray(1, 4).toString()).toBe("PNG");
  expect(await (await context.request.get(`${server.url}/api/workspace/${id}/files`)).json()).not.toContainEqual(expect.objectContaining({ name: expect.stringMatching(/\.part$/) }));
});

/** clickInTerminal clicks on a text that the terminal in front shows, where it is. */
async function clickInTerminal(page: Page, text: string): Promise<void> {
  const line = page.locator(".xterm-rows > div").filter({ hasText: text }).last();
  const place = await line.evaluate((row, wanted) => {
    const walk = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
    const range = document.createRange();
    let left = (row.textContent ?? "").indexOf(wanted);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const length = node.textContent?.length ?? 0;
      if (left < length) {
        range.setStart(node, left);
        range.setEnd(node, left + 1);
        break;
      }
      left -= length;
    }
    const { x, y, height } = range.getBoundingClientRect();
    return { x: x + 2, y: y + height / 2 };
  }, text);
  // A link is one once the pointer is on it.
  await page.mouse.move(place.x, place.y - 40);
  await page.mouse.move(place.x, place.y);
  await page.mouse.move(place.x + 1, place.y);
  await expect(page.locator(".xterm-screen.xterm-cursor-pointer, .xterm.xterm-cursor-pointer, .xterm-cursor-pointer").first()).toBeVisible();
  await page.mouse.click(place.x + 1, place.y);
}

test("what a program prints of a place leads there", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "rosa");
  // The graphics card's letters are nowhere in the page: these are.
  const chosen = await context.request.put(`${server.url}/api/users/me/settings`, { data: { version: 0, settings: { terminal: { webgl: false } } } });
  expect(chosen.ok(), await chosen.text()).toBe(true);
  await expect(page.locator(".xterm-rows > div").filter({ hasText: "$" }).first()).toBeVisible();
  const cursor = page.getByRole("button", { name: /^Ln |Go to line/ }).or(page.getByText(/^Ln \d+, Col \d+$/)).first();
  await page.getByRole("tree", { name: "Files" }).getByRole("treeitem", { name: "deep" }).click();
  await openFile(page, "boom.py");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expectTerminal(page, /ValueError: on purpose/);
  await openFile(page, "main.py");
  await clickInTerminal(page, 'boom.py", line 2, in fail');
  await expect(page.getByRole("tab", { name: "boom.py", selected: true })).toBeVisible();
  await expect(cursor).toContainText("Ln 2");
  await page.getByRole("tab", { name: "Terminal 1" }).click();
  await expect(page.getByRole("tab", { name: "Terminal 1" })).toHaveAttribute("aria-selected", "true");
  await typeInTerminal(page, "clear; grep -n c prog.c /dev/null | head -1; echo see args.py:3:5");
  await expectTerminal(page, /^see args\.py:3:5/m);
  await clickInTerminal(page, "args.py:3:5");
  await expect(page.getByRole("tab", { name: "args.py", selected: true })).toBeVisible();
  await expect(cursor).toContainText("Ln 3, Col 5");
  await look(page, "run/places");
});

test("TypeScript runs where something runs it, and else the terminal says what to install", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "anders");
  await openFile(page, "typed.ts");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 6)) {
    await expectTerminal(page, /^typed 42/m);
  } else {
    await expectTerminal(page, /^Node\.js runs TypeScript from version 22\.6 on/m);
    await expect(status(page, "not installed here")).toBeVisible();
    await look(page, "run/typescript");
  }
});

test("Format is by the workspace's settings", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "vera");
  await page.getByRole("tree", { name: "Files" }).getByRole("treeitem", { name: "web" }).click();
  await openFile(page, "app.js");
  await expect(page.locator(".view-lines").first()).toContainText("const a");
  await page.locator(".monaco-editor").first().click();
  await page.keyboard.press("Alt+Shift+f");
  const stored = async () => (await context.request.get(`${server.url}/api/workspace/${id}/file/web/app.js?raw=1`)).text();
  await expect.poll(stored).toBe("const a = 'b'\nf(a)\n");
});

test("on a narrow screen", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(context, page, "mary");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expectTerminal(page, /Hello/i);
  await look(page, "run/ran");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});
