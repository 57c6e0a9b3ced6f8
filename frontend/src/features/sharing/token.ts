/**
 * The token of a share's link. It comes in the address's fragment, which browsers send to no server, leaves the address
 * at once, and is kept for this tab across a sign-in.
 */
const key = "share-token";

/** Takes the token out of the address; what was taken before a sign-in otherwise. Empty: there is none. */
export function takeToken(): string {
  const token = decode(window.location.hash.slice(1));
  if (token === "") return stored();
  window.history.replaceState(null, "", window.location.pathname);
  try {
    window.sessionStorage.setItem(key, token);
  } catch {
    // Storage is off: it is lost with a sign-in, and the link has to be opened again.
  }
  return token;
}

export function forgetToken(): void {
  try {
    window.sessionStorage.removeItem(key);
  } catch {
    // As above: nothing was kept.
  }
}

function stored(): string {
  try {
    return window.sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Some programs escape what they link to. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
