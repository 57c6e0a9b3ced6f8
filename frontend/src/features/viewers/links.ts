/** Where an address in a text of the workspace leads: to the web, to a file of the workspace, or nowhere. */

export type Link = { readonly kind: "web"; readonly href: string } | { readonly kind: "file"; readonly path: string } | { readonly kind: "none" };

/** `folder` is the path of the folder that the text is in. */
export function resolveLink(href: string, folder: string): Link {
  const trimmed = href.trim();
  if (/^(?:https?:\/\/|mailto:)/i.test(trimmed)) {
    return URL.canParse(trimmed) ? { kind: "web", href: trimmed } : { kind: "none" };
  }
  // Any other scheme, another host, a place within the text.
  if (/^[a-z][a-z0-9+.-]*:|^\/\/|^#|^$|\\/i.test(trimmed)) return { kind: "none" };
  let path = trimmed.replace(/[?#].*$/, "");
  try {
    path = decodeURIComponent(path);
  } catch {
    // A percent sign that is none: the name as it stands.
  }
  const parts = path.startsWith("/") || folder === "" ? [] : folder.split("/");
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return { kind: "none" };
  }
  return parts.length > 0 ? { kind: "file", path: parts.join("/") } : { kind: "none" };
}
