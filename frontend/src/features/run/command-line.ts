/** How a file is run, by its language: the command line that is typed for it. */
import { baseName, extensionOf, parentOf } from "@/lib/paths";
import { shellQuote } from "@/lib/shell";

const interpreters: Readonly<Record<string, string>> = {
  py: "python3", js: "node", mjs: "node", cjs: "node", sh: "bash", bash: "bash", rb: "ruby", pl: "perl", php: "php", lua: "lua", r: "Rscript",
};
/** What runs TypeScript, the best first: whether it is there, and its name. Node.js does from 22.6 on. */
const typeScript = [
  ["node --experimental-strip-types -e 0 2>/dev/null", "node --experimental-strip-types"],
  ["[ -x node_modules/.bin/tsx ]", "node_modules/.bin/tsx"],
  ["command -v tsx >/dev/null", "tsx"],
  ["command -v bun >/dev/null", "bun run"],
  ["command -v deno >/dev/null", "deno run"],
] as const;
const noTypeScript = "Node.js runs TypeScript from version 22.6 on, and this one is older. Install tsx, and run again: npm install --save-dev tsx";
const compilers: Readonly<Record<string, string>> = { c: "cc -g -Wall", cpp: "c++ -g -Wall", cc: "c++ -g -Wall", cxx: "c++ -g -Wall" };

export function isRunnable(path: string): boolean {
  const extension = extensionOf(path);
  return extension in interpreters || isTypeScript(extension) || extension in compilers || extension === "go";
}

function isTypeScript(extension: string): boolean {
  return extension === "ts" || extension === "mts";
}

/**
 * The command line from the workspace's root, or null where none is known. `args` is as it would be typed; `exists`
 * tells which files there are.
 */
export function commandLine(path: string, args: string, exists: (path: string) => boolean): string | null {
  const extension = extensionOf(path);
  const quoted = shellQuote(path.startsWith("-") ? `./${path}` : path);
  // One line is one command.
  const rest = args.trim() === "" ? "" : ` ${args.trim().replace(/\s*[\r\n]+\s*/g, " ")}`;
  const interpreter = interpreters[extension];
  if (interpreter !== undefined) return `${interpreter} ${quoted}${rest}`;
  if (isTypeScript(extension)) {
    const tries = typeScript.map(([there, program], index) => `${index === 0 ? "if" : "elif"} ${there}; then ${program} ${quoted}${rest}; `);
    return `${tries.join("")}else echo ${shellQuote(noTypeScript)}; (exit 127); fi`;
  }
  const compiler = compilers[extension];
  if (compiler !== undefined) {
    // Beside the workspace, so that no program is saved in it.
    const program = shellQuote(`/tmp/${baseName(path).replace(/\.[^.]*$/, "")}`);
    return `${compiler} -o ${program} ${quoted} -lm && ${program}${rest}`;
  }
  if (extension === "go") return `go run ${inModule(path, exists) ? shellQuote(`./${parentOf(path)}`) : quoted}${rest}`;
  return null;
}

/** In a module a package is run with all its files. */
function inModule(path: string, exists: (path: string) => boolean): boolean {
  for (let folder = parentOf(path); ; folder = parentOf(folder)) {
    if (exists(folder === "" ? "go.mod" : `${folder}/go.mod`)) return true;
    if (folder === "") return false;
  }
}

/** What a shell's exit status says, where it says more than a number. */
export function exitWords(code: number): string {
  if (code === 0) return "Finished";
  if (code === 127) return "Exit 127: not installed here";
  if (code === 130) return "Stopped";
  if (code === 137) return "Exit 137: killed, perhaps for its memory";
  return `Exit ${code}`;
}
