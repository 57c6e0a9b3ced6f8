/**
 * How a workspace wants to be formatted: Prettier's own files, the nearest above what is formatted. Settings alone are taken
 * from them, of known names and kinds: nothing that would load a plugin or run.
 */
import picomatch from "picomatch";
import type { Options } from "prettier";
import { parse as parseYAML } from "yaml";
import * as z from "zod/mini";
import { baseName, joinPath, parentOf } from "@/lib/paths";

const settingsSchema = z.partial(
  z.object({
    printWidth: z.int().check(z.gte(1), z.lte(1000)),
    tabWidth: z.int().check(z.gte(0), z.lte(64)),
    useTabs: z.boolean(),
    semi: z.boolean(),
    singleQuote: z.boolean(),
    jsxSingleQuote: z.boolean(),
    quoteProps: z.enum(["as-needed", "consistent", "preserve"]),
    trailingComma: z.enum(["all", "es5", "none"]),
    bracketSpacing: z.boolean(),
    objectWrap: z.enum(["preserve", "collapse"]),
    bracketSameLine: z.boolean(),
    arrowParens: z.enum(["always", "avoid"]),
    proseWrap: z.enum(["always", "never", "preserve"]),
    htmlWhitespaceSensitivity: z.enum(["css", "strict", "ignore"]),
    endOfLine: z.enum(["lf", "crlf", "cr", "auto"]),
    singleAttributePerLine: z.boolean(),
  }),
);
const globs = z.union([z.string(), z.array(z.string())]);
const fileSchema = z.extend(settingsSchema, {
  overrides: z.optional(z.array(z.object({ files: globs, excludeFiles: z.optional(globs), options: z.optional(settingsSchema) }))),
});

/** Names in the order in which Prettier looks for them in a folder. */
const readable = ["package.json", ".prettierrc", ".prettierrc.json", ".prettierrc.yaml", ".prettierrc.yml"];
const programs = [".prettierrc.js", ".prettierrc.mjs", ".prettierrc.cjs", ".prettierrc.ts", "prettier.config.js", "prettier.config.mjs", "prettier.config.cjs", "prettier.config.ts", ".prettierrc.json5", ".prettierrc.toml"];

/** The workspace's settings for a file; none: {}. Rejects with the file that cannot be understood, and why. */
export async function prettierSettings(path: string, exists: (path: string) => boolean, read: (path: string) => Promise<string>): Promise<Options> {
  for (let folder = parentOf(path); ; folder = parentOf(folder)) {
    for (const name of readable) {
      const file = joinPath(folder, name);
      if (!exists(file)) continue;
      const found = parse(file, await read(file));
      if (found !== undefined) return forFile(file, found, path.slice(folder === "" ? 0 : folder.length + 1));
    }
    const program = programs.find((name) => exists(joinPath(folder, name)));
    if (program !== undefined) throw new Error(`${joinPath(folder, program)} is of a kind that this page does not read: .prettierrc as JSON or YAML is one that it does`);
    if (folder === "") return {};
  }
}

/** What a file says; undefined: a package.json that says nothing of it. */
function parse(file: string, text: string): unknown {
  if (baseName(file) === "package.json") {
    const value = z.object({ prettier: z.optional(z.unknown()) }).safeParse(json(file, text));
    return value.success ? value.data.prettier : undefined;
  }
  // JSON is YAML as well, but is told of in its own words.
  return baseName(file) === ".prettierrc.json" || /^\s*\{/.test(text) ? json(file, text) : yaml(file, text);
}

function json(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is not JSON`, { cause: error });
  }
}

function yaml(file: string, text: string): unknown {
  try {
    return parseYAML(text) ?? {};
  } catch (error) {
    // The parser shows the place in the text below its first line.
    throw new Error(`${file} is not YAML: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : ""}`, { cause: error });
  }
}

function forFile(file: string, value: unknown, path: string): Options {
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${file}: ${issue?.path.length ? issue.path.join(".") : "it"} is not a setting that Prettier knows`);
  }
  const { overrides = [], ...settings } = parsed.data;
  const fits = (patterns: string | string[] | undefined) => [patterns ?? []].flat().some((pattern) => matches(pattern, path));
  return Object.assign(settings, ...overrides.filter(({ files, excludeFiles }) => fits(files) && !fits(excludeFiles)).map(({ options }) => options ?? {})) as Options;
}

/** A pattern without a slash is about names in any folder. */
function matches(pattern: string, path: string): boolean {
  return picomatch.isMatch(path, pattern, { dot: true, basename: !pattern.includes("/") });
}
