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
