/** How the page looks: as the system has it, until the user chooses. The choice is one of the settings. */
import { Store } from "./store";

export const themeChoices = ["system", "light", "dark", "contrast"] as const;
export type ThemeChoice = (typeof themeChoices)[number];
/** What is shown: "contrast" is white on black. */
export type Theme = "dark" | "light" | "contrast";
/** The choice alone, beside the settings, for the script that runs before anything is loaded. */
const key = "theme";

/** Runs before the first paint, in the page's head, so that no page flashes in the other light. */
export const themeScript = `(function(){var t;try{t=localStorage.getItem("${key}")}catch(e){}
if(t!=="dark"&&t!=="light"&&t!=="contrast")t=matchMedia("(prefers-contrast: more)").matches?"contrast":matchMedia("(prefers-color-scheme: light)").matches?"light":"dark";
document.documentElement.dataset.theme=t})()`;

export const theme = new Store<Theme>("dark");
let chosen: ThemeChoice = "system";

/** The choice that this browser keeps. */
export function storedTheme(): ThemeChoice {
  try {
    const value = window.localStorage.getItem(key);
    return themeChoices.find((each) => each === value) ?? "system";
  } catch {
    return "system";
  }
}

function resolve(): Theme {
  if (chosen !== "system") return chosen;
  if (window.matchMedia("(prefers-contrast: more)").matches) return "contrast";
  return window.matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

function paint(): void {
  const next = resolve();
  document.documentElement.dataset.theme = next;
  theme.set(next);
}

/** Follows the system until the returned function is called. */
export function watchTheme(): () => void {
  const media = [window.matchMedia("(prefers-color-scheme: light)"), window.matchMedia("(prefers-contrast: more)")];
  for (const each of media) each.addEventListener("change", paint);
  return () => {
    for (const each of media) each.removeEventListener("change", paint);
  };
}

export function applyTheme(choice: ThemeChoice): void {
  if (typeof window === "undefined") return;
  chosen = choice;
  paint();
  try {
    window.localStorage.setItem(key, choice);
  } catch {
    // Storage is off: the choice holds for this page.
  }
}
