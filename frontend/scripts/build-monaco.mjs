// Bundles Monaco and its workers from node_modules into public/monaco, so that the page loads the editor from
// its own origin, and the application's own build stays quick. Skipped when the output is newer than its inputs.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "public", "monaco");
const stamp = join(out, ".stamp");

const workers = {
  "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
  "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  "css.worker": "monaco-editor/esm/vs/language/css/css.worker.js",
  "html.worker": "monaco-editor/esm/vs/language/html/html.worker.js",
  "ts.worker": "monaco-editor/esm/vs/language/typescript/ts.worker.js",
};

const key = createHash("sha256")
  .update(await readFile(fileURLToPath(import.meta.url)))
  .update(await readFile(join(root, "node_modules/monaco-editor/package.json")))
  .digest("hex");

if (existsSync(stamp) && (await readFile(stamp, "utf8")) === key) {
  console.log("monaco: up to date");
  process.exit(0);
}

const started = Date.now();
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });

// The package's "exports" hides its worker files: they are addressed by path.
const inPackage = (path) => join(root, "node_modules", path);
const shared = { bundle: true, minify: true, target: "es2022", legalComments: "none", logLevel: "warning" };

await build({
  ...shared,
  entryPoints: { editor: inPackage("monaco-editor/esm/vs/editor/editor.main.js") },
  outdir: out,
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".ttf": "file" },
});
await build({
  ...shared,
  entryPoints: Object.fromEntries(Object.entries(workers).map(([name, path]) => [name, inPackage(path)])),
  outdir: out,
  format: "iife",
});
await writeFile(
  join(out, "LICENSE.txt"),
  await readFile(join(root, "node_modules/monaco-editor/LICENSE"), "utf8"),
);
await writeFile(stamp, key);
console.log(`monaco: bundled in ${Date.now() - started} ms`);
