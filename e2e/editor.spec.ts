import { type BrowserContext, type Page } from "@playwright/test";
import { expectTerminal, look, looks, openFile, openSession, password, replaceEditor, setTheme, storedText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test, unreachable } from "./test.ts";

// Tabs and groups of them, files that programs change while they are open, and edits that outlive a broken connection.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `line ${from + index}`).join("\n");
const files: Readonly<Record<string, string>> = { "a.txt": "alpha\n", "b.txt": "beta\n", "c.txt": "gamma\n", "d.txt": "delta\n", "long.txt": `${lines(1, 200)}\n` };

const open = (context: BrowserContext, page: Page, username: string) => openSession(context, page, server.url, username, "to edit", files);

const contentOf = (context: BrowserContext, id: string, path: string) => storedText(context, server.url, id, path);

const tabs = (page: Page, group = "Open files") => page.getByRole("tablist", { name: group, exact: true }).getByRole("tab");
const tree = (page: Page) => page.getByRole("tree", { name: "Files" });
const row = (page: Page, name: string) => tree(page).getByRole("treeitem", { name });

test("tabs: looked at, kept, pinned, moved, closed, opened again, and beside each other", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "ada");

  await test.step("a click looks at a file, two mean it, and so does an edit", async () => {
    await row(page, "a.txt").click();
    await expect(tabs(page)).toHaveText(["main.py", "a.txt"]);
    await expect(tabs(page).nth(1)).toHaveAccessibleName("a.txt, preview");
    await row(page, "b.txt").click();
    await expect(tabs(page)).toHaveText(["main.py", "b.txt"]);
    await row(page, "b.txt").dblclick();
    await expect(tabs(page).nth(1)).toHaveAccessibleName("b.txt");
    await row(page, "c.txt").click();
    await expect(page.locator(".view-lines").first()).toContainText("gamma");
    await replaceEditor(page, "gamma, edited\n");
    await row(page, "d.txt").click();
    await expect(tabs(page)).toHaveText(["main.py", "b.txt", "c.txt", "d.txt"]);
    await looks(page, "editor/tabs");
  });

  await test.step("by keyboard: next, previous, moved, closed, opened again", async () => {
    await page.keyboard.press("Alt+PageUp");
    await expect(tabs(page).and(page.getByRole("tab", { selected: true }))).toHaveText("c.txt");
    await page.keyboard.press("Alt+Shift+PageUp");
    await expect(tabs(page)).toHaveText(["main.py", "c.txt", "b.txt", "d.txt"]);
    await tabs(page).nth(1).focus();
    await page.keyboard.press("Shift+ArrowLeft");
    await expect(tabs(page)).toHaveText(["c.txt", "main.py", "b.txt", "d.txt"]);
    await expect(page.getByText("All changes saved")).toBeVisible();
    await page.keyboard.press("Alt+Shift+w");
    await expect(tabs(page)).toHaveText(["main.py", "b.txt", "d.txt"]);
    await page.keyboard.press("Alt+Shift+t");
    await expect(tabs(page).filter({ hasText: "c.txt" })).toHaveAttribute("aria-selected", "true");
  });

  await test.step("pinned tabs stay in front, and stay", async () => {
    await tabs(page).filter({ hasText: "d.txt" }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Pin", exact: true }).click();
    await expect(tabs(page).first()).toHaveAccessibleName("d.txt, pinned");
    await tabs(page).filter({ hasText: "main.py" }).click();
    await tabs(page).filter({ hasText: "main.py" }).press("ContextMenu");
    await page.getByRole("menuitem", { name: "Close Others" }).click();
    await expect(tabs(page)).toHaveText(["d.txt", "main.py"]);
  });

  await test.step("moved by drag", async () => {
    await row(page, "b.txt").dblclick();
    await row(page, "a.txt").dblclick();
    await expect(tabs(page)).toHaveText(["d.txt", "main.py", "b.txt", "a.txt"]);
    const target = await tabs(page).nth(1).boundingBox();
    await tabs(page).nth(3).dragTo(tabs(page).nth(1), { targetPosition: { x: 5, y: (target?.height ?? 0) / 2 } });
    await expect(tabs(page)).toHaveText(["d.txt", "a.txt", "main.py", "b.txt"]);
  });

  await test.step("two groups show one text", async () => {
    await tabs(page).filter({ hasText: "a.txt" }).click();
    await page.keyboard.press("Control+\\");
    const second = tabs(page, "Open files, group 2");
    await expect(second).toHaveText(["a.txt"]);
    await page.keyboard.press("ControlOrMeta+1");
    await expect(page.locator(".monaco-editor textarea").first()).toBeFocused();
    await page.keyboard.insertText("typed on the left ");
    await expect(page.locator(".view-lines").nth(1)).toContainText("typed on the left alpha");
    await page.keyboard.press("ControlOrMeta+2");
    await expect(page.locator(".monaco-editor textarea").nth(1)).toBeFocused();
    await row(page, "b.txt").dblclick();
    await expect(second).toHaveText(["a.txt", "b.txt"]);
    await looks(page, "editor/groups");
  });

  await test.step("a reload brings all of it back", async () => {
    await expect(page.getByText("All changes saved")).toBeVisible();
    await page.reload();
    await expect(tabs(page)).toHaveText(["d.txt", "a.txt", "main.py", "b.txt"]);
    await expect(tabs(page).first()).toHaveAccessibleName("d.txt, pinned");
    const second = tabs(page, "Open files, group 2");
    await expect(second).toHaveText(["a.txt", "b.txt"]);
    await second.filter({ hasText: "b.txt" }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Close All" }).click();
    await expect(second).toHaveCount(0);
  });

  await test.step("what is not saved is asked about before several are closed", async () => {
    await page.getByRole("button", { name: "Autosave on" }).first().click();
    await tabs(page).filter({ hasText: "a.txt" }).click();
    await replaceEditor(page, "not saved");
    await tabs(page).filter({ hasText: "a.txt" }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Close All" }).click();
    const dialog = page.getByRole("dialog", { name: "Save a.txt before closing?" });
    await expect(dialog).toBeVisible();
    await expect(tabs(page)).toHaveText(["a.txt"]);
    await dialog.getByRole("button", { name: "Close without saving" }).click();
    await expect(tabs(page)).toHaveCount(0);
    await row(page, "a.txt").click();
    await expect(page.locator(".view-lines").first()).toContainText("typed on the left alpha");
  });
});

test("a file that a program changes follows, with cursor and place", async ({ page, context }) => {
  await open(context, page, "grace");
  await expectTerminal(page, /\$ $/m);
  await openFile(page, "long.txt");
  await expect(page.locator(".view-lines").first()).toContainText("line 1");
  await page.keyboard.press("Control+g");
  await expect(page.getByRole("combobox")).toBeFocused();
  await page.keyboard.type("120:3");
  await page.keyboard.press("Enter");
  await expect(page.getByText("Ln 120, Col 3")).toBeVisible();
  const place = () => page.locator(".view-line").filter({ hasText: /^line\s120$/ }).evaluate((line) => Math.round(line.getBoundingClientRect().top));
  const before = await place();
  await typeInTerminal(page, "sed -i -e '1i first' -e '5d' -e 's/^line 121$/changed 121/' -e '$a last' long.txt && sed -i '2i second' long.txt");
  await expect(page.locator(".view-lines").first()).toContainText("changed 121");
  // One line more above it: the cursor is at the same text, which is where it was on the screen.
  await expect(page.getByText("Ln 121, Col 3")).toBeVisible();
  expect(Math.abs((await place()) - before)).toBeLessThanOrEqual(1);
  await expect(page.getByText("All changes saved")).toBeVisible();
});

test("the editor's menu stands out from the text in every theme", async ({ page, context }) => {
  await open(context, page, "hedy");
  await openFile(page, "long.txt");
  await page.locator(".view-line").filter({ hasText: /^line\s3$/ }).click({ button: "right" });
  const menu = page.locator(".monaco-menu-container");
  const edge = menu.locator(".monaco-menu");
  await expect(edge).toBeVisible();
  await look(page, "editor/menu", { themes: ["light", "dark", "contrast"], exclude: [".monaco-menu-container"] });
  const colours = new Set<string>();
  for (const theme of ["light", "dark", "contrast"] as const) {
    await setTheme(page, theme);
    await expect(edge).toHaveCSS("border-top-width", "1px");
    const colour = await edge.evaluate((of) => getComputedStyle(of).borderTopColor);
    expect(colour, theme).not.toBe(await edge.evaluate((of) => getComputedStyle(of.parentElement ?? of).backgroundColor));
    colours.add(colour);
  }
  expect(colours.size).toBe(3);
});

test("edits outlive a broken connection and a reload", async ({ page, context, errors }) => {
  errors.allow(...unreachable);
  const id = await open(context, page, "mary");
  await openFile(page, "a.txt");
  await expect(page.locator(".view-lines").first()).toContainText("alpha");

  await test.step("what is typed while the server is away is sent when it is back", async () => {
    await context.setOffline(true);
    await replaceEditor(page, "typed offline\n");
    await expect(page.getByText(/^Not saved: The server cannot be reached/)).toBeVisible();
    await context.setOffline(false);
    await expect.poll(() => contentOf(context, id, "a.txt")).toBe("typed offline\n");
    await expect(page.getByText("All changes saved")).toBeVisible();
  });

  await test.step("a page that ends meanwhile loses nothing", async () => {
    await context.setOffline(true);
    await replaceEditor(page, "typed before the crash\n");
    await expect(page.getByText(/^Not saved/)).toBeVisible();
    await page.close({ runBeforeUnload: false });
    await context.setOffline(false);
    const next = await context.newPage();
    await next.goto(`${server.url}/workspace/?id=${id}`);
    await expect(next.getByText("Edits that were not saved are there again: a.txt")).toBeVisible();
    await expect.poll(() => contentOf(context, id, "a.txt")).toBe("typed before the crash\n");
    await expect(next.getByText("All changes saved")).toBeVisible();
    await next.reload();
    await expect(next.locator(".view-lines").first()).toContainText("typed before the crash");
    await expect(next.getByText("Edits that were not saved")).toHaveCount(0);
    await next.close();
  });
});

test("two devices, both offline and back: both edits are kept", async ({ page, context, browser, errors }) => {
  errors.allow(...unreachable, answered(409, "/file/a.txt"));
  const id = await open(context, page, "joan");
  const elsewhere = await browser.newContext();
  const signedIn = await elsewhere.request.post(`${server.url}/api/users/login`, { data: { username: "joan", password } });
  expect(signedIn.ok()).toBe(true);
  const other = await elsewhere.newPage();
  await other.goto(`${server.url}/workspace/?id=${id}`);
  for (const each of [page, other]) {
    await openFile(each, "a.txt");
    await expect(each.locator(".view-lines").first()).toContainText("alpha");
  }
  for (const [each, of] of [[page, context], [other, elsewhere]] as const) {
    await of.setOffline(true);
    await replaceEditor(each, each === page ? "from the first\n" : "from the second\n");
    await expect(each.getByText(/^Not saved/)).toBeVisible();
  }
  // The second one even crashes.
  await other.close({ runBeforeUnload: false });
  await context.setOffline(false);
  await expect.poll(() => contentOf(context, id, "a.txt")).toBe("from the first\n");
  await elsewhere.setOffline(false);
  const back = await elsewhere.newPage();
  await back.goto(`${server.url}/workspace/?id=${id}`);
  const dialog = back.getByRole("dialog");
  await expect(dialog).toContainText("a.txt");
  await looks(back, "editor/offline-conflict");
  expect(await contentOf(context, id, "a.txt")).toBe("from the first\n");
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await expect(back.getByText("All changes saved")).toBeVisible();
  await expect(tree(back).getByRole("treeitem", { name: /^a\b/ })).toHaveCount(2);
  await elsewhere.close();
});
