// The scripts that the workspace's page loads in the browser only, as Next.js tells after a build.
import { readFileSync } from "node:fs";

export function workspaceScripts() {
  const manifest = JSON.parse(readFileSync(new URL("../.next/react-loadable-manifest.json", import.meta.url), "utf8"));
  const entries = Object.entries(manifest).filter(([name]) => name.endsWith("workspace-loader.tsx -> ./workspace-page"));
  if (entries.length !== 1) throw new Error(`the workspace's page is named ${entries.length} times in the manifest`);
  return entries[0][1].files.map((file) => `/_next/${file}`);
}
