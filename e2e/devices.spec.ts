import { type Browser, type BrowserContext, type Page } from "@playwright/test";
import { createSession, expectTerminal, openFile, password, putFile, register, replaceEditor, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// One user on two devices: what one does, the other shows, until one of them ends the sign-ins of both.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

async function signIn(context: BrowserContext, username: string): Promise<void> {
  const answer = await context.request.post(`${server.url}/api/users/login`, { data: { username, password } });
  expect(answer.status()).toBe(200);
}

async function device(browser: Browser, username: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await signIn(context, username);
  return { context, page: await context.newPage() };
}

const row = (page: Page, name: string) => page.getByRole("tree", { name: "Files" }).getByRole("treeitem", { name, exact: true });
const tab = (page: Page, name: string) => page.getByRole("tablist", { name: "Open files", exact: true }).getByRole("tab", { name });
const terminals = (page: Page) => page.getByRole("tablist", { name: "Terminals" }).getByRole("tab");

test("what one device does to files, terminals and layout, the other shows", async ({ page, context, browser }) => {
  await register(context, server.url, "ada");
  const id = await createSession(context, server.url, "on two devices");
  await putFile(context, server.url, id, "notes.txt", "written before\n");
  const other = await device(browser, "ada");
  // It can be told that a minute has passed.
  await other.page.clock.install();
  for (const each of [page, other.page]) {
    await each.goto(`${server.url}/workspace/?id=${id}`);
    await openFile(each, "notes.txt");
    await expect(each.locator(".view-lines").first()).toContainText("written before");
    await expectTerminal(each, /\$ $/m);
  }

  await test.step("files: edited, made, renamed, deleted, brought back", async () => {
    await replaceEditor(page, "written on the first\n");
    await expect(other.page.locator(".view-lines").first()).toContainText("written on the first");
    await page.getByRole("button", { name: "New file" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill("made.py");
    await page.keyboard.press("Enter");
    await expect(row(other.page, "made.py")).toBeVisible();
    await row(page, "notes.txt").click();
    await page.keyboard.press("F2");
    await page.getByRole("textbox", { name: "Name" }).fill("renamed.txt");
    await page.keyboard.press("Enter");
    await expect(row(other.page, "renamed.txt")).toBeVisible();
    await expect(row(other.page, "notes.txt")).toBeHidden();
    // The tab goes along.
    await expect(tab(other.page, "renamed.txt")).toBeVisible();
    await row(page, "renamed.txt").click();
    await page.keyboard.press("Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(row(other.page, "renamed.txt")).toBeHidden();
    await expect(other.page.getByText("This file was deleted.")).toBeVisible();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(row(other.page, "renamed.txt")).toBeVisible();
  });

  await test.step("terminals: what is typed, and new ones", async () => {
    await typeInTerminal(page, "echo from the first $((40 + 2))");
    await expectTerminal(other.page, /from the first 42/);
    await page.getByRole("button", { name: "New terminal" }).click();
    await expect(terminals(other.page)).toHaveCount(2);
  });

  await test.step("the layout, once nobody uses the other for a minute", async () => {
    await other.page.clock.fastForward(61_000);
    await page.getByRole("button", { name: "Split the editor" }).click();
    await page.keyboard.press("ControlOrMeta+b");
    await expect(row(page, "main.py")).toBeHidden();
    await expect(row(other.page, "main.py")).toBeHidden();
    await expect(other.page.getByRole("tablist", { name: "Open files, group 2" })).toBeVisible();
    await expect(terminals(other.page).nth(1)).toHaveAttribute("aria-selected", "true");
  });
  await other.context.close();
});

test("who signs out everywhere signs the other device out, which says so and leads back", async ({ page, context, browser, errors }) => {
  errors.allow(answered(401));
  await register(context, server.url, "grace");
  const id = await createSession(context, server.url, "to go on with");
  const other = await device(browser, "grace");
  await other.page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(other.page.locator(".monaco-editor .view-line").first()).toBeVisible();
  await page.goto(`${server.url}/account/`);
  await page.getByRole("button", { name: "Sign out everywhere" }).click();
  await page.getByRole("dialog", { name: "Sign out everywhere?" }).getByRole("button", { name: "Sign out" }).click();

  await page.waitForURL("**/login/");
  await expect(page.getByText("Your sessions are where you left them.")).toBeVisible();
  await other.page.waitForURL("**/login/?next=*");
  await expect(other.page.getByText("You were signed out.")).toBeVisible();
  for (const each of [context, other.context]) expect((await each.request.get(`${server.url}/api/users/me`)).status()).toBe(401);

  await other.page.getByLabel("Username").fill("grace");
  await other.page.getByLabel("Password", { exact: true }).fill(password);
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.waitForURL(`**/workspace/?id=${id}`);
  await expect(row(other.page, "main.py")).toBeVisible();
  await other.context.close();
});
