/** What a terminal asks its user before it goes on. One question at a time; a new one answers the former with no. */
import { Store } from "@/lib/store";

export type Question =
  | { readonly kind: "link"; readonly url: string; readonly answer: (yes: boolean) => void }
  | { readonly kind: "paste"; readonly text: string; readonly answer: (yes: boolean) => void };

export const question = new Store<Question | null>(null);

export function ask(about: { kind: "link"; url: string } | { kind: "paste"; text: string }): Promise<boolean> {
  question.get()?.answer(false);
  return new Promise((resolve) => {
    const asked: Question = {
      ...about,
      answer: (yes) => {
        if (question.get() === asked) question.set(null);
        resolve(yes);
      },
    };
    question.set(asked);
  });
}

/** Links that a program may offer: others could do things in the page or on the machine. */
export function isWebAddress(url: string): boolean {
  try {
    return ["http:", "https:", "mailto:"].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}

/** Several lines for a program that has not asked to be told pastes from typing would be run one by one. */
export function isRiskyPaste(text: string, bracketed: boolean): boolean {
  return !bracketed && /[\r\n]/.test(text.replace(/[\r\n]+$/, ""));
}

/** The text that a program puts on the clipboard by OSC 52; null: it asks to read, or what it sent is no text. */
export function clipboardText(data: string): string | null {
  const at = data.indexOf(";");
  const encoded = data.slice(at + 1);
  if (at < 0 || encoded === "" || encoded === "?") return null;
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
