import config from "./playwright.config.ts";

// What a page costs, measured by the browser itself: `make bench-browser`. Nothing here has a limit in it: machines
// differ, and docs/performance.md says what was measured beside what is wanted.
export default { ...config, testDir: "bench", testMatch: "*.bench.ts", timeout: 600_000, use: { ...config.use, trace: "off" as const } };
