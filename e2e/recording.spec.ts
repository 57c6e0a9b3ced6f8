import { readFileSync } from "node:fs";
import { type Page } from "@playwright/test";
import { createSession, expectTerminal, looks, register, typeInTerminal } from "./page.ts";
import { Server } from "./server.ts";
import { expect, test } from "./test.ts";

// A terminal is recorded, and the recording played, kept and deleted, against the real program.

let server: Server;

test.beforeAll(async () => {
  server = await Server.create();
});

test.afterAll(async () => {
  await server.destroy();
});

async function choose(page: Page, item: string): Promise<void> {
  await page.getByRole("button", { name: "Terminal actions" }).click();
  await page.getByRole("menuitem", { name: item }).click();
}

test("a terminal is recorded, played, downloaded and deleted", async ({ page, context }) => {
  await register(context, server.url, "ada");
  const id = await createSession(context, server.url, "recorded");
  await page.goto(`${server.url}/workspace/?id=${id}`);
  await expectTerminal(page, /\$ $/m);

  await choose(page, "Recordings…");
  const list = page.getByRole("dialog", { name: "Recordings" });
  await expect(list.getByText("No recordings yet")).toBeVisible();
  await list.getByRole("button", { name: "Close" }).click();

  await choose(page, "Start recording");
  await expect(page.getByRole("tab", { name: "Terminal 1, recording" })).toBeVisible();
  await typeInTerminal(page, "echo the $((40 + 2)) words; stty size > size.txt");
  await expectTerminal(page, /the 42 words/);
  await choose(page, "Stop recording");
  await expect(page.getByRole("tab", { name: "Terminal 1", exact: true })).toBeVisible();
  await expect(page.getByText(/Recorded 0:\d\d of terminal 1/)).toBeVisible();

  await choose(page, "Recordings…");
  await looks(page, "recording/list");
  await list.getByRole("button", { name: "Play the recording of terminal 1" }).click();
  const player = page.getByRole("group", { name: "Player" });
  const position = player.getByRole("slider", { name: "Position" });
  await expect(position).toBeVisible();
  await player.getByRole("combobox", { name: "Speed" }).selectOption("8");
  await expect(player.getByRole("button", { name: "Play again" })).toBeVisible();
  // By keyboard: to the start, where it stays, then from the end.
  await position.focus();
  await page.keyboard.press("Home");
  await expect(player.getByText(/^0:00 \//)).toBeVisible();
  await page.keyboard.press("Space");
  await expect(player.getByRole("button", { name: "Play again" })).toBeVisible();

  await looks(page, "recording/player");

  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download", exact: true }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^1-\d{8}-\d{6}\.cast$/);
  const lines = readFileSync(await download.path(), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as unknown);
  expect(lines[0]).toMatchObject({ version: 2 });
  expect(lines.slice(1).map((event) => (event as [number, string, string])[2]).join("")).toContain("the 42 words");

  await page.getByRole("button", { name: "All recordings" }).click();
  await list.getByRole("button", { name: "Delete the recording of terminal 1" }).click();
  await page.getByRole("button", { name: "Delete recording" }).click();
  await expect(list.getByText("No recordings yet")).toBeVisible();
});

