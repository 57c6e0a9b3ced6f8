import { type BrowserContext, type Page, test } from "@playwright/test";
import { createSession, expectTerminal, openFile, register, typeInTerminal } from "../page.ts";
import { Server } from "../server.ts";
import { figure, frameFigure, frames, heap, held, quantile } from "./figures.ts";

/** BENCH_MINUTES is how long a page is used before its memory is compared. */
const minutes = Number(process.env.BENCH_MINUTES ?? "2");

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

/** scripts is what the page has loaded of scripts until a moment, the editor's own left out, compressed, in kB. */
async function scripts(page: Page, until = Number.POSITIVE_INFINITY): Promise<number> {
  return page.evaluate((end) => {
    const all = performance.getEntriesByType("resource") as PerformanceResourceTiming[];
    return all.filter((e) => e.name.endsWith(".js") && !e.name.includes("/monaco/") && e.startTime < end).reduce((sum, e) => sum + e.encodedBodySize, 0) / 1000;
  }, until);
}

/** watch notes when things are first to be seen, by the page's own clock. */
async function watch(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const seen: Record<string, number> = {};
    (window as unknown as { __seen: typeof seen }).__seen = seen;
    const wanted: Record<string, () => boolean> = {
      tree: () => document.querySelector('[role="treeitem"]') !== null,
      editor: () => (document.querySelector(".monaco-editor .view-lines")?.textContent ?? "").length > 0,
      terminal: () => {
        const terminals = (window as unknown as { __terminals?: Record<string, { text(): string }> }).__terminals ?? {};
        return Object.values(terminals).some((t) => /\$ $/m.test(t.text()));
      },
    };
    const look = () => {
      for (const [name, there] of Object.entries(wanted)) if (!(name in seen) && there()) seen[name] = performance.now();
      if (Object.keys(seen).length < Object.keys(wanted).length) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

async function seen(page: Page): Promise<Record<string, number>> {
  return page.evaluate(() => (window as unknown as { __seen: Record<string, number> }).__seen);
}

test("pages and their scripts", async ({ browser }) => {
  for (const name of ["login", "register"]) {
    const page = await browser.newPage();
    await page.goto(`${server.url}/${name}/`);
    await page.getByLabel("Password", { exact: true }).waitFor();
    figure(`scripts of /${name}/, compressed`, `${(await scripts(page)).toFixed(0)} kB`);
    await page.close();
  }
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await watch(context);
  await register(context, server.url, "budget");
  const id = await createSession(context, server.url, "budgets");
  const dashboard = await context.newPage();
  await dashboard.goto(`${server.url}/dashboard/`);
  await dashboard.getByText("budgets").first().waitFor();
  figure("scripts of /dashboard/, compressed", `${(await scripts(dashboard)).toFixed(0)} kB`);
  await dashboard.close();

  const times: Record<string, number[]> = { tree: [], editor: [], terminal: [] };
  for (let i = 0; i < 7; i++) {
    // The first one starts the environment, too; each has an empty cache.
    const fresh = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: await context.storageState() });
    await watch(fresh);
    const page = await fresh.newPage();
    await page.goto(`${server.url}/workspace/?id=${id}&file=main.py`);
    await page.waitForFunction(() => Object.keys((window as unknown as { __seen: object }).__seen).length === 3);
    const at = await seen(page);
    if (i === 0) {
      const order = (at.editor ?? 0) < (at.terminal ?? 0) ? "before" : "after";
      figure("the editor is filled, environment not yet started", `${at.editor?.toFixed(0)} ms, ${order} the first prompt (${at.terminal?.toFixed(0)} ms)`);
      figure("scripts of /workspace/ but the editor's, compressed", `${(await scripts(page, Math.max(...Object.values(at)))).toFixed(0)} kB`);
    } else {
      for (const name of Object.keys(times)) times[name]?.push(at[name] ?? Number.NaN);
    }
    await fresh.close();
  }
  for (const [name, all] of Object.entries(times)) {
    figure(`from navigation to the ${name}, warm server, empty cache`, `p50 ${quantile(all, 0.5).toFixed(0)} ms, worst ${Math.max(...all).toFixed(0)} ms`);
  }
  await context.close();
});

test("frames while typing beside a flood", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await register(context, server.url, "typist");
  const id = await createSession(context, server.url, "typing");
  const page = await context.newPage();
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
  frameFigure("frames of the idle page (the floor)", await frames(page, () => page.waitForTimeout(3000)));
  await openFile(page, "main.py");
  const editor = page.locator(".monaco-editor").first();
  const text = "the quick brown fox jumps over the lazy dog ".repeat(2);
  await editor.click();
  frameFigure("frames while typing in the editor", await frames(page, () => page.keyboard.type(text, { delay: 60 })));
  await typeInTerminal(page, "yes flood");
  await editor.click();
  frameFigure("the same beside a flooded terminal that is shown", await frames(page, () => page.keyboard.type(text, { delay: 60 })));
  await page.getByRole("button", { name: "New terminal" }).click();
  await page.waitForTimeout(1500);
  const shown = page.getByRole("region", { name: "Terminal" });
  await shown.locator("textarea:visible, .xterm-helper-textarea").last().focus();
  frameFigure("frames while typing in a terminal beside a flooded one", await frames(page, () => page.keyboard.type(text, { delay: 60 })));
  await context.close();
});

test("frames while 50,000 entries are scrolled", async ({ browser }) => {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await register(context, server.url, "scroller");
  const id = await createSession(context, server.url, "many");
  const page = await context.newPage();
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
  await typeInTerminal(page, "seq -f 'file-%06.0f.txt' 50000 | xargs touch && echo made");
  await expectTerminal(page, /^made/m);
  await page.waitForFunction(async (session) => {
    const answer = await fetch(`/api/workspace/${session}/status`);
    return ((await answer.json()) as { file_count: number }).file_count >= 50_000;
  }, id, { polling: 500 });
  // The tree keeps the open file in view: from there to its beginning.
  await page.getByRole("treeitem", { name: "main.py" }).click();
  await page.keyboard.press("Home");
  await page.getByRole("treeitem", { name: "file-000001.txt" }).hover();
  frameFigure("frames while 50,000 entries are scrolled", await frames(page, async () => {
    for (let i = 0; i < 150; i++) {
      await page.mouse.wheel(0, 600);
      await page.waitForTimeout(16);
    }
  }));
  await context.close();
});

/** noteMoments has the context's pages note when a key or a button was pressed last, by their own clock, in milliseconds. */
async function noteMoments(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const note = () => {
      (window as unknown as { __moment: number }).__moment = performance.timeOrigin + performance.now();
    };
    for (const kind of ["keydown", "pointerdown"]) window.addEventListener(kind, note, { capture: true });
  });
}

test("what one device does, on another", async ({ browser }) => {
  const contexts = await Promise.all([1, 2].map(() => browser.newContext({ viewport: { width: 1440, height: 900 } })));
  const [mine, theirs] = contexts;
  if (!mine || !theirs) throw new Error("two devices");
  await noteMoments(mine);
  await register(mine, server.url, "pair");
  await theirs.addCookies(await mine.cookies());
  const id = await createSession(mine, server.url, "pair");
  const [one, other] = [await mine.newPage(), await theirs.newPage()];
  for (const page of [one, other]) {
    await page.goto(`${server.url}/workspace/?id=${id}`);
    await openFile(page, "main.py");
    await page.locator(".view-line").first().waitFor();
    await expectTerminal(page, /\$ $/m);
  }
  /** measure does something with its last key or click, and tells how long after it the other device showed that. */
  const measure = async (name: string, times: number, act: (round: number) => Promise<string>, shown: (what: string) => number) => {
    const taken: number[] = [];
    for (let round = 0; round < times; round++) {
      const what = await act(round);
      // Looked at with each frame.
      const seen = await (await other.waitForFunction(shown, what, { polling: "raf" })).jsonValue();
      taken.push(seen - (await one.evaluate(() => (window as unknown as { __moment: number }).__moment)));
    }
    figure(`from the key on one device to the other's screen: ${name}`, `p50 ${quantile(taken, 0.5).toFixed(0)} ms, worst ${Math.max(...taken).toFixed(0)} ms`);
  };

  await measure("what a terminal prints", 15, async (round) => {
    await typeInTerminal(one, `echo told-$((${round} + 100))`);
    return `told-${round + 100}`;
  }, (what) => {
    const terminals = (window as unknown as { __terminals?: Record<string, { text(): string }> }).__terminals ?? {};
    return Object.values(terminals).some((terminal) => terminal.text().split("\n").includes(what)) ? performance.timeOrigin + performance.now() : 0;
  });
  await measure("a save in the editor", 15, async (round) => {
    await one.locator(".monaco-editor").first().click();
    await one.keyboard.press("ControlOrMeta+a");
    await one.keyboard.insertText(`saved_${round}`);
    await one.keyboard.press("ControlOrMeta+s");
    return `saved_${round}`;
  }, (what) => (document.querySelector(".view-lines")?.textContent === what ? performance.timeOrigin + performance.now() : 0));
  await measure("a new file in the tree", 10, async (round) => {
    await one.getByRole("button", { name: "New file" }).click();
    await one.getByRole("textbox", { name: "Name" }).fill(`new-${round}.txt`);
    await one.keyboard.press("Enter");
    return `new-${round}.txt`;
  }, (what) => (document.querySelector(`[role=treeitem][aria-label="${what}"]`) ? performance.timeOrigin + performance.now() : 0));
  await measure("a new terminal", 4, async (round) => {
    await one.getByRole("button", { name: "New terminal" }).click();
    return String(round + 2);
  }, (what) => (document.querySelectorAll('[aria-label="Terminals"] [role=tab]').length === Number(what) ? performance.timeOrigin + performance.now() : 0));
  // A device in use is not arranged by others.
  await other.waitForTimeout(61_000);
  await measure("the side bar closed and opened", 10, async (round) => {
    await one.locator(".view-line").first().click();
    await one.keyboard.press("ControlOrMeta+b");
    return round % 2 === 0 ? "hidden" : "shown";
  }, (what) => {
    const tree = document.querySelector('[role=tree][aria-label="Files"]');
    return (what === "shown") === (tree !== null && tree.getClientRects().length > 0) ? performance.timeOrigin + performance.now() : 0;
  });
  for (const context of contexts) await context.close();
});

test("memory over flood, open and close", async ({ browser }) => {
  test.setTimeout((minutes + 10) * 60_000);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await register(context, server.url, "keeper");
  const id = await createSession(context, server.url, "memory");
  for (let i = 0; i < 10; i++) {
    await context.request.post(`${server.url}/api/workspace/${id}/file/f${i}.py`, { data: { content: `print(${i})\n`.repeat(2000) } });
  }
  const page = await context.newPage();
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
  const round = async () => {
    for (let i = 0; i < 10; i++) {
      await openFile(page, `f${i}.py`);
      await page.getByRole("tab", { name: `f${i}.py` }).press("Delete");
    }
    await typeInTerminal(page, "seq 100000; echo done-$RANDOM");
    await page.waitForTimeout(1000);
  };
  for (let i = 0; i < 3; i++) await round();
  const own = await held(page);
  const before = await heap(page);
  const readings: number[] = [];
  const end = Date.now() + minutes * 60_000;
  while (Date.now() < end) {
    for (let i = 0; i < 4; i++) await round();
    readings.push(await heap(page));
  }
  const half = readings.slice(Math.floor(readings.length / 2));
  figure(`script memory after ${minutes} min of flood, open and close`, `${before.toFixed(1)} MB before, then ${readings.map((r) => r.toFixed(1)).join(" ")} MB; second half's median ${quantile(half, 0.5).toFixed(1)} MB`);
  figure("of it what scripts hold, without V8's compiled code", `${own.toFixed(2)} MB before, ${(await held(page)).toFixed(2)} MB after ${readings.length * 40} files and ${readings.length * 4} floods`);
  await context.close();
});
