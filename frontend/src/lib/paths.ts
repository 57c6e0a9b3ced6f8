/** Workspace paths: relative, separated by "/", with no leading or trailing one. "" is the root. */

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function parentOf(path: string): string {
  const cut = path.lastIndexOf("/");
  return cut < 0 ? "" : path.slice(0, cut);
}

export function joinPath(parent: string, name: string): string {
  return parent ? `${parent}/${name}` : name;
}

/** Whether `path` is `root` or below it. */
export function isWithin(path: string, root: string): boolean {
  return root === "" || path === root || path.startsWith(root + "/");
}

/** The path after `from` became `to`; the same path when it is not within `from`. */
export function movedPath(path: string, from: string, to: string): string {
  return isWithin(path, from) ? to + path.slice(from.length) : path;
}

/** Percent-encodes each segment for a URL's path. */
export function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** The last extension in lower case, without its dot; "" where there is none. A leading dot is part of the name. */
export function extensionOf(path: string): string {
  const name = baseName(path);
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot + 1).toLowerCase();
}

/** Why a name cannot be used, or "". `siblings` are the names that are taken. */
export function nameError(name: string, siblings: ReadonlySet<string>): string {
  if (name.trim() === "") return "Enter a name.";
  const parts = name.split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "This is not a usable path.";
  // eslint-disable-next-line no-control-regex -- control characters are exactly what is refused here
  if (/[\u0000-\u001f]/.test(name)) return "Names have no control characters.";
  if (parts.some((part) => new TextEncoder().encode(part).length > 255)) return "Names have at most 255 bytes.";
  if (siblings.has(name)) return `“${name}” exists already.`;
  return "";
}
