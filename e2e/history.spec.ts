import { type BrowserContext, type Page } from "@playwright/test";
import { expectTerminal, look as lookAt, looks, openFile, openSession, putFile, replaceEditor, showPane, storedText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test } from "./test.ts";

// The history: versions of a file, what differs, going back, deleted files, undo, and two who change the same file.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const save = (context: BrowserContext, id: string, path: string, content: string | Buffer) => putFile(context, server.url, id, path, content);

const contentOf = (context: BrowserContext, id: string, path: string) => storedText(context, server.url, id, path);

const open = (context: BrowserContext, page: Page, username: string) => openSession(context, page, server.url, username, "with a past");

const versions = (page: Page) => page.getByRole("list", { name: "Versions" }).getByRole("button");
const showHistory = (page: Page) => page.getByRole("navigation", { name: "Side bar" }).getByRole("button", { name: "History" }).click();

const look = (page: Page, name: string) => lookAt(page, `history/${name}`);
/** What is closed where panes are shown one at a time: a test of its own looks at it there. */
const lookWide = (page: Page, name: string) => lookAt(page, `history/${name}`, { widths: [1440, 1024] });

test("versions are listed as they come, compared, and restored", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "ada");
  await save(context, id, "notes.txt", "one\ntwo\nthree\n");
  await openFile(page, "notes.txt");
  await showHistory(page);
  await expect(versions(page)).toHaveCount(1);
  await expect(versions(page).first()).toContainText("just now · 14 B");

  await test.step("a save in the editor is a version at once", async () => {
    await replaceEditor(page, "one\n2\nthree\n");
    await page.keyboard.press("ControlOrMeta+s");
    await expect(versions(page)).toHaveCount(2);
    await expect(versions(page).first()).toContainText("Saved in the editor");
  });

  await test.step("a version beside what is there now, and what it changed", async () => {
    await versions(page).first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "notes.txt" });
    await expect(dialog.locator(".monaco-diff-editor")).toContainText("two");
    await expect(dialog.locator(".monaco-diff-editor .line-insert, .monaco-diff-editor .line-delete").first()).toBeVisible();
    await lookWide(page, "compare");
    await dialog.getByRole("button", { name: "What it changed" }).click();
    await expect(dialog.locator(".monaco-diff-editor")).toContainText("three");
    await dialog.getByRole("button", { name: "Compare with now" }).click();
    await dialog.getByRole("button", { name: "Restore this version" }).click();
    await expect(dialog).toBeHidden();
    await expect(page.getByRole("status").filter({ hasText: "Restored: 1 path" })).toBeVisible();
    await expect.poll(() => contentOf(context, id, "notes.txt")).toBe("one\ntwo\nthree\n");
    await expect(page.locator(".monaco-editor").first()).toContainText("two");
    await expect(versions(page).first()).toContainText("Restored");
  });

  await test.step("a version from before a move is restored where the file is now", async () => {
    expect((await context.request.post(`${server.url}/api/workspace/${id}/move`, { data: { from: "notes.txt", to: "docs/moved.txt" } })).ok()).toBe(true);
    await expect(page.getByRole("tab", { name: "moved.txt" })).toBeVisible();
    await expect(versions(page).first()).toContainText("Moved from notes.txt");
    await versions(page).nth(2).click();
    const dialog = page.getByRole("dialog");
    await expect(dialog).toContainText("as notes.txt");
    await dialog.getByRole("button", { name: "Restore this version" }).click();
    await expect.poll(() => contentOf(context, id, "docs/moved.txt")).toBe("one\n2\nthree\n");
    expect((await context.request.get(`${server.url}/api/workspace/${id}/file/notes.txt`)).status()).toBe(404);
  });

  await test.step("binary versions are said to be so", async () => {
    await save(context, id, "data.bin", Buffer.from([0, 1, 2, 255]));
    await page.getByRole("group", { name: "History of" }).getByRole("button", { name: "All files" }).click();
    await expect(versions(page).first()).toContainText("data.bin");
    await versions(page).first().click();
    await expect(page.getByRole("dialog")).toContainText("Binary, 4 B");
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await looks(page, "history/all", { narrow: () => showPane(page, "History") });
  });

  await test.step("everything is restored to a moment, after saying what that undoes", async () => {
    await versions(page).filter({ hasText: "Moved from" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Restore everything to then…" }).click();
    const dialog = page.getByRole("dialog", { name: "Restore all files?" });
    await expect(dialog).toContainText("2 later changes to 2 paths will be undone");
    await lookWide(page, "restore-all");
    await dialog.getByRole("button", { name: "Restore all files" }).click();
    await expect(dialog).toBeHidden();
    await expect.poll(async () => (await context.request.get(`${server.url}/api/workspace/${id}/file/data.bin`)).status()).toBe(404);
    expect(await contentOf(context, id, "docs/moved.txt")).toBe("one\ntwo\nthree\n");
  });
});

test("what was deleted comes back: by Undo, and from the list", async ({ page, context }) => {
  await page.setViewportSize({ width: 1024, height: 768 });
  const id = await open(context, page, "bea");
  await save(context, id, "dir/one.txt", "1");
  await save(context, id, "dir/two.txt", "2");
  const tree = page.getByRole("tree", { name: "Files" });
  const remove = async (name: string) => {
    await tree.getByRole("treeitem", { name }).click();
    await page.keyboard.press("Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(tree.getByRole("treeitem", { name })).toBeHidden();
  };
  await test.step("Undo brings a folder back with what was in it", async () => {
    await remove("dir");
    await look(page, "undo");
    await page.getByRole("button", { name: "Undo" }).click();
    await expect(tree.getByRole("treeitem", { name: "dir" })).toBeVisible();
    expect(await contentOf(context, id, "dir/two.txt")).toBe("2");
  });
  await test.step("deleted files are listed and restored one by one", async () => {
    await remove("dir");
    await showHistory(page);
    await page.getByRole("group", { name: "History of" }).getByRole("button", { name: "Deleted" }).click();
    await expect(page.getByRole("list", { name: "Deleted files" }).getByRole("listitem")).toHaveCount(2);
    await look(page, "deleted");
    await page.getByRole("button", { name: "Restore dir/one.txt" }).click();
    await expect(page.getByRole("list", { name: "Deleted files" }).getByRole("listitem")).toHaveCount(1);
    expect(await contentOf(context, id, "dir/one.txt")).toBe("1");
  });
  await test.step("the menu of a file leads to its versions", async () => {
    await page.getByRole("navigation", { name: "Side bar" }).getByRole("button", { name: "Files" }).click();
    await tree.getByRole("treeitem", { name: "main.py" }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "History" }).click();
    await expect(versions(page)).toHaveCount(1);
  });
});

test("all of it on a narrow screen", async ({ page, context }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  const id = await open(context, page, "cleo");
  await save(context, id, "main.py", "print('again')\n");
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name: "History" }).click();
  await expect(versions(page)).toHaveCount(2);
  await look(page, "list");
  await versions(page).nth(1).click();
  await expect(page.getByRole("dialog").locator(".monaco-diff-editor")).toContainText("again");
  await look(page, "compare");
  await page.getByRole("dialog").getByRole("button", { name: "Restore everything to then…" }).click();
  await expect(page.getByRole("dialog", { name: "Restore all files?" })).toContainText("1 later change to 1 path will be undone");
  await look(page, "restore-all");
});

test("who changes a file that was changed elsewhere merges both, wherever the other change came from", async ({ page, context }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  const id = await open(context, page, "dora");
  const lines = (first: string, last: string) => [first, ...Array.from({ length: 20 }, (_, index) => `line ${index}`), last, ""].join("\n");
  await save(context, id, "text.txt", lines("first", "last"));
  await openFile(page, "text.txt");
  await expect(page.locator(".monaco-editor").first()).toContainText("line 3");
  await page.getByRole("button", { name: "Autosave on" }).click();
  const dialog = page.getByRole("dialog");

  await test.step("changes that fit together are one text", async () => {
    await replaceEditor(page, lines("FIRST", "last"));
    await save(context, id, "text.txt", lines("first", "LAST"));
    await expect(dialog).toContainText("Both changes fit together");
    await look(page, "merge-clean");
    await dialog.getByRole("button", { name: "Save merged" }).click();
    await expect(dialog).toBeHidden();
    await expect.poll(() => contentOf(context, id, "text.txt")).toBe(lines("FIRST", "LAST"));
    await expect(page.getByText("Saved", { exact: true })).toBeVisible();
  });

  await test.step("the same line on both sides is for the user to decide", async () => {
    await replaceEditor(page, lines("mine", "LAST"));
    await save(context, id, "text.txt", lines("theirs", "the last"));
    await expect(dialog).toContainText("1 place was changed on both sides");
    const merged = dialog.getByRole("button", { name: "Save merged" });
    await expect(merged).toBeDisabled();
    await looks(page, "history/merge-conflict");
    await dialog.getByRole("button", { name: "Both", exact: true }).click();
    await expect(merged).toBeEnabled();
    await merged.click();
    await expect(dialog).toBeHidden();
    await expect.poll(() => contentOf(context, id, "text.txt")).toBe(lines("mine\ntheirs", "the last"));
  });

  await test.step("the result can be edited by hand", async () => {
    await replaceEditor(page, lines("mine again", "the last"));
    await save(context, id, "text.txt", lines("theirs again", "the last"));
    await dialog.locator(".monaco-editor").click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.insertText("by hand\n");
    // The window is made narrow and wide again: other places for the panes, the same dialog.
    await page.setViewportSize({ width: 700, height: 900 });
    await expect(page.getByRole("navigation", { name: "Panes" })).toBeAttached();
    await page.setViewportSize({ width: 1440, height: 900 });
    await expect(page.getByRole("navigation", { name: "Panes" })).not.toBeAttached();
    await dialog.getByRole("button", { name: "Save merged" }).click();
    await expect.poll(() => contentOf(context, id, "text.txt")).toBe("by hand\n");
  });

  await test.step("what a program and an editor changed at the same moment is offered, and settled in every window", async () => {
    const other = await context.newPage();
    await other.goto(`${server.url}/workspace/?id=${id}`);
    await expect(other.getByRole("tab", { name: "text.txt" })).toBeVisible();
    await expectTerminal(page, /\$ $/m);
    await typeInTerminal(page, "for i in $(seq 4000); do echo program $i > text.txt; done");
    // As another backend's editor would: without asking what is there.
    await expect
      .poll(
        async () => {
          await save(context, id, "text.txt", `editor ${Date.now()}\n`);
          const answer = await context.request.get(`${server.url}/api/workspace/${id}/conflicts`);
          return ((await answer.json()) as { conflicts: unknown[] }).conflicts.length;
        },
        { timeout: 30_000, intervals: [5] },
      )
      .toBeGreaterThan(0);
    await typeInTerminal(page, "");
    const banner = (on: Page) => on.getByText("both versions are kept", { exact: false }).and(on.locator("[role=status]")).getByRole("button", { name: "Merge…" });
    await expect(banner(page)).toBeVisible();
    await expect(banner(other)).toBeVisible();
    // It follows the file. What is written and moved at once comes as a new file instead.
    await expect.poll(() => contentOf(context, id, "text.txt")).toBe("program 4000\n");
    await typeInTerminal(page, "mv text.txt renamed.txt");
    for (const on of [page, other]) {
      await expect(on.getByRole("tab", { name: "renamed.txt" })).toBeVisible();
      await expect(banner(on)).toBeVisible();
    }
    await banner(page).click();
    await expect(dialog).toContainText("Two versions of renamed.txt");
    await expect(dialog.getByRole("button", { name: "The editor’s version", exact: true })).toBeVisible();
    await lookWide(page, "stored-conflict");
    await dialog.getByRole("button", { name: "Keep it as it is" }).click();
    await expect(dialog).toBeHidden();
    await expect(banner(page)).toBeHidden();
    await expect(banner(other)).toBeHidden();
  });
});
