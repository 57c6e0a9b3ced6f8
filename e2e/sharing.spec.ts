import { createSession, expectTerminal, openFile, register, terminalText, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { answered, expect, test } from "./test.ts";

// Two people and one session, against the real program.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

test("a link to look at the workspace is accepted, watched and revoked", async ({ browser, errors }) => {
  // A link that is dead.
  errors.allow(answered(404, "/api/shares/accept"));
  const ada = await browser.newContext();
  const bob = await browser.newContext();
  await register(ada, server.url, "ada");
  await register(bob, server.url, "bob");
  const id = await createSession(ada, server.url, "shared");
  const own = await ada.newPage();
  await own.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(own, /\$ $/m);
  await typeInTerminal(own, "echo shown to $((40 + 2))");

  await own.getByRole("button", { name: "Share", exact: true }).click();
  const dialog = own.getByRole("dialog", { name: "Share “shared”" });
  await dialog.getByRole("button", { name: "Create link" }).click();
  const link = await dialog.getByRole("textbox", { name: "The link" }).inputValue();
  await dialog.getByRole("button", { name: "Done" }).click();

  const guest = await bob.newPage();
  await guest.goto(link);
  await expect(guest.getByText("Accept it as bob")).toBeVisible();
  expect(guest.url()).toBe(`${server.url}/share/`);
  await guest.getByRole("button", { name: "Accept and open" }).click();
  await guest.waitForURL(`**/workspace/?id=${id}`);
  await expect(guest.getByRole("region", { name: "Shared session" })).toContainText("Shared by ada");
  await expectTerminal(guest, /shown to 42/);
  await openFile(guest, "main.py");
  await guest.getByRole("region", { name: "Terminal" }).locator("textarea").first().focus();
  await guest.keyboard.type("echo intruder\n");
  await typeInTerminal(own, "echo after $((40 + 3))");
  await expectTerminal(guest, /after 43/);
  expect(await terminalText(guest)).not.toContain("intruder");
  // Each sees the other.
  await expect(own.getByRole("button", { name: "1 watching: bob, views" })).toBeVisible();
  await expect(guest.getByRole("button", { name: "1 watching: ada, can write" })).toBeVisible();

  // Stopped and started by the owner: the guest stays, and starts nothing.
  await own.getByRole("button", { name: "Stop session" }).click();
  await expect(guest.getByText("The session is stopped")).toBeVisible();
  await expect(guest.getByRole("button", { name: "Start" })).toHaveCount(0);
  await own.getByRole("button", { name: "Start" }).click();
  await expect.poll(() => terminalText(own), { message: "a new shell" }).not.toContain("after 43");
  await expectTerminal(own, /\$ $/m);
  await typeInTerminal(own, "echo again $((40 + 4))");
  await expectTerminal(guest, /again 44/);

  await own.getByRole("button", { name: "Share", exact: true }).click();
  await expect(dialog.getByText("Opened by 1 user: bob")).toBeVisible();
  await dialog.getByRole("button", { name: /^Revoke the link/ }).click();
  await own.getByRole("dialog", { name: "Revoke this link?" }).getByRole("button", { name: "Revoke" }).click();
  await expect(guest.getByRole("heading", { name: "You no longer have access to “shared”" })).toBeVisible();
  await guest.goto(link);
  await guest.getByRole("button", { name: "Accept and open" }).click();
  await expect(guest.getByRole("heading", { name: "This link does not work" })).toBeVisible();
  await ada.close();
  await bob.close();
});

test("a named user types into one terminal, sees nothing else, and leaves", async ({ browser, errors }) => {
  errors.allow(answered(422, "/shares"));
  const grace = await browser.newContext();
  const eve = await browser.newContext();
  await register(grace, server.url, "grace");
  await register(eve, server.url, "eve");
  const id = await createSession(grace, server.url, "one terminal");
  const own = await grace.newPage();
  await own.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(own, /\$ $/m);
  await own.getByRole("button", { name: "Terminal actions" }).click();
  await own.getByRole("menuitem", { name: "Share terminal 1…" }).click();
  const dialog = own.getByRole("dialog", { name: "Share “one terminal”" });
  await dialog.getByRole("radio", { name: "One user" }).check();
  await dialog.getByLabel("May").selectOption("View and write");
  for (const nobody of ["nobody", "grace"]) {
    await dialog.getByLabel("Username or email").fill(nobody);
    await dialog.getByRole("button", { name: "Share", exact: true }).click();
    await expect(dialog.getByLabel("Username or email")).toHaveAttribute("aria-invalid", "true");
  }
  await dialog.getByLabel("Username or email").fill("eve@example.org");
  await dialog.getByRole("button", { name: "Share", exact: true }).click();
  await expect(dialog.getByText(/Shared with eve/)).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();

  const guest = await eve.newPage();
  await guest.goto(`${server.url}/dashboard/`);
  await guest.getByRole("region", { name: "Shared with me" }).getByRole("link", { name: "one terminal" }).click();
  await guest.waitForURL(`**/workspace/?id=${id}`);
  await expectTerminal(guest, /\$ $/m);
  await expect(guest.getByRole("tree")).toHaveCount(0);
  await typeInTerminal(guest, "echo from the guest $((40 + 2))");
  await expectTerminal(own, /from the guest 42/);
  for (const path of ["files", "file/main.py", "recordings", "shares"]) {
    expect((await eve.request.get(`${server.url}/api/workspace/${id}/${path}`)).status(), path).toBe(403);
  }

  await guest.goto(`${server.url}/dashboard/`);
  await guest.getByRole("button", { name: "Leave one terminal" }).click();
  await guest.getByRole("dialog").getByRole("button", { name: "Leave", exact: true }).click();
  await expect(guest.getByRole("region", { name: "Shared with me" })).toBeHidden();
  expect((await eve.request.get(`${server.url}/api/sessions/${id}`)).status()).toBe(404);
  await grace.close();
  await eve.close();
});

test("a guest who is given more has it at once", async ({ browser }) => {
  const owner = await browser.newContext();
  const guest = await browser.newContext();
  await register(owner, server.url, "giver");
  await register(guest, server.url, "taker");
  const id = await createSession(owner, server.url, "more");
  const give = async (mode: string) => {
    const answer = await owner.request.post(`${server.url}/api/workspace/${id}/shares`, { data: { mode, username: "taker" } });
    expect(answer.status()).toBe(201);
  };
  await give("view");
  const page = await guest.newPage();
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expect(page.getByRole("region", { name: "Shared session" })).toContainText("view only");
  await expect(page.getByRole("treeitem", { name: "main.py" })).toBeVisible();
  await give("write");
  await expect(page.getByRole("region", { name: "Shared session" })).toContainText("can write");
  await expectTerminal(page, /\$ $/m);
  await typeInTerminal(page, "echo now $((40 + 2))");
  await expectTerminal(page, /now 42/);
  await expect(page.getByRole("button", { name: "Share", exact: true })).toHaveCount(0);
  await owner.close();
  await guest.close();
});
