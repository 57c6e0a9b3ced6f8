import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { createSession, expectTerminal, openFile, register, terminalText } from "./page.ts";
import { Server } from "./server.ts";

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
  "prog.c": "#include <stdio.h>\nint main(int argc, char **argv) { printf(\"c here %d\\n\", argc); return 0; }\n",
  "plot.py": "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9])\nplt.title('Squares')\nplt.show()\nplt.bar([1, 2], [3, 4])\nplt.show()\n",
};

async function open(context: BrowserContext, page: Page, username: string): Promise<string> {
  await register(context, server.url, username);
  const id = await createSession(context, server.url, "to run");
  for (const [path, content] of Object.entries(files)) {
    expect((await context.request.post(`${server.url}/api/workspace/${id}/file/${path}`, { data: { content } })).ok(), path).toBe(true);
  }
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.getByRole("tab", { name: "main.py" })).toBeVisible();
  return id;
}

const status = (page: Page, text: string) => page.getByRole("banner").getByRole("status").filter({ hasText: text });

async function look(page: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"]) {
    await page.evaluate(async (chosen) => {
      localStorage.setItem("theme", chosen);
      window.dispatchEvent(new StorageEvent("storage", { key: "theme" }));
      const fading = document.getAnimations().filter((each) => each instanceof CSSTransition);
      await Promise.all(fading.map((each) => each.finished));
    }, theme);
    await page.screenshot({ path: `results/run/${name}-${page.viewportSize()?.width}-${theme}.png` });
    const { violations } = await new AxeBuilder({ page }).exclude(".monaco-editor").exclude(".xterm").analyze();
    expect(violations.map(({ id, nodes }) => `${name}, ${theme}, ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
  }
}

test("a file is run, with arguments, stopped, and says how it ended", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
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
    await look(page, "arguments");
    await dialog.getByRole("button", { name: "Run" }).click();
    await expectTerminal(page, /got \['one', 'two words'\]/);
    await expect(status(page, "args.py: exit 2")).toBeVisible();
    await look(page, "exit");
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
  expect(errors).toEqual([]);
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
  await look(page, "figures");
  const kept = await context.request.get(`${server.url}/api/workspace/${id}/file/.figures/plot-1.png?raw=1`);
  expect((await kept.body()).subarray(1, 4).toString()).toBe("PNG");
  expect(await (await context.request.get(`${server.url}/api/workspace/${id}/files`)).json()).not.toContainEqual(expect.objectContaining({ name: expect.stringMatching(/\.part$/) }));
});

test("on a narrow screen", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(context, page, "mary");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expectTerminal(page, /Hello/i);
  await look(page, "ran");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});
