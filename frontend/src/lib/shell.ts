import { extensionOf } from "./paths";

/** Quotes a word for a POSIX shell, where it needs that. Inside single quotes only a single quote is special. */
export function shellQuote(word: string): string {
  if (/^[A-Za-z0-9_./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

const runners: Readonly<Record<string, string>> = {
  py: "python3",
  js: "node",
  mjs: "node",
  cjs: "node",
  ts: "node --experimental-strip-types",
  mts: "node --experimental-strip-types",
  sh: "bash",
  bash: "bash",
};

/** The command line that runs a file from the workspace's root, or undefined where none is known. */
export function runCommand(path: string): string | undefined {
  const runner = runners[extensionOf(path)];
  if (runner === undefined) return undefined;
  // A path that begins with a dash would be taken for an option.
  return `${runner} ${shellQuote(path.startsWith("-") ? `./${path}` : path)}`;
}
