/** How terminals look and behave, by the user's choice. Kept in this browser, and followed by all its tabs at once. */
import { z } from "zod";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";

const key = "terminal-settings";
export const fontSizes = { least: 8, most: 32, usual: 13 } as const;
export const scrollbackLines = [1_000, 5_000, 10_000, 25_000, 50_000] as const;
export const cursorStyles = ["block", "bar", "underline"] as const;

const schema = z.object({
  /** In pixels. */
  fontSize: z.number().int().min(fontSizes.least).max(fontSizes.most).default(fontSizes.usual),
  cursorStyle: z.enum(cursorStyles).default("block"),
  cursorBlink: z.boolean().default(true),
  /** Lines kept above the screen. */
  scrollback: z.number().int().min(1_000).max(50_000).default(10_000),
  /** Says the output to screen readers. */
  screenReader: z.boolean().default(false),
  /** Draws with the graphics card, where there is one. */
  webgl: z.boolean().default(true),
  copyOnSelect: z.boolean().default(false),
  /** Lets programs put text on the clipboard (OSC 52). They never read it. */
  programsCopy: z.boolean().default(false),
  /** Asks before several lines are pasted into a program that would run them one by one. */
  askBeforePaste: z.boolean().default(true),
});

export type TerminalSettings = z.infer<typeof schema>;
export const defaultSettings: TerminalSettings = schema.parse({});
export const terminalSettings = new Store<TerminalSettings>(defaultSettings);

/** Reads what is kept and follows other tabs, until the returned function is called. */
export function watchSettings(): () => void {
  const read = () => terminalSettings.set(loadStored(key, schema, defaultSettings));
  const onStorage = (event: StorageEvent) => {
    if (event.key === key || event.key === null) read();
  };
  read();
  window.addEventListener("storage", onStorage);
  return () => window.removeEventListener("storage", onStorage);
}

export function changeSettings(change: Partial<TerminalSettings>): void {
  const next = schema.safeParse({ ...terminalSettings.get(), ...change });
  if (!next.success) return;
  terminalSettings.set(next.data);
  saveStored(key, next.data);
}

/** Larger (1), smaller (-1), or the usual size (0). */
export function stepFontSize(step: -1 | 0 | 1): void {
  const size = step === 0 ? fontSizes.usual : terminalSettings.get().fontSize + step;
  changeSettings({ fontSize: Math.min(fontSizes.most, Math.max(fontSizes.least, size)) });
}
