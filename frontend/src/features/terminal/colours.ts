/** The colours of terminals. */
import type { ITheme } from "@xterm/xterm";
import type { Theme } from "@/lib/theme";

export const themes: Readonly<Record<Theme, ITheme>> = {
  contrast: {
    background: "#000000", foreground: "#ffffff", cursor: "#ffff00", cursorAccent: "#000000", selectionBackground: "#ffff0080",
    black: "#000000", red: "#ff8078", green: "#7cff9a", yellow: "#ffe45c", blue: "#8fbcff", magenta: "#ff9be8", cyan: "#7fefff", white: "#ffffff",
    brightBlack: "#c0c0c0", brightRed: "#ffa49e", brightGreen: "#a4ffb8", brightYellow: "#fff08f", brightBlue: "#b4d2ff", brightMagenta: "#ffbdf0", brightCyan: "#a9f5ff", brightWhite: "#ffffff",
  },
  dark: {
    background: "#101215", foreground: "#e3e6ea", cursor: "#f0ad3d", cursorAccent: "#101215",
    selectionBackground: "#f0ad3d50",
    black: "#22272d", red: "#f2736b", green: "#7cc88a", yellow: "#e6bb5a", blue: "#6aa5ff", magenta: "#d98cc4",
    cyan: "#6cc5d3", white: "#c9ced6", brightBlack: "#747d89", brightRed: "#ff8f87", brightGreen: "#98dca4",
    brightYellow: "#f5d07d", brightBlue: "#92bdff", brightMagenta: "#eaa9d8", brightCyan: "#8fdbe6", brightWhite: "#ffffff",
  },
  light: {
    background: "#ffffff", foreground: "#191c20", cursor: "#b06a00", cursorAccent: "#ffffff",
    selectionBackground: "#f3c97a90",
    black: "#191c20", red: "#c2322b", green: "#1a7f45", yellow: "#8f5e00", blue: "#2563c9", magenta: "#a8306f",
    cyan: "#146f86", white: "#6a7380", brightBlack: "#545d68", brightRed: "#d8453d", brightGreen: "#21965a",
    brightYellow: "#a87000", brightBlue: "#3d7be0", brightMagenta: "#c24787", brightCyan: "#1c8aa6", brightWhite: "#3b424b",
  },
};

/** Of what a search has found. */
export const matchColours = { matchOverviewRuler: "#f0ad3d", activeMatchColorOverviewRuler: "#f0ad3d", matchBackground: "#7a5a1e", activeMatchBackground: "#c98a1f" };
