import { type Page } from "@playwright/test";
import { createSession, expectTerminal, register, terminalText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// What a terminal offers besides being one: search, settings, links, pastes, the clipboard, tabs.

let server: Server;
let page: Page;

test.describe.configure({ mode: "serial" });

test.beforeAll(async ({ browser }) => {
  server = await Server.create();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  await register(context, server.url, "ada");
  const id = await createSession(context, server.url, "features");
  page = await context.newPage();
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
});

test.afterAll(async () => {
  await page.context().close();
  await server.destroy();
});

const tabs = () => page.getByRole("tablist", { name: "Terminals" }).getByRole("tab");
const input = () => page.getByRole("region", { name: "Terminal" }).locator("textarea").first();
const shot = (name: string) => page.screenshot({ path: test.info().outputPath(`${name}.png`) });

async function paste(text: string): Promise<void> {
  await page.evaluate((value) => navigator.clipboard.writeText(value), text);
  await input().focus();
  await page.keyboard.press("Control+Shift+V");
}

test("search finds in the history, counts, and goes back and forth", async () => {
  await typeInTerminal(page, "seq -f 'needle %g' 40; echo Needle");
  await expectTerminal(page, /^Needle$/m);
  await page.keyboard.press("Control+Shift+F");
  const search = page.getByRole("search", { name: "Search the terminal" });
  await search.getByLabel("Find").fill("needle 3");
  await expect(search.getByRole("status")).toHaveText(/ of 11$/);
  const before = await search.getByRole("status").textContent();
  await page.keyboard.press("Enter");
  await expect(search.getByRole("status")).not.toHaveText(before ?? "");
  await page.keyboard.press("Shift+Enter");
  await expect(search.getByRole("status")).toHaveText(before ?? "");
  await search.getByLabel("Find").fill("N[e]+dle");
  await search.getByRole("button", { name: "Regular expression" }).click();
  await search.getByRole("button", { name: "Match case" }).click();
  await expect(search.getByRole("status")).toHaveText(/ of 2$/);
  await shot("search");
  await search.getByLabel("Find").press("Escape");
  await expect(search).toBeHidden();
  await typeInTerminal(page, "echo focused $((40 + 2))");
  await expectTerminal(page, "focused 42");
});

test("several lines are pasted at once only where they do not run one by one, or after a yes", async () => {
  // Bash asks to be told pastes from typing, and is.
  await paste("echo one\necho two");
  await expectTerminal(page, /echo two$/m);
  await page.keyboard.press("Control+c");
  // Once a program prints, bash has taken back that it asked for that.
  await typeInTerminal(page, "echo begun; cat > pasted");
  await expectTerminal(page, /^begun$/m);
  await paste("first\nsecond\n");
  const question = page.getByRole("dialog", { name: "Paste 3 lines?" });
  await expect(question).toContainText("first");
  await shot("paste");
  await question.getByRole("button", { name: "Cancel" }).click();
  await paste("third\nfourth\n");
  await question.getByRole("button", { name: "Paste", exact: true }).click();
  await page.keyboard.press("Control+d");
  await typeInTerminal(page, "echo \"it has: $(tr '\\n' ' ' < pasted)\"");
  await expectTerminal(page, "it has: third fourth");
});

/** clickLink has a program make a link, the only thing on the screen, and clicks it. */
async function clickLink(address: string): Promise<void> {
  await typeInTerminal(page, String.raw`clear; printf '\e]8;;${address}\e\\harmless\e]8;;\e\\\n'`);
  await expectTerminal(page, /^harmless/m);
  const box = await page.locator(".xterm-screen").first().boundingBox();
  if (!box) throw new Error("no screen");
  // xterm.js looks for links when the mouse comes to a line.
  await page.mouse.move(box.x + 30, box.y + box.height / 2);
  await page.mouse.move(box.x + 34, box.y + 9);
  await page.mouse.click(box.x + 34, box.y + 9);
}

test("a link that a program makes is opened after its address was shown", async () => {
  await clickLink("https://example.org/elsewhere");
  const question = page.getByRole("dialog", { name: "Open this link?" });
  await expect(question).toContainText("https://example.org/elsewhere");
  await question.getByRole("button", { name: "Cancel" }).click();
});

test("a link that a program makes of a script is told of and runs nothing", async () => {
  await clickLink("javascript:window.pwned=1");
  await expect(page.getByText("This kind of link is not opened: javascript:window.pwned=1")).toBeVisible();
  expect(await page.evaluate(() => "pwned" in window)).toBe(false);
});

test("programs reach the clipboard only when they may", async () => {
  const put = (text: string) => typeInTerminal(page, `printf '\\e]52;c;%s\\a' $(printf '${text}' | base64)`);
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.evaluate(() => navigator.clipboard.writeText("mine"));
  await put("theirs");
  await expect(page.getByText("A program wanted to put text on the clipboard")).toBeVisible();
  expect(await clipboard()).toBe("mine");
  await page.getByRole("button", { name: "Terminal settings" }).click();
  const settings = page.getByRole("dialog", { name: "Terminal settings" });
  await settings.getByLabel(/Programs may put text/).check();
  await settings.getByLabel("Font size").fill("17");
  await settings.getByLabel("Cursor", { exact: true }).selectOption("Bar");
  await shot("settings");
  await settings.getByRole("button", { name: "Done" }).click();
  await put("theirs");
  await expect.poll(clipboard).toBe("theirs");
});

test("settings survive a reload, and the keys change the font", async () => {
  await page.reload();
  await expectTerminal(page, /\$ $/m);
  await page.getByRole("button", { name: "Terminal settings" }).click();
  const settings = page.getByRole("dialog", { name: "Terminal settings" });
  await expect(settings.getByLabel("Font size")).toHaveValue("17");
  await expect(settings.getByLabel("Cursor", { exact: true })).toHaveValue("bar");
  await settings.getByRole("button", { name: "Done" }).click();
  await input().focus();
  await page.keyboard.press("Control+-");
  await page.keyboard.press("Control+0");
  await page.keyboard.press("Control+=");
  await page.getByRole("button", { name: "Terminal settings" }).click();
  await expect(settings.getByLabel("Font size")).toHaveValue("14");
  await settings.getByRole("button", { name: "Reset" }).click();
  await expect(settings.getByLabel("Font size")).toHaveValue("13");
  await settings.getByRole("button", { name: "Done" }).click();
});

test("a new terminal begins where the one in front is; the bell, the end and what runs show on the tabs", async () => {
  await typeInTerminal(page, "mkdir -p deep/er && cd deep/er && printf '\\e]7;file://%s%s\\a' \"$HOSTNAME\" \"$PWD\"");
  await expect.poll(async () => (await terminalText(page)).includes("deep/er")).toBe(true);
  await page.getByRole("button", { name: "New terminal" }).click();
  await expect(tabs()).toHaveCount(2);
  const second = () => page.evaluate(() => (window as unknown as { __terminals: Record<string, { text(): string }> }).__terminals["2"]?.text() ?? "");
  await expect.poll(second).toMatch(/deep\/er\$ $/);
  await typeInTerminal(page, "pwd; (sleep 1; printf '\\a'; exec sleep 300)");
  await expect.poll(second).toMatch(/^\/app\/deep\/er$/m);
  await tabs().first().click();
  await expect(tabs().nth(1)).toHaveAccessibleName(/rang/);
  await shot("tabs");
  await tabs().nth(1).click();
  await expect(tabs().nth(1)).not.toHaveAccessibleName(/rang/);
  await expect(tabs().nth(1)).toContainText("sleep");
  await page.keyboard.press("Delete");
  const question = page.getByRole("dialog", { name: "Close terminal 2?" });
  await expect(question).toContainText("sleep");
  await question.getByRole("button", { name: "Cancel" }).click();
  await input().focus();
  await page.keyboard.press("Control+c");
  await typeInTerminal(page, "exit 3");
  await expect(tabs().nth(1)).toContainText("exit 3");
  await expect(page.getByText("The program ended with code 3.")).toBeVisible();
  await shot("ended");
  await page.getByRole("button", { name: "Restart" }).click();
  await expect(tabs().nth(1)).not.toContainText("exit 3");
  await typeInTerminal(page, "echo again $((40 + 2))");
  await expectTerminal(page, "again 42");
});

test("a tab is renamed and moved, for all who see it, and its shell goes on", async ({ errors }) => {
  errors.allow(answered(422, "/terminals/2"));
  const other = await page.context().newPage();
  await other.goto(page.url());
  const theirs = other.getByRole("tablist", { name: "Terminals" }).getByRole("tab");
  await expect(theirs).toHaveCount(2);
  await tabs().nth(1).dblclick();
  const naming = page.getByRole("dialog", { name: "Rename the terminal" });
  await naming.getByLabel("Name").fill("a/b");
  await naming.getByRole("button", { name: "Rename" }).click();
  await expect(naming.getByLabel("Name")).toHaveAttribute("aria-invalid", "true");
  await naming.getByLabel("Name").fill("server log");
  // On a narrow window another pane is in front than the one that asks.
  const size = page.viewportSize();
  await page.setViewportSize({ width: 700, height: 800 });
  await expect(page.getByRole("region", { name: "Terminal", includeHidden: true })).toBeHidden();
  await expect(naming.getByLabel("Name")).toBeInViewport();
  if (size) await page.setViewportSize(size);
  await expect(naming.getByLabel("Name")).toHaveValue("server log");
  await naming.getByRole("button", { name: "Rename" }).click();
  await expect(tabs()).toHaveText([/Terminal 1/, /server log/]);
  await expect(theirs).toHaveText([/Terminal 1/, /server log/]);
  await tabs().nth(1).press("Control+Shift+ArrowLeft");
  await expect(tabs()).toHaveText([/server log/, /Terminal 1/]);
  await expect(theirs).toHaveText([/server log/, /Terminal 1/]);
  await typeInTerminal(page, "echo renamed $((40 + 2))");
  await expectTerminal(page, "renamed 42");
  await theirs.first().click();
  await expectTerminal(other, "renamed 42");
  await other.close();
  await page.reload();
  await expect(tabs()).toHaveText([/server log/, /Terminal 1/]);
  await shot("renamed");
});

test("an image that a program draws is shown", async () => {
  await tabs().nth(1).click();
  await expectTerminal(page, /\$ $/m);
  // A red sixel of 60 by 60 points.
  await typeInTerminal(page, String.raw`clear; printf '\ePq"1;1;60;60#1;2;100;0;0#1'; for i in 1 2 3 4 5 6 7 8 9 10; do printf '!60~-'; done; printf '\e\\'; echo drawn`);
  await expectTerminal(page, /drawn/);
  await expect(page.locator(".xterm-image-layer")).toHaveCount(1);
  await shot("image");
});
