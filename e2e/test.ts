import { type Browser, type BrowserContext, expect, test as base } from "@playwright/test";

// The specs' `test`: it fails when a page of any context has thrown or has written an error to its console, unless the
// test says that what it does makes that error.

export { expect };

/** What pages said since the last test ended; beforeAll's pages belong to the first test. */
let wrong: string[] = [];

/** Playwright's own trace reads the pictures of a page, which the policy does not let scripts of the page do. */
const ofTheTrace = /^Connecting to 'blob:[^']*' violates the following Content Security Policy directive: "connect-src/;

/** watch hears every page of every context that the browser has and will have. Firefox's does not come from a fixture. */
export function watch(browser: Browser): void {
  const hear = (context: BrowserContext) => {
    context.on("weberror", (error) => wrong.push(`thrown: ${error.error().message} (${error.page()?.url() ?? ""})`));
    context.on("console", (message) => {
      if (message.type() === "error" && !ofTheTrace.test(message.text())) wrong.push(`console: ${message.text()} (${message.location().url})`);
    });
  };
  browser.contexts().forEach(hear);
  browser.on("context", hear);
}

export class Errors {
  readonly #allowed: RegExp[] = [];

  /** allow says which errors the scene makes, anywhere in the test. */
  allow(...patterns: readonly RegExp[]): void {
    this.#allowed.push(...patterns);
  }

  /** All that nothing allows, so far. */
  get seen(): readonly string[] {
    return wrong.filter((each) => !this.#allowed.some((pattern) => pattern.test(each)));
  }
}

/** What the browser notes while the server is killed, or the network away. */
export const unreachable: readonly RegExp[] = [
  /^console: Failed to load resource: net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|CONNECTION_CLOSED|EMPTY_RESPONSE|INTERNET_DISCONNECTED|INCOMPLETE_CHUNKED_ENCODING)/,
  /^console: WebSocket connection to '[^']*' failed: /,
];

/** What the browser notes of a page that comes without TLS from another machine, as a cluster's without an ingress does. */
export const withoutTLS = /^console: The Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy/;

/** answered is what the browser notes when the server answers so. */
export const answered = (status: number, path = ""): RegExp => new RegExp(`^console: Failed to load resource: the server responded with a status of ${status} .*${path}`);

export const test = base.extend<{ errors: Errors }, { browser: Browser }>({
  browser: [
    async ({ browser }, use) => {
      watch(browser);
      await use(browser);
    },
    { scope: "worker" },
  ],
  errors: [
    async ({}, use) => {
      const errors = new Errors();
      await use(errors);
      const { seen } = errors;
      wrong = [];
      expect(seen, "errors in the pages").toEqual([]);
    },
    { auto: true },
  ],
});
