/** How terminals look and behave, by the user's choice: a part of the settings (lib/settings.ts). */
import { changeTerminal, defaultSettings as allDefaults, fontSizes, settings, type TerminalSettings } from "@/lib/settings";
import { Store } from "@/lib/store";

export { cursorStyles, fontSizes, scrollbackLines, type TerminalSettings } from "@/lib/settings";

export const defaultSettings: TerminalSettings = allDefaults.terminal;
export const terminalSettings = new Store<TerminalSettings>(settings.get().terminal);
settings.subscribe(() => terminalSettings.set(settings.get().terminal));

export function changeSettings(change: Partial<TerminalSettings>): void {
  changeTerminal(change);
}

/** Larger (1), smaller (-1), or the usual size (0). */
export function stepFontSize(step: -1 | 0 | 1): void {
  const size = step === 0 ? fontSizes.usual : terminalSettings.get().fontSize + step;
  changeSettings({ fontSize: Math.min(fontSizes.most, Math.max(fontSizes.least, size)) });
}
