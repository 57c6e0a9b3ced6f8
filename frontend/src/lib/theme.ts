/** Dark or light: the system's choice until the user makes one, which is kept in this browser. */
import { Store } from "./store";

export type Theme = "dark" | "light";
const key = "theme";

/** Runs before the first paint, in the page's head, so that no page flashes in the other light. */
export const themeScript = `(function(){var t;try{t=localStorage.getItem("${key}")}catch(e){}
if(t!=="dark"&&t!=="light")t=matchMedia("(prefers-color-scheme: light)").matches?"light":"dark";
document.documentElement.dataset.theme=t})()`;

export const theme = new Store<Theme>("dark");

function stored(): Theme | null {
  try {
    const value = window.localStorage.getItem(key);
    return value === "dark" || value === "light" ? value : null;
  } catch {
    return null;
  }
}

/** Follows the document, the system and other tabs until the returned function is called. */
export function watchTheme(): () => void {
  const media = window.matchMedia("(prefers-color-scheme: light)");
  const apply = () => {
    const next = stored() ?? (media.matches ? "light" : "dark");
    document.documentElement.dataset.theme = next;
    theme.set(next);
  };
  const onStorage = (event: StorageEvent) => {
    if (event.key === key) apply();
  };
  apply();
  media.addEventListener("change", apply);
  window.addEventListener("storage", onStorage);
  return () => {
    media.removeEventListener("change", apply);
    window.removeEventListener("storage", onStorage);
  };
}

export function chooseTheme(next: Theme): void {
  document.documentElement.dataset.theme = next;
  theme.set(next);
  try {
    window.localStorage.setItem(key, next);
  } catch {
    // Storage is off: the choice holds for this page.
  }
}
