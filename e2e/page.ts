import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContext, expect, type Page } from "@playwright/test";

// What the specs do with a page, as a person does it, and what they read from it.

export const password = "correct horse battery staple";

/** terminalText is what the terminals of the page show, scrollback included. */
export async function terminalText(page: Page): Promise<string> {
  return page.evaluate(() => {
    const terminals = (window as unknown as { __terminals?: Record<string, { text(): string }> }).__terminals ?? {};
    return Object.values(terminals)
      .map((terminal) => terminal.text())
      .join("\n");
  });
}

export async function expectTerminal(page: Page, text: string | RegExp): Promise<void> {
  await expect.poll(() => terminalText(page), { message: `the terminal shows ${text}`, timeout: 30_000 }).toMatch(text);
}

/** typeInTerminal types a line as a person does. */
export async function typeInTerminal(page: Page, line: string): Promise<void> {
  await page.getByRole("region", { name: "Terminal" }).locator("textarea").first().focus();
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
}

/** replaceEditor puts text into the open editor. */
export async function replaceEditor(page: Page, text: string): Promise<void> {
  await page.locator(".monaco-editor").first().click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText(text);
}

export async function openFile(page: Page, name: string): Promise<void> {
  await page.getByRole("tree", { name: "Files" }).getByRole("treeitem", { name }).click();
  await expect(page.getByRole("tablist", { name: "Open files" }).getByRole("tab", { name })).toBeVisible();
}

/** register makes an account and signs the context in. */
export async function register(context: BrowserContext, url: string, username: string): Promise<void> {
  const answer = await context.request.post(`${url}/api/users/register`, {
    data: { username, email: `${username}@example.org`, password },
  });
  expect(answer.status()).toBe(201);
}

/** createSession makes a session with its first file, and answers its ID. */
export async function createSession(context: BrowserContext, url: string, name: string): Promise<string> {
  const created = await context.request.post(`${url}/api/sessions/`, { data: { name } });
  expect(created.status()).toBe(201);
  const { data } = (await created.json()) as { data: { id: string } };
  expect((await context.request.post(`${url}/api/workspace/${data.id}/ensure-default`)).ok()).toBe(true);
  return data.id;
}

function fileURL(url: string, session: string, path: string): string {
  return `${url}/api/workspace/${session}/file/${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** putFile saves a file as another program of the user's does. */
export async function putFile(context: BrowserContext, url: string, session: string, path: string, content: string | Buffer): Promise<void> {
  const answer = await context.request.post(fileURL(url, session, path), { data: Buffer.from(content), headers: { "Content-Type": "application/octet-stream" } });
  expect(answer.ok(), path).toBe(true);
}

/** storedBytes is a file as the database has it. */
export async function storedBytes(context: BrowserContext, url: string, session: string, path: string): Promise<Buffer> {
  return (await context.request.get(`${fileURL(url, session, path)}?raw=1`)).body();
}

export async function storedText(context: BrowserContext, url: string, session: string, path: string): Promise<string> {
  return (await storedBytes(context, url, session, path)).toString();
}

/** openSession signs a new user in, makes a session with these files beside its first one, and opens it. */
export async function openSession(
  context: BrowserContext, page: Page, url: string, username: string, name: string, files: Readonly<Record<string, string | Buffer>> = {},
): Promise<string> {
  await register(context, url, username);
  const id = await createSession(context, url, name);
  for (const [path, content] of Object.entries(files)) await putFile(context, url, id, path, content);
  await page.goto(`${url}/workspace/?id=${id}`);
  await expect(page.getByRole("tab", { name: "main.py" })).toBeVisible();
  return id;
}

/** setTheme has the system ask for a theme, which the page follows as long as its user has chosen none. */
export async function setTheme(page: Page, theme: "light" | "dark" | "contrast"): Promise<void> {
  await page.emulateMedia({ colorScheme: theme === "light" ? "light" : "dark", contrast: theme === "contrast" ? "more" : "no-preference" });
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
  await page.evaluate(async () => {
    const fading = document.getAnimations().filter((each) => each instanceof CSSTransition);
    await Promise.all(fading.map((each) => each.finished));
  });
}

interface Looks {
  /** Widths of the window in pixels; none: as wide as it is. */
  readonly widths?: readonly number[];
  readonly themes?: readonly ("light" | "dark" | "contrast")[];
  /** What axe is not asked about, besides Monaco and xterm.js. */
  readonly exclude?: readonly string[];
  /** Rules of axe that do not fit what is looked at. */
  readonly without?: readonly string[];
  /** Brings what is looked at into sight where one pane is shown at a time. */
  readonly narrow?: () => Promise<void>;
}

/** Where the panes of a workspace are shown one at a time. */
const narrowBelow = 768;

/** looks is look at every width that pages are made for. */
export async function looks(page: Page, name: string, options: Omit<Looks, "widths"> = {}): Promise<void> {
  await look(page, name, { ...options, widths: [1440, 1024, 390] });
}

/** showPane shows one of the panes of a narrow screen. */
export async function showPane(page: Page, name: "Files" | "Search" | "History" | "Editor" | "Shell"): Promise<void> {
  await page.getByRole("navigation", { name: "Panes" }).getByRole("button", { name }).click();
}

/** look takes pictures as results/NAME-WIDTH-THEME.png, and has axe look at the first and the last width. */
export async function look(page: Page, name: string, { widths, themes = ["light", "dark"], exclude = [], without = [], narrow }: Looks = {}): Promise<void> {
  const before = page.viewportSize();
  const all = widths ?? [before?.width ?? 1280];
  for (const width of all) {
    if (before) await page.setViewportSize({ width, height: before.height });
    if (width < narrowBelow && narrow) await narrow();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), `${name} at ${width} scrolls sideways`).toBe(0);
    for (const theme of themes) {
      await setTheme(page, theme);
      await page.screenshot({ path: `results/${name}-${width}-${theme}.png` });
      if (width !== all[0] && width !== all.at(-1)) continue;
      const axe = [".monaco-editor", ".monaco-diff-editor", ".xterm", ...exclude].reduce((builder, each) => builder.exclude(each), new AxeBuilder({ page }));
      const { violations } = await axe.disableRules([...without]).analyze();
      expect(violations.map(({ id, nodes }) => `${name}, ${width}, ${theme}, ${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
    }
  }
  if (before) await page.setViewportSize(before);
}
