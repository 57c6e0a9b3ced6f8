import { type BrowserContext, type Page } from "@playwright/test";
import { createSession, expectTerminal, looks, openFile, register, replaceEditor, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test, unreachable } from "./test.ts";
import { limitWatches } from "./watches.ts";

// What a person sees of the environment's states, and that the editor works in each. Every state is brought about for
// real, by a server whose limits are near.

const banner = (page: Page) => page.getByRole("alert").filter({ hasText: "The environment stops in" });
const statusBar = (page: Page) => page.getByRole("contentinfo", { name: "Status" });
const terminal = (page: Page) => page.getByRole("region", { name: "Terminal" });

interface Opened {
  readonly server: Server;
  readonly session: string;
}

/** withSession has a server with these flags, and a page at a session of a new user. */
async function withSession(context: BrowserContext, page: Page, flags: readonly string[], then: (opened: Opened) => Promise<void>): Promise<void> {
  await page.setViewportSize({ width: 1440, height: 900 });
  const server = await Server.create(...flags);
  try {
    await register(context, server.url, "ada");
    const session = await createSession(context, server.url, "states");
    await page.goto(`${server.url}/workspace/?id=${session}`);
    await expect(page.locator(".monaco-editor .view-line").first()).toBeVisible();
    await then({ server, session });
  } finally {
    // A page whose server is gone notes it.
    await Promise.all(context.pages().map((each) => each.close()));
    await server.destroy();
  }
}

/** expectSaves edits main.py, and finds it in the database. */
async function expectSaves(page: Page, { server, session }: Opened, text: string): Promise<void> {
  await replaceEditor(page, text);
  await page.keyboard.press("ControlOrMeta+s");
  const stored = async () => (await page.request.get(`${server.url}/api/workspace/${session}/file/main.py?raw=1`)).text();
  await expect.poll(stored).toBe(text);
  await expect(page.getByText("All changes saved")).toBeVisible();
}

test("an environment that is about to stop says so, and stays by one click", async ({ page, context }) => {
  // The stop itself is far off: what is looked at is the warning, which comes after the minute in which it counts as used.
  test.setTimeout(240_000);
  const far = ["--present-timeout", "1h", "--idle-timeout", "1h", "--closed-timeout", "1h", "--idle-warning", "59m50s"];
  await withSession(context, page, far, async (opened) => {
    await expect(statusBar(page)).toContainText("Running");
    await expect(banner(page)).toContainText("nobody used it", { timeout: 90_000 });
    await expect(banner(page)).toContainText("What is saved stays.");
    await looks(page, "states/warning");
    await banner(page).getByRole("button", { name: "Keep it running" }).click();
    await expect(banner(page)).toBeHidden();
    await expect(statusBar(page)).toContainText("Running");
    await expectSaves(page, opened, "print('it stays')\n");
  });
});

test("one that has stopped says why, its files are edited, and one click starts it", async ({ page, context }) => {
  const near = ["--present-timeout", "10s", "--idle-timeout", "10s", "--closed-timeout", "10s", "--idle-warning", "2s"];
  await withSession(context, page, near, async (opened) => {
    await expect(terminal(page)).toContainText("The session is stopped");
    await expect(terminal(page)).toContainText("Nobody used it for 10s");
    await expect(statusBar(page)).toContainText("Stopped");
    await expect(statusBar(page)).toContainText("nobody used it for 10s");
    await looks(page, "states/stopped");
    await expectSaves(page, opened, "print('edited', 6 * 7, 'while stopped')\n");
    await terminal(page).getByRole("button", { name: "Start" }).click();
    await expectTerminal(page, /\$ $/m);
    await typeInTerminal(page, "python3 main.py");
    await expectTerminal(page, /edited 42 while stopped/);
  });
});

test("one that cannot start says why and what to do", async ({ page, context }) => {
  await withSession(context, page, ["--agent-bin", "/bin/false"], async (opened) => {
    await expect(terminal(page)).toContainText("The session failed");
    await expect(statusBar(page)).toContainText("Failed");
    await looks(page, "states/failed");
    await expectSaves(page, opened, "print('while it fails')\n");
    await terminal(page).getByRole("button", { name: "Try again" }).click();
    await expect(terminal(page).getByRole("button", { name: "Try again" })).toBeVisible();
    await page.goto(`${opened.server.url}/dashboard/`);
    await expect(page.getByRole("listitem").filter({ hasText: "states" })).toContainText("Failed");
  });
});

test("one over the limit waits for its turn, says where, and starts when another stops", async ({ page, context }) => {
  await withSession(context, page, ["--max-running-per-user", "1"], async (opened) => {
    const { server } = opened;
    await expectTerminal(page, /\$ $/m);
    const waiting = await Promise.all(
      ["next", "after it"].map(async (name) => {
        const session = await createSession(context, server.url, name);
        return { name, session, page: await context.newPage() };
      }),
    );
    for (const [index, each] of waiting.entries()) {
      await each.page.setViewportSize({ width: 1440, height: 900 });
      await each.page.goto(`${server.url}/workspace/?id=${each.session}`);
      await expect(terminal(each.page)).toContainText(`Waiting for its turn: place ${index + 1} in the queue`);
      await expect(terminal(each.page)).toContainText("You have 1 session running, as many as are allowed at once.");
      await expect(statusBar(each.page)).toContainText(`Waiting, place ${index + 1}`);
    }
    const [next, after] = waiting;
    if (!next || !after) throw new Error("two wait");
    await next.page.bringToFront();
    await looks(next.page, "states/waiting");
    await expectSaves(next.page, { server, session: next.session }, "print('while it waits')\n");

    const dashboard = await context.newPage();
    await dashboard.goto(`${server.url}/dashboard/`);
    const row = (name: string) => dashboard.getByRole("listitem").filter({ has: dashboard.getByRole("link", { name, exact: true }) });
    await expect(row("next")).toContainText("Waiting, place 1");
    await expect(row("after it")).toContainText("Waiting, place 2");
    await dashboard.setViewportSize({ width: 1440, height: 900 });
    await looks(dashboard, "states/queue");
    await dashboard.getByRole("button", { name: "Actions for states" }).click();
    await dashboard.getByRole("menuitem", { name: "Stop" }).click();
    // The list follows by itself.
    await expect(row("states")).toContainText("Stopped");
    await expect(row("next")).toContainText("Running");
    await expect(row("after it")).toContainText("Waiting, place 1");
    await expect(statusBar(next.page)).toContainText("Running");
    await expect(statusBar(after.page)).toContainText("Waiting, place 1");
    await next.page.bringToFront();
    await expectTerminal(next.page, /\$ $/m);
    await typeInTerminal(next.page, "cat main.py");
    await expectTerminal(next.page, /print\('while it waits'\)/);
  });
});

test("a file over the cap is marked in the tree and named below", async ({ page, context, errors }) => {
  errors.allow(answered(413, "/file/main.py"));
  await withSession(context, page, ["--max-file-bytes", "65536"], async (opened) => {
    await expectTerminal(page, /\$ $/m);
    await typeInTerminal(page, "mkdir data && seq 20000 > data/big.txt && echo small > small.txt");
    await expect(page.getByRole("treeitem", { name: "small.txt" })).toBeVisible();
    await expect(page.getByText("Saved, except 1 file")).toBeVisible();
    await statusBar(page).getByRole("button", { name: "big.txt is not saved" }).click();
    await expect(page.getByRole("treeitem", { name: /^big\.txt, not saved: larger than the limit for one file/ })).toBeVisible();
    await looks(page, "states/cap");
    await openFile(page, "main.py");
    const saved = async () => (await page.request.get(`${opened.server.url}/api/workspace/${opened.session}/file/main.py?raw=1`)).text();
    await replaceEditor(page, "print('beside it')\n");
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(saved).toBe("print('beside it')\n");
    // What the editor would save is refused with words, and kept.
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.evaluate((text) => navigator.clipboard.writeText(text), `# ${"x".repeat(70)}\n`.repeat(1_000));
    await page.locator(".monaco-editor").first().click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.press("ControlOrMeta+v");
    await page.keyboard.press("ControlOrMeta+s");
    await expect(page.getByText("1 file not saved")).toBeVisible();
    expect(await saved()).toBe("print('beside it')\n");
    await replaceEditor(page, "print('small again')\n");
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(saved).toBe("print('small again')\n");
    await typeInTerminal(page, "rm data/big.txt");
    await expect(page.getByText("All changes saved")).toBeVisible();
    await expect(statusBar(page).getByRole("button", { name: /not saved/ })).toBeHidden();
  });
});

test("where file watches are used up it is said, and what programs make comes all the same", async ({ page, context }) => {
  await withSession(context, page, [], async ({ server, session }) => {
    await expectTerminal(page, /\$ $/m);
    await expect(page.getByText("All changes saved")).toBeVisible();
    await limitWatches(server, session, 1);
    await typeInTerminal(page, "mkdir -p deep/er && echo polled > deep/er/found.txt");
    await expect(statusBar(page)).toContainText("The machine's limit of file watches is reached: some changes are noticed with a delay.");
    const stored = async () => (await page.request.get(`${server.url}/api/workspace/${session}/file/deep/er/found.txt?raw=1`)).text();
    await expect.poll(stored).toBe("polled\n");
    // What is not watched is looked at all the same.
    await typeInTerminal(page, "echo again >> deep/er/found.txt");
    await expect.poll(stored).toBe("polled\nagain\n");
    await page.getByRole("treeitem", { name: "deep" }).click();
    await page.getByRole("treeitem", { name: "er" }).click();
    await openFile(page, "found.txt");
    await expect(page.locator(".view-lines").first()).toContainText("again");
    await looks(page, "states/watches");
  });
});

test("while the server is away it is said, one goes on writing, and all of it is sent when it is back", async ({ page, context, errors }) => {
  errors.allow(...unreachable);
  await withSession(context, page, [], async ({ server, session }) => {
    await expectTerminal(page, /\$ $/m);
    await typeInTerminal(page, "kept=still; while :; do sleep 600; done &");
    const dashboard = await context.newPage();
    await dashboard.goto(`${server.url}/dashboard/`);
    await expect(dashboard.getByRole("link", { name: "states" })).toBeVisible();
    await page.bringToFront();
    await server.stop("SIGKILL");

    await expect(statusBar(page)).toContainText("Offline, reconnecting…");
    await expect(page.getByRole("banner")).toContainText("Offline, reconnecting…");
    await replaceEditor(page, "def written; :while_away; end\n");
    await expect(page.getByText(/^Not saved: The server cannot be reached/)).toBeVisible();
    // A language's colours are another script of the server's.
    await page.getByRole("button", { name: /^Language: / }).click();
    await page.getByRole("menuitem", { name: "Ruby", exact: true }).click();
    await expect(page.getByRole("button", { name: "Language: Ruby" })).toBeVisible();
    const coloured = page.locator(".view-line span[class*=mtk]:not(.mtk1)").filter({ hasText: "def" });
    await expect(coloured).toHaveCount(0);
    await looks(page, "states/reconnecting");

    await server.start();
    const stored = async () => (await page.request.get(`${server.url}/api/workspace/${session}/file/main.py?raw=1`)).text();
    await expect.poll(stored).toBe("def written; :while_away; end\n");
    await expect(page.getByText("All changes saved")).toBeVisible();
    await expect(statusBar(page)).not.toContainText("Offline");
    await expect(coloured).toHaveCount(1);
    await typeInTerminal(page, 'echo "the shell is $kept"');
    await expectTerminal(page, /the shell is still/);
    await expect(dashboard.getByText("This list may be out of date.")).toBeHidden();
  });
});

test("the CPU that programs use is told", async ({ page, context }) => {
  await withSession(context, page, [], async () => {
    await expectTerminal(page, /\$ $/m);
    await expect(statusBar(page)).toContainText(/CPU \d+ %/);
    await typeInTerminal(page, "while :; do :; done");
    await expect(statusBar(page)).toContainText(/CPU [1-9]\d* %/);
  });
});
