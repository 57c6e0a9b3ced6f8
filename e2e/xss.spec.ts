import { type BrowserContext, type Page } from "@playwright/test";
import { hostileSVG, markdown, notebook, png, table } from "./fixtures.ts";
import { expectTerminal, openFile, openSession, password, replaceEditor, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// Names, contents, titles and output that are scripts: each is shown as the letters that it is. A listener in every page
// and frame would tell of one that runs, and of one that only the page's policy has stopped.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const markup = `<img src=x onerror="window.pwned=1">`;
const script = `<script>window.pwned=1</script>`;

/** tell has the context's pages write an error when a script of the workspace runs, or would have: `test` fails of it. */
async function tell(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    Object.defineProperty(window, "pwned", {
      set: () => {
        console.error("a script of the workspace has run");
      },
    });
    for (const name of ["alert", "confirm", "prompt"] as const) {
      Object.defineProperty(window, name, {
        value: () => {
          console.error(`a script of the workspace has run: ${name}`);
        },
      });
    }
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`the policy stopped ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
}

/** open makes a session whose name is markup, with these files in it. */
const open = (context: BrowserContext, page: Page, username: string, files: Readonly<Record<string, string | Buffer>>) =>
  openSession(context, page, server.url, username, `${username} ${markup}`, files);

const editor = (page: Page) => page.getByRole("region", { name: "Editor" });
const quick = (page: Page) => page.getByRole("combobox", { name: "Files, lines and commands" });

/** command runs one of the palette. */
async function command(page: Page, name: string): Promise<void> {
  await page.keyboard.press("F1");
  await quick(page).fill(`>${name}`);
  await page.keyboard.press("Enter");
  await expect(quick(page)).toBeHidden();
}

test("the watch sees a script that runs, and one that the policy stops", async ({ context, page, errors }) => {
  await tell(context);
  await page.goto(server.url);
  await page.evaluate(() => {
    Object.assign(window, { pwned: 1 });
    const image = document.createElement("div");
    image.innerHTML = `<img src="data:," onerror="window.pwned=1">`;
    document.body.append(image);
  });
  await expect.poll(() => errors.seen.join("\n")).toContain("a script of the workspace has run");
  await expect.poll(() => errors.seen.join("\n")).toContain("the policy stopped script-src");
  errors.allow(/a script of the workspace has run/, /the policy stopped script-src/, /violates the following Content Security Policy directive/);
});

test("names", async ({ context, page }) => {
  await tell(context);
  const file = `${markup}.txt`;
  const folder = `${script.replaceAll("/", "_")} folder`;
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "ada", { [file]: `needle ${markup}\n`, [`${folder}/inner ${markup}.md`]: "inner\n" });

  await test.step("in the tree, on tabs, above and below", async () => {
    await openFile(page, file);
    await page.getByRole("treeitem", { name: folder }).click();
    await expect(page.getByRole("treeitem", { name: `inner ${markup}.md` })).toBeVisible();
    await expect(page.getByRole("heading", { level: 1 })).toContainText(markup);
    await page.getByRole("treeitem", { name: file }).click({ button: "right" });
    await expect(page.getByRole("menu")).toBeVisible();
    await page.keyboard.press("Escape");
  });

  await test.step("in the quick input", async () => {
    await page.keyboard.press("ControlOrMeta+p");
    await quick(page).fill("onerror");
    await expect(page.getByRole("option").first()).toContainText(markup);
    await page.keyboard.press("Escape");
    await page.keyboard.press("ControlOrMeta+p");
    await quick(page).fill(markup + script);
    await page.keyboard.press("Escape");
  });

  await test.step("in the search, as what is sought and what is found", async () => {
    await page.keyboard.press("ControlOrMeta+Shift+f");
    await page.getByRole("textbox", { name: "Search", exact: true }).fill(markup);
    await expect(page.getByRole("region", { name: "Search" }).getByText(markup).first()).toBeVisible();
    await page.getByRole("textbox", { name: "Search", exact: true }).fill("needle");
    await expect(page.getByRole("region", { name: "Search" }).getByText(file).first()).toBeVisible();
  });

  await test.step("in the history, and where something is deleted", async () => {
    await openFileBySearch(page, file);
    await replaceEditor(page, `changed ${script}\n`);
    await page.keyboard.press("ControlOrMeta+s");
    await expect(page.getByText("All changes saved")).toBeVisible();
    await page.getByRole("button", { name: "History" }).click();
    await expect(page.getByRole("region", { name: "History" })).toContainText(file);
    await page.getByRole("button", { name: "Files", exact: true }).click();
    await page.getByRole("treeitem", { name: file }).click();
    await page.keyboard.press("Delete");
    const confirm = page.getByRole("dialog");
    if (await confirm.isVisible()) await confirm.getByRole("button", { name: "Delete" }).click();
    await expect(page.getByRole("treeitem", { name: file })).toBeHidden();
  });

  await test.step("a session's, on the dashboard", async () => {
    await page.goto(`${server.url}/dashboard/`);
    await expect(page.getByRole("link", { name: `ada ${markup}` })).toBeVisible();
    await page.getByRole("button", { name: `Actions for ada ${markup}` }).click();
    await page.getByRole("menuitem", { name: "Share…" }).click();
    await expect(page.getByRole("dialog")).toContainText(markup);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: `Actions for ada ${markup}` }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await expect(page.getByText("You can still bring it back").first()).toContainText(markup);
    await page.getByText("Deleted (1)").click();
    await expect(page.getByRole("button", { name: `Bring back ada ${markup}` })).toBeVisible();
  });
});

/** openFileBySearch opens a file by its name alone. */
async function openFileBySearch(page: Page, name: string): Promise<void> {
  await page.keyboard.press("ControlOrMeta+p");
  await quick(page).fill(name);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("tab", { name, selected: true })).toBeVisible();
}

test("contents", async ({ context, page }) => {
  await tell(context);
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "emmy", {
    "README.md": markdown, "note.ipynb": notebook, "table.csv": table, "drawing.svg": hostileSVG, "logo.png": png(8, 8, [230, 160, 40]),
    "page.html": `<!doctype html>${script}${markup}<iframe srcdoc="${script}"></iframe>`,
  });

  await openFileBySearch(page, "README.md");
  await command(page, "preview beside");
  const preview = editor(page).getByRole("region", { name: "Preview" });
  await expect(preview.getByRole("heading", { name: "Guide" })).toBeVisible();
  await expect(preview.getByRole("img", { name: "drawing" })).toBeVisible();
  await preview.getByText("a trap").click();
  await preview.getByText("A block of HTML").click();
  await page.keyboard.press("ControlOrMeta+1");

  await openFileBySearch(page, "note.ipynb");
  const shown = editor(page).getByRole("region", { name: "Notebook" });
  await expect(shown.getByRole("img", { name: "Output" })).toHaveCount(2);
  await shown.getByText("trap").click();
  await shown.getByRole("cell", { name: "2952301" }).click();

  await openFileBySearch(page, "table.csv");
  await expect(editor(page).getByRole("table", { name: "Table" }).getByRole("cell").nth(1)).toContainText("<script>");

  await openFileBySearch(page, "drawing.svg");
  await page.keyboard.press("ControlOrMeta+Shift+v");
  await expect(editor(page).getByRole("img", { name: "drawing.svg" })).toBeVisible();

  await openFileBySearch(page, "page.html");
  await expect(page.locator(".view-lines").last()).toContainText("<script>");
});

test("what a terminal prints and is called", async ({ context, page }) => {
  await tell(context);
  await page.setViewportSize({ width: 1440, height: 900 });
  await open(context, page, "grace", { "boom.py": `raise ValueError('${markup}${script}')\n`, [`at ${markup}.py`]: "print(1)\n" });
  await expectTerminal(page, /\$ $/m);
  await typeInTerminal(page, `PS1='$ '; printf '\\033]0;${markup}\\007'; echo '${markup}${script}'`);
  await expect(page.getByRole("tab", { name: /^Terminal 1/ })).toHaveAttribute("title", markup);
  await expectTerminal(page, /<img src=x onerror="window\.pwned=1"><script>/);
  await openFile(page, "boom.py");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expectTerminal(page, /ValueError: <img src=x/);
  await openFile(page, `at ${markup}.py`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expectTerminal(page, /^1$/m);
});

test("a user's name", async ({ context, page, browser, errors }) => {
  await tell(context);
  // No account has such a name.
  const answer = await context.request.post(`${server.url}/api/users/register`, { data: { username: markup, email: "mallory@example.org", password } });
  expect(answer.status()).toBe(422);
  // If one had, this is what pages would be told.
  const id = await open(context, page, "owner", {});
  await context.route("**/api/users/me", async (route) => {
    const told = await route.fetch();
    const user = (await told.json()) as Record<string, unknown>;
    await route.fulfill({ response: told, json: { ...user, username: markup, email: markup } });
  });
  await context.routeWebSocket(/\/ws\?/, (socket) => {
    const from = socket.connectToServer();
    from.onMessage((message) => {
      socket.send(typeof message === "string" ? message.replaceAll('"username":"owner"', `"username":${JSON.stringify(markup)}`) : message);
    });
  });
  for (const path of ["/dashboard/", "/account/", "/settings/", `/workspace/?id=${id}`]) {
    await page.goto(`${server.url}${path}`);
    await page.getByRole("button", { name: "Account", exact: true }).click();
    await expect(page.getByText(markup).first()).toBeVisible();
    await page.keyboard.press("Escape");
  }
  const second = await context.newPage();
  await second.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.getByRole("contentinfo", { name: "Status" }).getByTitle(/^Here: /)).toContainText(markup);

  // The form says what is wrong with the name, and leaves it what it is.
  errors.allow(answered(422, "/api/users/register"));
  const stranger = await browser.newContext();
  await tell(stranger);
  const form = await stranger.newPage();
  await form.goto(`${server.url}/register/`);
  const short = "<i onclick=pwned=1>";
  await form.getByLabel("Username").fill(short);
  await form.getByLabel("Email").fill("mallory@example.org");
  await form.getByLabel("Password", { exact: true }).fill(password);
  await form.getByRole("button", { name: "Create account" }).click();
  await expect(form.getByText(/letters, digits/).first()).toBeVisible();
  await stranger.close();
});
