import type { BrowserContext } from "@playwright/test";
import { createSession, expectTerminal, look, looks, openFile, password, register, terminalText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// What the pages make of each answer about shares: the test gives those answers, the rest is the real program.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

const days = (count: number) => new Date(Date.now() + count * 86_400_000).toISOString();
const problem = (status: number, code: string, errors: Record<string, string> = {}) => ({
  status,
  contentType: "application/problem+json",
  body: JSON.stringify({ title: "", status, code, detail: `${code} in words`, errors }),
});
const list = (data: unknown[]) => ({ json: { success: true, message: "", data, count: data.length } });

interface Given {
  readonly mode: "view" | "write";
  readonly terminal: string | null;
}

/** answerAsGuest makes the page take the user's own session for one that grace shares. */
async function answerAsGuest(context: BrowserContext, id: string, given: Given): Promise<void> {
  const answer = await context.request.get(`${server.url}/api/sessions/${id}`);
  const body = (await answer.json()) as { data?: object };
  const session = { ...(body.data ?? body), access: { owner: false, ...given, expires_at: days(3) } };
  await context.route(`**/api/sessions/${id}`, (route) => route.fulfill({ json: { success: true, message: "", data: session } }));
  await context.route("**/api/shares/", (route) => route.fulfill(list([{ id: "a", session, owner: "grace", ...given, expires_at: days(3) }])));
}

test("an owner makes a link, names a user, and revokes", async ({ page, context, errors }) => {
  errors.allow(answered(422, "/shares"), answered(503, "/shares/share-2"));
  await register(context, server.url, "ada");
  const id = await createSession(context, server.url, "to share");
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  let shares: Record<string, unknown>[] = [];
  const asked: unknown[] = [];
  await context.route(`**/api/workspace/${id}/shares`, async (route) => {
    if (route.request().method() === "GET") return route.fulfill(list(shares));
    const body = route.request().postDataJSON() as Record<string, unknown>;
    asked.push(body);
    if (body.username === "nobody") return route.fulfill(problem(422, "invalid_input", { username: "there is no such user" }));
    const kind = body.username === undefined ? "link" : "user";
    const made = { id: `share-${asked.length}`, session_id: id, terminal: body.terminal ?? null, mode: body.mode, kind, username: body.username ?? null, accepted: [], created_at: days(0), expires_at: days(7) };
    shares = [made, ...shares];
    return route.fulfill({ status: 201, json: { success: true, message: "", data: { ...made, url: kind === "link" ? `${server.url}/share/#the-token` : null } } });
  });
  const revoked: string[] = [];
  await context.route(`**/api/workspace/${id}/shares/*`, (route) => {
    const share = new URL(route.request().url()).pathname.split("/").at(-1) ?? "";
    revoked.push(share);
    shares = shares.filter(({ id: each }) => each !== share);
    return route.fulfill({ status: 204 });
  });

  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);
  await page.getByRole("button", { name: "Share", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Share “to share”" });
  await expect(dialog.getByText("Nobody else has access to this session.")).toBeVisible();
  await looks(page, "sharing/dialog");

  await dialog.getByRole("radio", { name: "One user" }).check();
  await dialog.getByLabel("Username or email").fill("nobody");
  await dialog.getByRole("button", { name: "Share", exact: true }).click();
  await expect(dialog.getByText("There is no such user")).toBeVisible();
  await dialog.getByLabel("Username or email").fill("grace");
  await dialog.getByLabel("May").selectOption("View and write");
  await dialog.getByLabel("Ends after").selectOption("1 day");
  await dialog.getByRole("button", { name: "Share", exact: true }).click();
  await expect(dialog.getByText(/Shared with grace/)).toBeVisible();

  await dialog.getByRole("radio", { name: "Anyone with the link" }).check();
  await dialog.getByLabel("What").selectOption("Terminal 1");
  await dialog.getByLabel("May").selectOption("View only");
  await dialog.getByRole("button", { name: "Create link" }).click();
  await expect(dialog.getByRole("textbox", { name: "The link" })).toHaveValue(`${server.url}/share/#the-token`);
  await dialog.getByRole("button", { name: "Copy" }).click();
  await expect(dialog.getByRole("button", { name: "Copied" })).toBeVisible();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${server.url}/share/#the-token`);
  expect(asked).toEqual([
    { username: "nobody", mode: "view", expires_in: 604_800 },
    { username: "grace", mode: "write", expires_in: 86_400 },
    { terminal: "1", mode: "view", expires_in: 86_400 },
  ]);
  await looks(page, "sharing/given");

  await context.route(`**/api/workspace/${id}/shares/*`, (route) => route.fulfill(problem(503, "unavailable")), { times: 1 });
  await dialog.getByRole("button", { name: "Revoke the access of grace" }).click();
  await page.getByRole("dialog", { name: "Revoke the access of grace?" }).getByRole("button", { name: "Revoke" }).click();
  await expect(dialog.getByRole("alert")).toHaveText("It is not revoked: unavailable in words");
  await dialog.getByRole("button", { name: "Revoke the access of grace" }).click();
  await page.getByRole("dialog", { name: "Revoke the access of grace?" }).getByRole("button", { name: "Revoke" }).click();
  await expect(dialog.getByText("Whole workspace, can write")).toBeHidden();
  expect(revoked).toEqual(["share-2"]);
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();

  // From a terminal's menu, that terminal is meant.
  await page.getByRole("button", { name: "Terminal actions" }).click();
  await page.getByRole("menuitem", { name: "Share terminal 1…" }).click();
  await expect(dialog.getByLabel("What")).toHaveValue("1");

  // From the dashboard too, where nothing has to run.
  await page.goto(`${server.url}/dashboard/`);
  await page.getByRole("button", { name: "Actions for to share" }).click();
  await page.getByRole("menuitem", { name: "Share…" }).click();
  await expect(dialog.getByText("Terminal 1, view only")).toBeVisible();
});

test("a link leads through the sign-in to the session, and a dead one says so", async ({ page, context, browser, errors }) => {
  errors.allow(answered(401, "/api/users/me"), answered(429, "/api/shares/accept"), answered(404, "/api/shares/accept"));
  const owner = await browser.newContext();
  await register(owner, server.url, "owner");
  await page.goto(`${server.url}/share/#the%2Dtoken`);
  await expect(page.getByRole("heading", { name: "A session is shared with you" })).toBeVisible();
  expect(page.url()).toBe(`${server.url}/share/`);
  await look(page, "sharing/accept");
  await page.getByRole("link", { name: "Sign in" }).click();
  // Whoever has no account yet comes back here all the same.
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByLabel("Username").fill("bob");
  await page.getByLabel("Email").fill("bob@example.org");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await expect(page.getByText("Accept it as bob")).toBeVisible();

  const id = await createSession(context, server.url, "not bob's");
  const sent: unknown[] = [];
  let dead = false;
  await context.route("**/api/shares/accept", async (route) => {
    sent.push(route.request().postDataJSON());
    if (dead) return route.fulfill(problem(404, "not_found"));
    if (sent.length === 1) return route.fulfill(problem(429, "rate_limited"));
    const session = { id, name: "not bob's", created_at: days(0), updated_at: days(0) };
    return route.fulfill({ json: { success: true, message: "", data: { id: "a", session, owner: "owner", mode: "view", terminal: null, expires_at: days(1) } } });
  });
  await page.getByRole("button", { name: "Accept and open" }).click();
  await expect(page.getByRole("main").getByRole("alert")).toHaveText("Rate_limited in words");
  await page.getByRole("button", { name: "Accept and open" }).click();
  await page.waitForURL(`**/workspace/?id=${id}`);
  expect(sent).toEqual([{ token: "the-token" }, { token: "the-token" }]);

  dead = true;
  await page.goto(`${server.url}/share/#another`);
  await page.getByRole("button", { name: "Accept and open" }).click();
  await expect(page.getByRole("heading", { name: "This link does not work" })).toBeVisible();
  await look(page, "sharing/dead");
  // Neither token is kept once it was used.
  await page.goto(`${server.url}/share/`);
  await expect(page.getByRole("heading", { name: "This link does not work" })).toBeVisible();
  await owner.close();
});

test("a guest who may look sees files and terminals, and can change neither", async ({ page, context }) => {
  await register(context, server.url, "viewed");
  const id = await createSession(context, server.url, "viewed");
  const own = await context.newPage();
  await own.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(own, /\$ $/m);
  await typeInTerminal(own, "echo shown to $((40 + 2))");
  await expectTerminal(own, /shown to 42/);

  await answerAsGuest(context, id, { mode: "view", terminal: null });
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.getByRole("region", { name: "Shared session" })).toHaveText("Shared by graceWhole workspace, view only, ends in 3 days");
  await expectTerminal(page, /shown to 42/);
  for (const name of ["Share", "Run", "New file", "New folder", "Upload files", "New terminal", "Stop session", "Terminal actions"]) {
    await expect(page.getByRole("button", { name, exact: true }), name).toHaveCount(0);
  }
  await page.getByRole("button", { name: "More file actions" }).click();
  await expect(page.getByRole("menuitem")).toHaveText(["Download all as zip", "Refresh"]);
  await page.keyboard.press("Escape");
  await openFile(page, "main.py");
  await expect(page.getByRole("region", { name: "Editor" }).getByText("Read only")).toBeVisible();
  await page.locator(".monaco-editor").first().click();
  await page.keyboard.type("not written");
  await expect(page.locator(".monaco-editor").first()).not.toContainText("not written");
  await page.getByRole("treeitem", { name: "main.py" }).click({ button: "right" });
  await expect(page.getByRole("menuitem")).toHaveText(["Open", "Copy path", "Download", "History"]);
  await page.keyboard.press("Escape");
  await look(page, "sharing/guest");

  // What is typed here goes nowhere: the owner's next line is the next line.
  await page.getByRole("region", { name: "Terminal" }).locator("textarea").first().focus();
  await page.keyboard.type("echo intruder\n");
  await typeInTerminal(own, "echo after $((40 + 3))");
  await expectTerminal(page, /after 43/);
  expect(await terminalText(page)).not.toContain("intruder");
});

test("a guest of one terminal sees that terminal alone, until the access ends", async ({ page, context }) => {
  await register(context, server.url, "narrow");
  const id = await createSession(context, server.url, "narrow");
  const own = await context.newPage();
  await own.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(own, /\$ $/m);
  await typeInTerminal(own, "echo for $((40 + 2))");

  await answerAsGuest(context, id, { mode: "write", terminal: "1" });
  const asked: string[] = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const cut: (() => void)[] = [];
  await page.routeWebSocket(/\/ws\?/, (socket) => {
    socket.connectToServer();
    cut.push(() => void socket.close({ code: 4403, reason: "access was revoked" }));
  });
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /for 42/);
  await expect(page.getByRole("tree")).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Editor" })).toHaveCount(0);
  expect(asked.filter((path) => path.endsWith("/files"))).toEqual([]);
  await typeInTerminal(page, "echo from the guest $((40 + 3))");
  await expectTerminal(own, /from the guest 43/);
  await look(page, "sharing/one-terminal");

  for (const each of cut) each();
  await expect(page.getByRole("heading", { name: "You no longer have access to “narrow”" })).toBeVisible();
  await expect(page.getByText("Access was revoked. Ask its owner if you need it again.")).toBeVisible();
  await look(page, "sharing/ended");
  await page.getByRole("link", { name: "Go to your sessions" }).click();
  await page.waitForURL("**/dashboard/");
});

test("the dashboard lists what is shared, and one can leave it", async ({ page, context }) => {
  await register(context, server.url, "listed");
  const id = await createSession(context, server.url, "grace's kernel");
  await answerAsGuest(context, id, { mode: "view", terminal: "build" });
  const left: string[] = [];
  await context.route("**/api/shares/a", (route) => {
    left.push(route.request().method());
    return route.fulfill({ status: 204 });
  });
  await page.goto(`${server.url}/dashboard/`);
  const shared = page.getByRole("region", { name: "Shared with me" });
  await expect(shared.getByText("By grace. Terminal build, view only. Ends in 3 days.")).toBeVisible();
  await expect(shared.getByRole("link", { name: "grace's kernel" })).toHaveAttribute("href", `/workspace/?id=${id}`);
  await look(page, "sharing/dashboard");
  await shared.getByRole("button", { name: "Leave grace's kernel" }).click();
  await page.getByRole("dialog", { name: "Leave “grace's kernel”?" }).getByRole("button", { name: "Leave" }).click();
  await expect(shared).toBeHidden();
  expect(left).toEqual(["DELETE"]);
});
