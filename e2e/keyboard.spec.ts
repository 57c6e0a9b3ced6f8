import { type Locator, type Page } from "@playwright/test";
import { expectTerminal, password, storedText } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// A newcomer's whole way without a mouse. After each key that moves the focus it is looked at whether that can be seen.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

/** expectFocusSeen fails when nothing has the focus, or nothing shows which thing has it, or something lies over that. */
async function expectFocusSeen(page: Page): Promise<void> {
  const wrong = await page.evaluate(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return "nothing has the focus";
    // Of a tree and a list the chosen row is marked.
    const chosen = focused.getAttribute("aria-activedescendant");
    const shown = (chosen && document.getElementById(chosen)) || focused;
    const what = `${shown.tagName} ${shown.getAttribute("role") ?? ""} ${shown.getAttribute("aria-label") ?? shown.textContent ?? ""}`.slice(0, 80);
    // Cursors: the editor's and the terminal's own.
    if (focused.closest(".monaco-editor, .xterm")) return "";
    const box = shown.getBoundingClientRect();
    if (box.width === 0 || box.bottom <= 0 || box.right <= 0 || box.top >= innerHeight || box.left >= innerWidth) return `${what} is out of sight`;
    const marked = (element: Element | null) => {
      if (!element) return false;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    };
    const lit = shown.matches("[role=menuitem], [role=option]") && getComputedStyle(shown).backgroundColor !== "rgba(0, 0, 0, 0)";
    const cursor = focused.matches("input:not([type=checkbox], [type=radio], [type=range]), textarea") && shown === focused;
    if (!marked(shown) && !lit && !cursor && !marked(shown.parentElement)) return `nothing marks ${what}`;
    const top = document.elementFromPoint(Math.max(0, box.left) + Math.min(box.width, innerWidth) / 2, box.top + box.height / 2);
    return top && (shown.contains(top) || top.contains(shown)) ? "" : `something lies over ${what}`;
  });
  expect(wrong).toBe("");
}

/** press presses keys, each of which leaves the focus to be seen. */
async function press(page: Page, ...keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await page.keyboard.press(key);
    await expect(async () => expectFocusSeen(page)).toPass();
  }
}

/** tabTo goes to something by Tab, or backwards. */
async function tabTo(page: Page, target: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await expect(target).toBeVisible();
  for (let steps = 0; steps < 40; steps++) {
    await press(page, key);
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`${String(target)} is not reached by ${key}`);
}

/** command runs one of the palette. */
async function command(page: Page, name: string, chosen: string): Promise<void> {
  await press(page, "F1");
  await page.keyboard.type(name);
  await expect(page.getByRole("option", { selected: true })).toHaveAccessibleName(chosen);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("combobox", { name: "Files, lines and commands" })).toBeHidden();
}

test("from the first page to the sign-out without a mouse", async ({ page, context, errors }) => {
  const tree = page.getByRole("tree", { name: "Files" });
  const row = (name: string) => tree.getByRole("treeitem", { name, exact: true });
  let id = "";

  await test.step("register", async () => {
    await page.goto(server.url);
    await tabTo(page, page.getByRole("link", { name: "Start coding" }));
    await page.keyboard.press("Enter");
    await page.waitForURL("**/register/");
    await tabTo(page, page.getByLabel("Username"));
    await page.keyboard.type("ada");
    await press(page, "Tab");
    await page.keyboard.type("ada@example.org");
    await press(page, "Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.waitForURL("**/workspace/?id=*");
    await expect(row("main.py")).toBeVisible();
  });

  await test.step("a session of one's own", async () => {
    await page.keyboard.press("F1");
    await page.keyboard.type("all sessions");
    await expect(page.getByRole("option", { selected: true })).toHaveAccessibleName("Session: All Sessions");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/dashboard/");
    await tabTo(page, page.getByRole("button", { name: "New session" }));
    await press(page, "Enter");
    await expect(page.getByRole("dialog", { name: "New session" }).getByLabel("Name")).toBeFocused();
    await page.keyboard.type("by keys");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/workspace/?id=*");
    await expect(row("main.py")).toBeVisible();
    id = new URL(page.url()).searchParams.get("id") ?? "";
  });

  await test.step("a file is made, written and saved", async () => {
    await press(page, "ControlOrMeta+Shift+e");
    await expect(tree).toBeFocused();
    await press(page, "Shift+F10", "ArrowDown");
    await expect(page.getByRole("menuitem", { name: "New file…" })).toBeFocused();
    await press(page, "Enter");
    await page.keyboard.type("hello.py");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("tab", { name: "hello.py", selected: true })).toBeVisible();
    await expect(page.locator(".monaco-editor textarea").first()).toBeFocused();
    await page.keyboard.type('print("hello", 6 * 7)');
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(() => storedText(context, server.url, id, "hello.py")).toBe('print("hello", 6 * 7)');
  });

  await test.step("run", async () => {
    await press(page, "ControlOrMeta+Enter");
    await expectTerminal(page, /^hello 42/m);
    await expect(page.getByRole("tab", { name: "Terminal run", selected: true })).toBeVisible();
  });

  await test.step("renamed, deleted, and brought back", async () => {
    await command(page, "view: show files", "View: Show Files");
    await expect(tree).toBeFocused();
    await expect(tree.getByRole("treeitem", { selected: true })).toHaveText("hello.py");
    await press(page, "F2");
    await page.keyboard.type("renamed");
    await press(page, "Enter");
    await expect(row("renamed.py")).toBeVisible();
    await expect(tree).toBeFocused();
    await expect(tree.getByRole("treeitem", { selected: true })).toHaveText("renamed.py");
    await press(page, "Delete");
    const dialog = page.getByRole("dialog", { name: "Delete “renamed.py”?" });
    await tabTo(page, dialog.getByRole("button", { name: "Delete" }));
    await page.keyboard.press("Enter");
    await expect(row("renamed.py")).toBeHidden();
    await expect(tree).toBeFocused();
    await press(page, "ControlOrMeta+z");
    await expect(row("renamed.py")).toBeVisible();
    await expect.poll(() => storedText(context, server.url, id, "renamed.py")).toBe('print("hello", 6 * 7)');
  });

  await test.step("settings", async () => {
    await press(page, "ControlOrMeta+,");
    const dialog = page.getByRole("dialog", { name: "Settings" });
    await tabTo(page, dialog.getByRole("region", { name: "Editor" }).getByLabel("Font size"));
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("19");
    await expect(page.locator(".monaco-editor .view-lines").first()).toHaveCSS("font-size", "19px");
    await press(page, "Escape");
    await expect(dialog).toBeHidden();
    await expect(tree).toBeFocused();
  });

  await test.step("signed out", async () => {
    errors.allow(answered(401));
    await tabTo(page, page.getByRole("button", { name: "Account", exact: true }), "Shift+Tab");
    await press(page, "Enter", "End");
    await expect(page.getByRole("menuitem", { name: "Sign out" })).toBeFocused();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/login/");
    await expect(page.getByText("Your sessions are where you left them.")).toBeVisible();
    expect((await context.request.get(`${server.url}/api/users/me`)).status()).toBe(401);
  });
});
