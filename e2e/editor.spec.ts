import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { createSession, openFile, register, replaceEditor } from "./page.ts";
import { Server } from "./server.ts";

// Edits outlive a broken connection and the page that they were made in.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const files: Readonly<Record<string, string>> = { "a.txt": "alpha\n", "b.txt": "beta\n" };

async function open(context: BrowserContext, page: Page, username: string): Promise<string> {
  await register(context, server.url, username);
  const id = await createSession(context, server.url, "to edit");
  for (const [path, content] of Object.entries(files)) {
    expect((await context.request.post(`${server.url}/api/workspace/${id}/file/${path}`, { data: { content } })).ok(), path).toBe(true);
  }
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.getByRole("tab", { name: "main.py" })).toBeVisible();
  return id;
}

async function contentOf(context: BrowserContext, id: string, path: string): Promise<string> {
  return (await context.request.get(`${server.url}/api/workspace/${id}/file/${path}?raw=1`)).text();
}

test("edits outlive a broken connection and a reload", async ({ page, context }) => {
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
