// Names in the workspace's page what it loads besides its own scripts, so that the browser fetches all of it at once
// and not one after the other: what Next.js loads in the browser only, the terminal's font, and the editor.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { workspaceScripts } from "./workspace-scripts.mjs";

const out = new URL("../out/", import.meta.url);
const page = new URL("workspace/index.html", out);

/** The modules that a bundle of Monaco's imports at once, their own imports included. */
function modulesOf(address, found = new Set()) {
  if (found.has(address)) return found;
  found.add(address);
  const source = readFileSync(new URL(`.${address}`, out), "utf8");
  for (const [, path] of source.matchAll(/(?:^|[;}\s])import(?:[\w${}*,\s]+from)?"(\.[^"]+)"/g)) modulesOf(new URL(path, `http://host${address}`).pathname, found);
  return found;
}

const font = readdirSync(new URL("_next/static/media/", out)).find((name) => /^jetbrains-mono-latin-wght-normal\..*woff2$/.test(name));
if (!font) throw new Error("the terminal's font is not where it was");

const html = readFileSync(page, "utf8");
const scripts = workspaceScripts().filter((address) => !html.includes(`src="${address}"`));
const links = [
  ...scripts.map((address) => `<link rel="preload" as="script" href="${address}"/>`),
  `<link rel="preload" as="font" type="font/woff2" crossorigin="" href="/_next/static/media/${font}"/>`,
  `<link rel="preload" as="style" href="/monaco/editor.css"/>`,
  ...[...modulesOf("/monaco/editor.js")].map((address) => `<link rel="modulepreload" fetchpriority="low" href="${address}"/>`),
];
if (!html.includes("</head>")) throw new Error("the workspace's page has no head");
writeFileSync(page, html.replace("</head>", `${links.join("")}</head>`));
console.log(`preload: ${links.length} links in the workspace's page`);
