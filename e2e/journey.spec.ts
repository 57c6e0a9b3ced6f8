import { type Page } from "@playwright/test";
import { Installation } from "./installation.ts";
import { expectTerminal, openFile, password, replaceEditor, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test, unreachable, withoutTLS } from "./test.ts";

// One user's whole way, against the real program with a data directory of its own: the database, the sandbox, the
// shell and the browser are real. With INSTALLATION_URL it goes through what is installed there on a cluster.

let server: Server | Installation;

test.beforeAll(async () => {
  const url = process.env.INSTALLATION_URL;
  server = url === undefined ? await Server.create() : new Installation(url);
});

test.afterAll(async () => {
  await server.destroy();
});

test.beforeEach(({ errors }) => {
  if (server instanceof Installation) errors.allow(withoutTLS);
});

/** fileOf reads a file from the API with the page's sign-in: what is in the database. */
async function fileOf(page: Page, path: string): Promise<string | null> {
  const id = new URL(page.url()).searchParams.get("id") ?? "";
  const response = await page.request.get(`${server.url}/api/workspace/${id}/file/${path}?raw=1`);
  return response.ok() ? response.text() : null;
}

test("a user edits, runs, makes files in the terminal, and finds it all after a restart", async ({ page, errors }) => {
  errors.allow(...unreachable);

  await test.step("register", async () => {
    await page.goto(server.url);
    // Nobody is signed in.
    await page.getByRole("link", { name: "Start coding" }).click();
    await page.getByLabel("Username").fill("ada");
    await page.getByLabel("Email").fill("ada@example.org");
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByRole("button", { name: "Create account" }).click();
    // The way leads into a first session.
    await page.waitForURL("**/workspace/?id=*");
    await page.goto(`${server.url}/dashboard/`);
  });

  await test.step("create a session", async () => {
    await page.getByRole("button", { name: "New session" }).first().click();
    // A dialog may ask for the name first.
    const dialog = page.getByRole("dialog");
    if (await dialog.isVisible()) {
      await dialog.getByRole("button", { name: "Create" }).click();
    }
    await page.waitForURL("**/workspace/?id=*");
    await expect(page.getByRole("treeitem", { name: "main.py" })).toBeVisible();
  });

  await test.step("edit main.py and run it with Python", async () => {
    await openFile(page, "main.py");
    await replaceEditor(page, 'import sys\nprint("python", sys.version_info[0], 6 * 7)\n');
    await page.keyboard.press("ControlOrMeta+s");
    await expect.poll(() => fileOf(page, "main.py")).toContain("6 * 7");
    await expectTerminal(page, /\$ $/m);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await expectTerminal(page, /python 3 42/);
    await page.getByRole("tab", { name: "Terminal 1" }).click();
  });

  await test.step("a file made in the terminal appears in the tree, is in the database, and runs with Node.js", async () => {
    await typeInTerminal(page, `echo 'console.log("node", 6 * 7)' > made.js && node made.js`);
    await expectTerminal(page, /node 42/);
    await expect(page.getByRole("treeitem", { name: "made.js" })).toBeVisible();
    await expect.poll(() => fileOf(page, "made.js")).toBe('console.log("node", 6 * 7)\n');
    await openFile(page, "made.js");
  });

  await test.step("a reload shows the same terminal", async () => {
    await typeInTerminal(page, "kept=yes");
    await page.reload();
    await expectTerminal(page, /node 42/);
    await typeInTerminal(page, 'echo "is it kept: $kept"');
    await expectTerminal(page, /is it kept: yes/);
  });

  await test.step("everything is there after a stop and a start", async () => {
    await typeInTerminal(page, "mkdir -p deep/er && seq 3 > deep/er/numbers.txt");
    await expect.poll(() => fileOf(page, "deep/er/numbers.txt")).toBe("1\n2\n3\n");
    await server.stop("SIGINT");
    await server.start();
    await page.reload();
    await expect(page.getByRole("treeitem", { name: "made.js" })).toBeVisible();
    await openFile(page, "main.py");
    await expect(page.locator(".monaco-editor").first()).toContainText("6 * 7");
    await expectTerminal(page, /\$ $/m);
    await typeInTerminal(page, "cat deep/er/numbers.txt made.js");
    await expectTerminal(page, /1\s+2\s+3\s+console/);
  });

  await test.step("kill -9 of the backend loses neither the shell nor a file", async () => {
    await typeInTerminal(page, "echo shell=$$; alive=still");
    await expectTerminal(page, /shell=\d+/);
    await typeInTerminal(page, "for i in $(seq 300); do echo $i > tick-$((i % 10)).txt; echo line $i; done; echo the end");
    await expectTerminal(page, /line \d/);
    await server.stop("SIGKILL");
    await server.start();
    await expectTerminal(page, /the end/);
    await typeInTerminal(page, 'echo "the shell is $alive"');
    await expectTerminal(page, /the shell is still/);
    await expect.poll(() => fileOf(page, "tick-0.txt")).toBe("300\n");
    await expect.poll(() => fileOf(page, "tick-9.txt")).toBe("299\n");
  });
});

test("another user's session is not found, over HTTP and WebSocket", async ({ browser }) => {
  const owner = await browser.newContext();
  const other = await browser.newContext();
  try {
    for (const [context, username] of [
      [owner, "grace"],
      [other, "mallory"],
    ] as const) {
      const answer = await context.request.post(`${server.url}/api/users/register`, {
        data: { username, email: `${username}@example.org`, password },
      });
      expect(answer.status()).toBe(201);
    }
    const created = await owner.request.post(`${server.url}/api/sessions/`, { data: { name: "mine" } });
    expect(created.status()).toBe(201);
    const { data } = (await created.json()) as { data: { id: string } };
    for (const path of [`sessions/${data.id}`, `workspace/${data.id}/files`, `workspace/${data.id}/file/main.py`]) {
      expect((await owner.request.get(`${server.url}/api/${path}`)).status(), path).toBeLessThan(405);
      expect((await other.request.get(`${server.url}/api/${path}`)).status(), path).toBe(404);
    }
    const page = await other.newPage();
    await page.goto(`${server.url}/dashboard/`);
    const code = await page.evaluate(
      (id) =>
        new Promise<number>((done) => {
          const socket = new WebSocket(`ws://${location.host}/ws?session=${id}&terminal=main&cols=80&rows=24`);
          socket.onclose = (event) => {
            done(event.code);
          };
        }),
      data.id,
    );
    expect(code).toBe(4404);
  } finally {
    await owner.close();
    await other.close();
  }
});
