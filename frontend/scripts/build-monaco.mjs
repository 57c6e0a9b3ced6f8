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

// A module that comes when it is needed, as a language does, is asked for once, and is missing for good where that
// fails: the page's own `persistently` (src/features/editor/persist.ts) asks again.
let persistent = 0;
const persist = {
  name: "persist",
  setup(build) {
    build.onLoad({ filter: /monaco-editor[/\\]esm[/\\].*\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/\bimport\((['"])(\.[^'"]+)\1\)/g, (whole) => {
        persistent++;
        return `globalThis.MonacoEnvironment.persistently(() => ${whole})`;
      }),
      loader: "js",
    }));
  },
};

await build({
  ...shared,
  plugins: [persist],
  entryPoints: { editor: inPackage("monaco-editor/esm/vs/editor/editor.main.js") },
  outdir: out,
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".ttf": "file" },
});
if (persistent < 80) throw new Error(`monaco: only ${persistent} modules come when they are needed; are they imported otherwise now?`);
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
console.log(`monaco: bundled in ${Date.now() - started} ms, ${persistent} modules for when they are needed`);
