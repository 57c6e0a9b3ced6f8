import { flushSync } from "react-dom";

/**
 * Has the page show what a command leads to, and gives that the focus, before the next key can come: it is meant for what
 * the command leads to, and not for what had the focus before.
 */
export function lead(show: () => void, focus: () => void): void {
  flushSync(show);
  focus();
}
