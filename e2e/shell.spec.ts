import { type Browser, type BrowserContext, type Page } from "@playwright/test";
import { createSession, expectTerminal, look as lookAt, openFile, password, register, setTheme } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// The pages around the editor: the first minutes, settings, layouts of two devices, the list of sessions, the account.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

/** look looks in all themes at three widths. */
async function look(page: Page, name: string): Promise<void> {
  await lookAt(page, `shell/${name}`, { widths: [1440, 1024, 390], themes: ["light", "dark", "contrast"] });
  await setTheme(page, "dark");
}

/** device signs a user in on a device of its own. */
async function device(browser: Browser, username: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const answer = await context.request.post(`${server.url}/api/users/login`, { data: { username, password } });
  expect(answer.status()).toBe(200);
  return { context, page: await context.newPage() };
}

const tabs = (page: Page) => page.getByRole("tablist", { name: "Open files" }).getByRole("tab");

test("who comes for the first time runs a program with four clicks", async ({ page, errors }) => {
  errors.allow(answered(404, "/no/such/page/"));
  await page.goto(server.url);
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Write code");
  await look(page, "landing");
  await page.getByRole("link", { name: "Start coding" }).click();
  await look(page, "register");
  await page.getByLabel("Username").fill("newcomer");
  await page.getByLabel("Email").fill("newcomer@example.org");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL("**/workspace/?id=*");
  await expect(tabs(page).filter({ hasText: "main.py" })).toHaveAttribute("aria-selected", "true");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await expectTerminal(page, /Hello/);
  await expect(page.getByRole("contentinfo", { name: "Status" })).toContainText("Running");
  await look(page, "workspace");
  await page.goto(`${server.url}/no/such/page/`);
  await expect(page.getByRole("heading", { name: "There is no such page" })).toBeVisible();
  await look(page, "not-found");
});

test("settings take effect at once, here and on another device", async ({ context, page, browser }) => {
  await register(context, server.url, "setter");
  const id = await createSession(context, server.url, "settings");
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.locator(".monaco-editor .view-line").first()).toBeVisible();
  const other = await device(browser, "setter");
  await other.page.goto(`${server.url}/settings/`);
  await expect(other.page.getByRole("combobox", { name: "Theme" })).toHaveValue("system");

  await page.keyboard.press("Control+,");
  const dialog = page.getByRole("dialog", { name: "Settings" });
  await dialog.getByLabel("Search settings").fill("editor font size");
  await dialog.getByLabel("Font size").fill("21");
  await expect(page.locator(".monaco-editor .view-lines").first()).toHaveCSS("font-size", "21px");
  await dialog.getByLabel("Search settings").fill("theme");
  await dialog.getByRole("combobox", { name: "Theme" }).selectOption("contrast");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "contrast");
  await expect(other.page.locator("html")).toHaveAttribute("data-theme", "contrast");
  await expect(other.page.getByRole("region", { name: "Editor" }).getByLabel("Font size")).toHaveValue("21");
  // What a key changes is the same choice.
  await dialog.getByRole("button", { name: "Done" }).click();
  await page.locator(".monaco-editor").first().click();
  await page.keyboard.press("Alt+z");
  await expect(other.page.getByRole("checkbox", { name: "Wrap long lines" })).toBeChecked();
  await other.page.getByRole("checkbox", { name: "Minimap" }).check();
  await expect(page.locator(".monaco-editor .minimap").first()).toBeVisible();
  await page.reload();
  await expect(page.locator(".monaco-editor .view-lines").first()).toHaveCSS("font-size", "21px");
  await expect(page.locator(".monaco-editor .minimap").first()).toBeVisible();
  await other.page.getByRole("button", { name: "Reset all" }).click();
  await expect(page.locator("html")).not.toHaveAttribute("data-theme", "contrast");
  await look(other.page, "settings");
  await other.context.close();
});

test("another device has the same files open", async ({ context, page, browser }) => {
  await register(context, server.url, "mover");
  const id = await createSession(context, server.url, "two devices");
  await context.request.post(`${server.url}/api/workspace/${id}/file/second.txt`, { data: { content: "second" } });
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await openFile(page, "second.txt");
  const stored = async () => {
    const answer = (await (await context.request.get(`${server.url}/api/workspace/${id}/layout`)).json()) as { layout: { files?: { groups: { active: string }[] } } };
    return answer.layout.files?.groups[0]?.active;
  };
  await expect.poll(stored).toBe("second.txt");
  // A reload leaves the page too: the cursor stays.
  await page.locator(".view-lines").first().click();
  await page.keyboard.press("ControlOrMeta+End");
  await expect(page.getByText("Ln 1, Col 7")).toBeVisible();
  await page.reload();
  await expect(page.getByText("Ln 1, Col 7")).toBeVisible();
  // The terminal that is in front comes along, and is so after a reload.
  const terminal = (of: Page, name: string) => of.getByRole("tablist", { name: "Terminals" }).getByRole("tab", { name });
  await expectTerminal(page, /\$ $/m);
  await page.getByRole("button", { name: "New terminal" }).click();
  await expect(terminal(page, "Terminal 2")).toHaveAttribute("aria-selected", "true");
  // A page that is left before its terminal has a size has none to come back to.
  const running = async () => ((await (await context.request.get(`${server.url}/api/workspace/${id}/terminals`)).json()) as { terminals: unknown[] }).terminals.length;
  await expect.poll(running).toBe(2);
  await page.reload();
  await expect(terminal(page, "Terminal 2")).toHaveAttribute("aria-selected", "true");
  // So do the sizes of the panes, which the keys change too.
  const divider = (of: Page, name: string) => of.getByRole("separator", { name });
  for (let i = 0; i < 3; i++) await divider(page, "Width of the side bar").press("ArrowRight");
  await divider(page, "Height of the lower pane").press("ArrowUp");
  const sized = async (of: Page) => {
    await expect(divider(of, "Width of the side bar")).toHaveAttribute("aria-valuenow", "288");
    await expect(divider(of, "Height of the lower pane")).toHaveAttribute("aria-valuenow", "296");
  };
  await sized(page);
  await page.reload();
  await sized(page);
  const other = await device(browser, "mover");
  await other.page.goto(`${server.url}/workspace/?id=${id}`);
  await sized(other.page);
  await expect(tabs(other.page)).toHaveCount(2);
  await expect(tabs(other.page).filter({ hasText: "second.txt" })).toHaveAttribute("aria-selected", "true");
  await expect(terminal(other.page, "Terminal 2")).toHaveAttribute("aria-selected", "true");
  // An address that names a file goes before.
  await other.page.goto(`${server.url}/workspace/?id=${id}&file=main.py&line=1`);
  await expect(tabs(other.page).filter({ hasText: "main.py" })).toHaveAttribute("aria-selected", "true");
  await other.context.close();
});

test("sessions are renamed, duplicated, deleted and brought back, and another window sees it", async ({ context, page }) => {
  await register(context, server.url, "keeper");
  await createSession(context, server.url, "alpha");
  await createSession(context, server.url, "beta");
  await page.goto(`${server.url}/dashboard/`);
  const window = await context.newPage();
  await window.goto(`${server.url}/dashboard/`);
  const rows = (of: Page) => of.getByRole("listitem").filter({ has: of.getByRole("button", { name: /^Actions for/ }) });
  await expect(rows(window)).toHaveCount(2);
  const act = async (name: string, action: string) => {
    await page.getByRole("button", { name: `Actions for ${name}`, exact: true }).click();
    await page.getByRole("menuitem", { name: action }).click();
  };
  await page.bringToFront();
  await act("alpha", "Duplicate");
  await expect(page.getByRole("link", { name: "alpha copy" })).toBeVisible();
  await window.bringToFront();
  await expect(rows(window)).toHaveCount(3);
  await page.bringToFront();
  await act("beta", "Delete");
  await expect(rows(page)).toHaveCount(2);
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(rows(page)).toHaveCount(3);
  await act("beta", "Delete");
  await page.getByText("Deleted (1)").click();
  await look(page, "dashboard");
  await page.getByRole("button", { name: "Bring back beta" }).click();
  await expect(rows(page)).toHaveCount(3);
  await page.getByLabel("Sort sessions").selectOption("name");
  await expect(rows(page)).toContainText(["alpha", "alpha copy", "beta"]);
  await page.getByLabel("Filter sessions").fill("COPY");
  await expect(rows(page)).toContainText(["alpha copy"]);
});

test("the account: tokens, sign-ins, the password", async ({ context, page, browser, request, errors }) => {
  errors.allow(answered(422, "/api/users/me/password"), answered(401));
  await register(context, server.url, "owner");
  const phone = await device(browser, "owner");
  await phone.page.goto(`${server.url}/dashboard/`);
  await page.goto(`${server.url}/account/`);
  const signedIn = page.getByRole("region", { name: "Signed in" });
  await expect(signedIn.getByRole("listitem")).toHaveCount(2);

  await page.getByRole("button", { name: "New token" }).click();
  await page.getByLabel("Name").fill("script");
  await page.getByRole("button", { name: "Make token" }).click();
  const token = await page.getByLabel("The token").inputValue();
  const asProgram = async () => (await request.get(`${server.url}/api/sessions/`, { headers: { Authorization: `Bearer ${token}` } })).status();
  expect(await asProgram()).toBe(200);
  await page.getByRole("button", { name: "Done" }).click();
  await look(page, "account");

  await signedIn.getByRole("button", { name: /^End the sign-in/ }).click();
  // The other device is told, and shows the sign-in.
  await phone.page.waitForURL("**/login/**");
  await look(phone.page, "login");
  await page.getByRole("button", { name: "Revoke script" }).click();
  await expect.poll(asProgram).toBe(401);

  await page.getByLabel("Present password").fill("not my password");
  await page.getByLabel("New password").fill("another good password");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await expect(page.getByText("Is not your password")).toBeVisible();
  await page.getByLabel("Present password").fill(password);
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await expect(page.getByText("Your password is changed")).toBeVisible();
  await phone.context.close();
});
