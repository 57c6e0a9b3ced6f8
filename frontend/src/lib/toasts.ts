/** Short messages over the page. Errors stay until they are dismissed; the others leave by themselves. */
import { errorText } from "./problem";
import { Store } from "./store";

/** What a message offers to do about it. */
export interface ToastAction {
  readonly label: string;
  readonly run: () => void;
}

export interface Toast {
  readonly id: number;
  readonly kind: "error" | "info";
  readonly text: string;
  readonly action?: ToastAction;
}

/** How long an information is shown, and one that offers something, in milliseconds, and how many messages at once. */
const infoMs = 6000;
const offerMs = 15_000;
const most = 4;

let nextID = 1;
export const toasts = new Store<readonly Toast[]>([]);

export interface PastToast extends Toast {
  readonly at: string;
}
/** What was said on this page, the last first. */
export const past = new Store<readonly PastToast[]>([]);
const mostPast = 50;

export function dismiss(id: number): void {
  toasts.update((list) => list.filter((toast) => toast.id !== id));
}

function show(kind: Toast["kind"], text: string, action?: ToastAction): void {
  const id = nextID++;
  const toast = action ? { id, kind, text, action } : { id, kind, text };
  past.update((list) => [{ id, kind, text, at: new Date().toISOString() }, ...list].slice(0, mostPast));
  toasts.update((list) => [...list.filter((each) => each.text !== text), toast].slice(-most));
  if (kind === "info") setTimeout(() => dismiss(id), action ? offerMs : infoMs);
}

export function inform(text: string, action?: ToastAction): void {
  show("info", text, action);
}

/** Shows what was attempted and why it did not work. */
export function complain(attempted: string, error?: unknown): void {
  show("error", error === undefined ? attempted : `${attempted}: ${errorText(error)}`);
}

const flashKey = "flash";

/** Keeps a message for the next page. */
export function leaveMessage(text: string): void {
  try {
    window.sessionStorage.setItem(flashKey, text);
  } catch {
    // Storage is off: the next page speaks for itself.
  }
}

/** Shows the message that the page before left. */
export function showLeftMessage(): void {
  try {
    const text = window.sessionStorage.getItem(flashKey);
    if (text === null) return;
    window.sessionStorage.removeItem(flashKey);
    show("error", text);
  } catch {
    // As above.
  }
}
