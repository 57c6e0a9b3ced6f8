import { type Locator, type Page } from "@playwright/test";
import { expectTerminal, look, password, putFile, storedText } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test } from "./test.ts";

// A telephone: 360 pixels wide, and fingers. What is typed comes from its keyboard, as any keyboard's does.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

test.use({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

/** hold keeps a finger on something until that has an effect. */
async function hold(page: Page, target: Locator, effect: () => Promise<void>): Promise<void> {
  const box = await target.boundingBox();
  if (!box) throw new Error("nothing to hold");
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [{ x: box.x + 40, y: box.y + box.height / 2 }] });
  await effect();
  await devtools.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  await devtools.detach();
}

test("signing in, editing, running, the shell, the files' menu and the palette by touch", async ({ page, context }) => {
  const pane = (name: string) => page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name });
  const row = (name: string) => page.getByRole("tree", { name: "Files" }).getByRole("treeitem", { name, exact: true });
  const all = { themes: ["light", "dark"] as const };
  let id = "";

  await test.step("an account, and then signing in", async () => {
    const answer = await context.request.post(`${server.url}/api/users/register`, { data: { username: "ada", email: "ada@example.org", password } });
    expect(answer.status()).toBe(201);
    await context.clearCookies();
    await page.goto(server.url);
    await page.getByRole("link", { name: "Sign in" }).first().tap();
    await page.getByLabel("Username").tap();
    await page.keyboard.type("ada");
    await page.getByLabel("Password", { exact: true }).tap();
    await page.keyboard.type(password);
    await look(page, "touch/sign-in", all);
    await page.getByRole("button", { name: "Sign in" }).tap();
    await page.waitForURL("**/dashboard/");
  });

  await test.step("a session", async () => {
    await page.getByRole("button", { name: "New session" }).first().tap();
    await page.getByRole("dialog").getByRole("button", { name: "Create" }).tap();
    await page.waitForURL("**/workspace/?id=*");
    id = new URL(page.url()).searchParams.get("id") ?? "";
    await putFile(context, server.url, id, "notes.txt", "first\n");
  });

  await test.step("a file, and the editor", async () => {
    await pane("Files").tap();
    await expect(row("notes.txt")).toBeVisible();
    // A finger needs more than a pointer.
    expect((await row("notes.txt").boundingBox())?.height).toBeGreaterThanOrEqual(36);
    await look(page, "touch/files", all);
    await row("notes.txt").tap();
    await expect(page.getByRole("tab", { name: "notes.txt", selected: true })).toBeVisible();
    await page.locator(".monaco-editor .view-line").first().tap();
    await expect(page.locator(".monaco-editor textarea").first()).toBeFocused();
    await page.keyboard.press("ControlOrMeta+Home");
    await page.keyboard.type("typed ");
    await look(page, "touch/editor", all);
    // Saved by itself.
    await expect.poll(() => storedText(context, server.url, id, "notes.txt")).toBe("typed first\n");
  });

  await test.step("the shell", async () => {
    await pane("Shell").tap();
    await expectTerminal(page, /\$ $/m);
    await page.locator(".xterm-screen").first().tap();
    await page.keyboard.type("cat notes.txt");
    await page.keyboard.press("Enter");
    await expectTerminal(page, /^typed first/m);
    await look(page, "touch/shell", all);
  });

  await test.step("run", async () => {
    await pane("Files").tap();
    await row("main.py").tap();
    await page.getByRole("button", { name: "Run", exact: true }).tap();
    await expectTerminal(page, /Hello/);
  });

  await test.step("the menu of a file, by a finger that stays and by a button", async () => {
    await pane("Files").tap();
    const menu = page.getByRole("menu", { name: "File actions", exact: true });
    await hold(page, row("notes.txt"), () => expect(menu).toBeVisible());
    await look(page, "touch/menu", { ...all, without: ["region"] });
    await menu.getByRole("menuitem", { name: "Duplicate" }).tap();
    await expect(row("notes copy.txt")).toBeVisible();
    await page.getByRole("button", { name: "More file actions" }).tap();
    const more = page.getByRole("menu", { name: "More file actions" });
    await expect(more).toContainText("notes copy.txt");
    await look(page, "touch/more", { ...all, without: ["region"] });
    await more.getByRole("menuitem", { name: "Rename…" }).tap();
    await page.getByRole("textbox", { name: "Name" }).fill("other.txt");
    await page.keyboard.press("Enter");
    await expect(row("other.txt")).toBeVisible();
  });

  await test.step("the palette", async () => {
    await page.getByRole("button", { name: "Commands and files" }).tap();
    await page.getByRole("combobox", { name: "Files, lines and commands" }).fill(">high contrast");
    await look(page, "touch/palette", all);
    await page.getByRole("option", { name: "Preferences: High Contrast Theme" }).tap();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "contrast");
  });
});
