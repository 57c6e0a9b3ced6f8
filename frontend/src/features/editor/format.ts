/** Prettier for the languages of the web, in the browser; what formats others is a program of the environment. */
import type { Options, Plugin } from "prettier";
import { shellQuote } from "@/lib/shell";
import { extensionOf } from "@/lib/paths";

export interface Indentation {
  readonly tabSize: number;
  readonly insertSpaces: boolean;
}

type Load = () => Promise<Plugin>;
const estree: Load = async () => (await import("prettier/plugins/estree")).default as Plugin;
const babel: Load = async () => (await import("prettier/plugins/babel")).default;
const typescript: Load = async () => (await import("prettier/plugins/typescript")).default;
const postcss: Load = async () => (await import("prettier/plugins/postcss")).default;
const html: Load = async () => (await import("prettier/plugins/html")).default;
const markdown: Load = async () => (await import("prettier/plugins/markdown")).default;
const yaml: Load = async () => (await import("prettier/plugins/yaml")).default;
const graphql: Load = async () => (await import("prettier/plugins/graphql")).default;

/** By the editor's language: the parser, and what has to be loaded for it. */
const parsers: Readonly<Record<string, { readonly parser: string; readonly plugins: readonly Load[] }>> = {
  javascript: { parser: "babel", plugins: [babel, estree] },
  typescript: { parser: "typescript", plugins: [typescript, estree] },
  json: { parser: "json", plugins: [babel, estree] },
  css: { parser: "css", plugins: [postcss] },
  scss: { parser: "scss", plugins: [postcss] },
  less: { parser: "less", plugins: [postcss] },
  html: { parser: "html", plugins: [html, babel, postcss, estree] },
  markdown: { parser: "markdown", plugins: [markdown] },
  mdx: { parser: "mdx", plugins: [markdown, babel, estree] },
  yaml: { parser: "yaml", plugins: [yaml] },
  graphql: { parser: "graphql", plugins: [graphql] },
};

/**
 * The text as it should look; null: nothing here knows the language. What the workspace wants goes before the editor's
 * indentation. Rejects with what is wrong with the text.
 */
export async function formatText(language: string, text: string, { tabSize, insertSpaces }: Indentation, wanted: Options = {}): Promise<string | null> {
  const known = parsers[language];
  if (!known) return null;
  const [{ format }, ...plugins] = await Promise.all([import("prettier/standalone"), ...known.plugins.map((load) => load())]);
  const options: Options = { parser: known.parser, plugins, tabWidth: tabSize, useTabs: !insertSpaces, endOfLine: "auto", ...wanted };
  return format(text, options);
}

/** Whether this page formats the language. */
export function canFormat(language: string): boolean {
  return language in parsers;
}

/** Programs that format a file in place, the best first. */
const programs: Readonly<Record<string, readonly string[]>> = {
  py: ["ruff format -q", "black -q", "autopep8 -i"], pyi: ["ruff format -q", "black -q"], go: ["gofmt -w"], rs: ["rustfmt"],
  c: ["clang-format -i"], h: ["clang-format -i"], cpp: ["clang-format -i"], hpp: ["clang-format -i"], sh: ["shfmt -w"],
};
const advice: Readonly<Record<string, string>> = { py: "pip install ruff", pyi: "pip install ruff" };

/** The command line that formats a file by the first of the programs that is there, or says that none is. Null: none is known. */
export function formatLine(path: string): string | null {
  const extension = extensionOf(path);
  const list = programs[extension];
  if (!list) return null;
  const file = shellQuote(path.startsWith("-") ? `./${path}` : path);
  const tries = list.map((program, index) => `${index === 0 ? "if" : "elif"} command -v ${program.split(" ")[0] ?? ""} >/dev/null; then ${program} ${file}; `);
  const names = list.map((program) => program.split(" ")[0]).join(", ");
  const hint = advice[extension];
  return `${tries.join("")}else echo ${shellQuote(`No formatter is installed (${names})${hint ? `: ${hint}` : ""}`)}; fi`;
}
