import { type BrowserContext, type Page } from "@playwright/test";
import { createSession, expectTerminal, register, terminalText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test, unreachable } from "./test.ts";

// The terminal as people treat it: reloads, two windows, floods, killed servers and sleeping tabs, all of it real.

let server: Server;
let people = 0;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

interface Dump {
  lines: string[];
  cursor: [number, number];
  cols: number;
  rows: number;
  buffer: string;
  modes: string;
}

/** dump is all that terminal 1 of the page shows: cells with their colours, the cursor, the modes. */
async function dump(page: Page): Promise<Dump | null> {
  return page.evaluate(() => (window as unknown as { __terminals?: Record<string, { dump(): Dump }> }).__terminals?.["1"]?.dump() ?? null);
}

/** begin signs somebody up and opens a session of theirs at the shell's prompt. */
async function begin(context: BrowserContext, size = { width: 1280, height: 800 }): Promise<Page> {
  await register(context, server.url, `person${++people}`);
  const id = await createSession(context, server.url, "terminals");
  const page = await context.newPage();
  await page.setViewportSize(size);
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
  return page;
}

async function focus(page: Page): Promise<void> {
  await page.getByRole("region", { name: "Terminal" }).locator("textarea").first().focus();
}

/** lines are those of the terminal that a pattern fits, in order. */
async function lines(page: Page, pattern: RegExp): Promise<string[]> {
  return (await terminalText(page)).split("\n").filter((line) => pattern.test(line));
}

test("a reload inside vim, less and a full shell shows the same screen", async ({ context }) => {
  const page = await begin(context);
  await typeInTerminal(page, "seq 300 | sed 's/$/ # \"a comment\" é 中 😀/' > long.py");
  await typeInTerminal(page, String.raw`printf '\e[38;2;10;200;99mtrue colour\e[0m \e[4:3mcurly\e[0m\n'`);
  const same = async (what: string) => {
    const before = await dump(page);
    await page.reload();
    await focus(page);
    await expect.poll(() => dump(page), { message: `${what} after a reload` }).toEqual(before);
  };
  await expectTerminal(page, "true colour curly");
  await same("the shell");

  await typeInTerminal(page, "vim -u NONE -c 'set number hlsearch mouse=a' -c 'syntax on' -c '/25' long.py");
  await expectTerminal(page, /25 # "a comment" é 中 😀/);
  await page.keyboard.type("10jzz");
  await expectTerminal(page, /^ *40 40 # "a comment"/m);
  await same("vim");
  await page.keyboard.type(":q!\n");
  await expectTerminal(page, "true colour curly");

  await typeInTerminal(page, "less -N long.py");
  await expectTerminal(page, /^ +1 1 #/m);
  await page.keyboard.type("G");
  await expectTerminal(page, /300 300 #/);
  await same("less");
  await page.keyboard.type("q");
  await typeInTerminal(page, "echo still $((40 + 2))");
  await expectTerminal(page, "still 42");
});

test("two windows on one terminal: the smaller one decides, and both show the same", async ({ context, browser }) => {
  const large = await begin(context);
  const small = await context.newPage();
  await small.setViewportSize({ width: 900, height: 600 });
  await small.goto(large.url());
  await expectTerminal(small, /\$ $/m);
  const size = async (page: Page) => {
    const shown = await dump(page);
    return shown ? `${shown.rows} ${shown.cols}` : "";
  };
  const alone = await size(small);
  await expect.poll(() => size(large)).toBe(alone);
  await expect(large.locator("[data-smaller=true]")).toHaveCount(1);
  await expect(small.locator("[data-smaller=true]")).toHaveCount(0);
  await typeInTerminal(large, 'echo "size is $(stty size)"');
  await expectTerminal(small, `size is ${alone}`);
  await typeInTerminal(small, "echo typed in the small one");
  await expectTerminal(large, /^typed in the small one/m);
  await expect.poll(async () => (await dump(large))?.lines).toEqual((await dump(small))?.lines);

  await small.setViewportSize({ width: 800, height: 500 });
  await expect.poll(() => size(large)).not.toBe(alone);
  expect(await size(large)).toBe(await size(small));
  await small.close();
  await expect(large.locator("[data-smaller=true]")).toHaveCount(0);
  await typeInTerminal(large, 'echo "now it is $(stty size)"');
  await expectTerminal(large, `now it is ${await size(large)}`);
  expect(browser.isConnected()).toBe(true);
});

test("a backend that is killed in the middle of output loses and doubles nothing", async ({ context, errors }) => {
  errors.allow(...unreachable);
  const page = await begin(context);
  await typeInTerminal(page, "for i in $(seq 4000); do echo line $i of it; sleep 0.001; done; echo all done");
  for (const seen of [500, 1500, 2500]) {
    await expectTerminal(page, `line ${seen} of it`);
    await server.stop("SIGKILL");
    await page.keyboard.type(`echo typed${seen}\n`); // while nobody is there
    await server.start();
  }
  await expectTerminal(page, /^all done/m);
  const printed = await lines(page, /^line \d+ of it$/);
  expect(printed).toEqual(Array.from({ length: 4000 }, (_, i) => `line ${i + 1} of it`));
  for (const seen of [500, 1500, 2500]) await expect.poll(() => lines(page, new RegExp(`^typed${seen}$`))).toHaveLength(1);
});

test("Ctrl-C ends a flood at once, and the shell is there", async ({ context }) => {
  const page = await begin(context);
  await typeInTerminal(page, "yes 'this is a flood of lines that nobody reads'");
  await expectTerminal(page, /(this is a flood[^\n]*\n){20}/);
  await page.keyboard.press("Control+c");
  await typeInTerminal(page, "echo after the flood $((40 + 2))");
  await expectTerminal(page, "after the flood 42");
});

test("a tab that slept through a flood shows what the other one shows", async ({ context }) => {
  const awake = await begin(context);
  const asleep = await context.newPage();
  await asleep.goto(awake.url());
  await expectTerminal(asleep, /\$ $/m);
  const devtools = await context.newCDPSession(asleep);
  await devtools.send("Page.enable");
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await awake.bringToFront();
  await typeInTerminal(awake, "seq 200000; echo 'the flood is' over");
  await expectTerminal(awake, /^the flood is over/m);
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  await asleep.bringToFront();
  await expectTerminal(asleep, /^the flood is over/m);
  await expect.poll(async () => (await dump(asleep))?.lines.slice(-100)).toEqual((await dump(awake))?.lines.slice(-100));
  await typeInTerminal(asleep, "echo awake $((40 + 2))");
  await expectTerminal(asleep, "awake 42");
});
