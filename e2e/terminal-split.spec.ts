import { type Page } from "@playwright/test";
import { createSession, expectTerminal, looks, register, showPane } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test } from "./test.ts";

// Terminals beside each other, and the ways from their output to the editor.

let server: Server;
let page: Page;

test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ browser }) => {
  server = await Server.create();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await register(context, server.url, "ada");
  const id = await createSession(context, server.url, "split");
  page = await context.newPage();
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
});

test.afterAll(async () => {
  await page.context().close();
  await server.destroy();
});

const tabs = () => page.getByRole("tablist", { name: "Terminals" }).getByRole("tab");

test("terminals stand side by side, by button, key and drag, and still do after a reload", async () => {
  await page.getByRole("tab", { name: /^Terminal 1/ }).click();
  const panels = page.getByRole("region", { name: "Terminal" }).getByRole("tabpanel");
  await expect(panels).toHaveCount(1);
  const before = await tabs().count();
  await page.getByRole("button", { name: "Split the terminal" }).click();
  await expect(panels).toHaveCount(2);
  await expect(tabs()).toHaveCount(before + 1);
  const right = panels.nth(1);
  const name = ((await right.getAttribute("aria-label")) ?? "").replace("Terminal ", "");
  await expect(right.locator("textarea")).toBeFocused();
  const shows = (terminal: string) => page.evaluate((key) => (window as unknown as { __terminals: Record<string, { text(): string }> }).__terminals[key]?.text() ?? "", terminal);
  await expect.poll(() => shows(name)).toMatch(/\$ $/m);
  await page.keyboard.type("echo right $COLUMNS\n");
  await expect.poll(() => shows(name)).toMatch(/^right \d+$/m);
  const columns = Number(/^right (\d+)$/m.exec(await shows(name))?.[1]);
  // The left one has the keys, and goes on being fed while the right one is in front.
  await page.keyboard.press("Alt+ArrowLeft");
  await expect(panels.nth(0).locator("textarea")).toBeFocused();
  await page.keyboard.type("echo left $COLUMNS\n");
  await expect.poll(() => shows("1")).toMatch(/^left \d+$/m);
  expect(Number(/^left (\d+)$/m.exec(await shows("1"))?.[1])).toBeLessThan(columns * 2);
  const divider = page.getByRole("separator", { name: "Width of terminal 1" });
  const width = async () => (await panels.nth(0).boundingBox())?.width ?? 0;
  const middle = await width();
  await divider.focus();
  await page.keyboard.press("ArrowRight");
  await expect.poll(width).toBeGreaterThan(middle);
  await page.reload();
  await expect(panels).toHaveCount(2);
  await expect.poll(() => shows(name)).toMatch(/^right \d+$/m);
  await panels.nth(1).click({ button: "right" });
  await page.getByRole("menuitem", { name: "Show Alone" }).click();
  await expect(panels).toHaveCount(1);
  await page.getByRole("tab", { name: /^Terminal 1/ }).dragTo(panels.nth(0));
  await expect(panels).toHaveCount(2);
  await expect(panels.nth(0)).toHaveAttribute("aria-label", `Terminal ${name}`);
  await page.getByRole("tab", { name: /^Terminal 1/ }).click();
  await page.keyboard.press("Delete");
  await expect(panels).toHaveCount(1);
});

test("the terminal is fit to be looked at in both themes and on every width", async () => {
  await page.getByRole("button", { name: "Split the terminal" }).click();
  const panels = page.getByRole("region", { name: "Terminal" }).getByRole("tabpanel");
  await expect(panels).toHaveCount(2);
  await panels.nth(0).locator("textarea").focus();
  await page.keyboard.type("printf '\\e[3%dm colour %d \\e[0m\\n' 1 1 2 2 3 3 4 4 5 5 6 6; ls --color=always /; echo main.py:1\n");
  await expectTerminal(page, /^main.py:1$/m);
  await looks(page, "terminal/split", { narrow: () => showPane(page, "Shell") });
  // Of more tabs than there is room for, the one in front is in sight.
  await page.getByRole("button", { name: "New terminal" }).click();
  await page.setViewportSize({ width: 390, height: 844 });
  await showPane(page, "Shell");
  await expect(tabs().last()).toHaveAttribute("aria-selected", "true");
  await expect(tabs().last()).toBeInViewport({ ratio: 0.95 });
});
