// Fails when what a page loads first is more than its budget: the scripts that its HTML names, compressed as they are
// sent, and for the workspace those that its page loads at once in the browser, all but the editor.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { workspaceScripts } from "./workspace-scripts.mjs";

const out = new URL("../out/", import.meta.url);
/** In kB of 1000 bytes, gzip. */
const budgets = { "index.html": 150, "login/index.html": 150, "register/index.html": 150, "dashboard/index.html": 150, "settings/index.html": 150, "account/index.html": 150, "workspace/index.html": 300 };

const sizes = new Map();
function size(address) {
  if (!sizes.has(address)) sizes.set(address, gzipSync(readFileSync(new URL(`.${address}`, out)), { level: 9 }).length);
  return sizes.get(address);
}

let over = false;
for (const [page, budget] of Object.entries(budgets)) {
  const html = readFileSync(new URL(page, out), "utf8");
  const scripts = new Set([...html.matchAll(/<script[^>]*\ssrc="([^"]+\.js)"[^>]*>/g)].filter(([tag]) => !/nomodule/i.test(tag)).map(([, address]) => address));
  if (page.startsWith("workspace/")) for (const address of workspaceScripts()) scripts.add(address);
  if (scripts.size === 0) throw new Error(`${page} names no script`);
  const kB = [...scripts].reduce((sum, address) => sum + size(address), 0) / 1000;
  const bad = kB > budget;
  over ||= bad;
  console.log(`${bad ? "OVER " : "     "}${page.padEnd(24)} ${kB.toFixed(1).padStart(7)} kB of ${budget} kB`);
}
process.exit(over ? 1 : 0);
