/** Key bindings as text: "Mod+Shift+P", "F1", "Ctrl+`". Mod is Command on Apple's keyboards and Ctrl on all others. */

/** What of a KeyboardEvent decides which binding it is. */
export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
}

interface Chord {
  readonly key: string;
  readonly ctrl: boolean;
  readonly meta: boolean;
  readonly alt: boolean;
  readonly shift: boolean;
}

export function onApple(): boolean {
  return typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
}

function parse(binding: string, apple: boolean): Chord {
  const parts = binding.split("+");
  const key = parts.pop() ?? "";
  const has = (name: string) => parts.includes(name);
  return { key: key.toLowerCase(), ctrl: has("Ctrl") || (has("Mod") && !apple), meta: has("Mod") && apple, alt: has("Alt"), shift: has("Shift") };
}

/** Keys whose character depends on the layout or on Shift; they are known by their place. */
const places: Readonly<Record<string, string>> = { "`": "Backquote", "\\": "Backslash", ",": "Comma" };

function sameKey(key: string, press: KeyPress): boolean {
  const pressed = press.key.toLowerCase();
  if (pressed === key) return true;
  if (places[key] !== undefined) return press.code === places[key];
  // A layout without Latin letters: the key in the letter's place is meant.
  if (/^[a-z]$/.test(key)) return !/^[\x20-\x7e]/.test(pressed) && press.code === `Key${key.toUpperCase()}`;
  if (/^[0-9]$/.test(key)) return press.code === `Digit${key}`;
  return false;
}

export function matches(binding: string, press: KeyPress, apple: boolean): boolean {
  const chord = parse(binding, apple);
  return (
    press.ctrlKey === chord.ctrl && press.metaKey === chord.meta && press.altKey === chord.alt && press.shiftKey === chord.shift && sameKey(chord.key, press)
  );
}

const appleSigns: Readonly<Record<string, string>> = { Mod: "⌘", Shift: "⇧", Alt: "⌥", Ctrl: "⌃", Enter: "↩" };

/** A binding as the keyboard's own signs: "Ctrl+Shift+P", or "⇧⌘P" on Apple's. */
export function keyLabel(binding: string, apple: boolean): string {
  const parts = binding.split("+");
  if (!apple) return parts.map((part) => (part === "Mod" ? "Ctrl" : part)).join("+");
  const order = ["Ctrl", "Alt", "Shift", "Mod"];
  const modifiers = order.filter((name) => parts.slice(0, -1).includes(name));
  return [...modifiers, parts.at(-1) ?? ""].map((part) => appleSigns[part] ?? part).join("");
}
