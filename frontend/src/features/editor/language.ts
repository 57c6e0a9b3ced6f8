import { baseName, extensionOf } from "@/lib/paths";

const byExtension: Readonly<Record<string, string>> = {
  py: "python", pyi: "python", js: "javascript", mjs: "javascript", cjs: "javascript", jsx: "javascript",
  ts: "typescript", mts: "typescript", cts: "typescript", tsx: "typescript", json: "json", jsonc: "json",
  ipynb: "json", html: "html", htm: "html", css: "css", scss: "scss", less: "less", md: "markdown",
  mdx: "mdx", sh: "shell", bash: "shell", zsh: "shell", yml: "yaml", yaml: "yaml", toml: "ini", ini: "ini",
  cfg: "ini", go: "go", rs: "rust", c: "c", h: "c", cpp: "cpp", cc: "cpp", cxx: "cpp", hpp: "cpp",
  java: "java", kt: "kotlin", cs: "csharp", rb: "ruby", php: "php", pl: "perl", lua: "lua", r: "r", jl: "julia",
  sql: "sql", swift: "swift", dart: "dart", scala: "scala", xml: "xml", svg: "xml", proto: "proto",
  tf: "hcl", graphql: "graphql", ex: "elixir", exs: "elixir", clj: "clojure", ps1: "powershell", bat: "bat",
};
const byName: Readonly<Record<string, string>> = {
  dockerfile: "dockerfile", ".bashrc": "shell", ".profile": "shell", ".bash_profile": "shell", ".env": "ini",
};

/** Monaco's language ID for a path. */
export function languageOf(path: string): string {
  return byName[baseName(path).toLowerCase()] ?? byExtension[extensionOf(path)] ?? "plaintext";
}

/** Whether a language is for people alone. */
export function isProse(language: string): boolean {
  return language === "plaintext" || language === "markdown";
}

const labels: Readonly<Record<string, string>> = {
  plaintext: "Plain text", javascript: "JavaScript", typescript: "TypeScript", json: "JSON", html: "HTML",
  css: "CSS", scss: "SCSS", yaml: "YAML", ini: "INI", cpp: "C++", csharp: "C#", php: "PHP", sql: "SQL", xml: "XML",
};

export function languageLabel(language: string): string {
  return labels[language] ?? language.charAt(0).toUpperCase() + language.slice(1);
}
