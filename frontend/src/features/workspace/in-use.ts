/** How long after the last key or click a page that is in sight counts as in use, in milliseconds. */
const quietMs = 60_000;

/** Watches whether somebody uses the page, until `stop` is called. */
export function watchUse(): { inUse(): boolean; stop(): void } {
  let last = Date.now();
  const used = () => {
    last = Date.now();
  };
  const kinds = ["keydown", "pointerdown", "wheel"] as const;
  for (const kind of kinds) window.addEventListener(kind, used, { capture: true, passive: true });
  return {
    inUse: () => document.visibilityState === "visible" && document.hasFocus() && Date.now() - last < quietMs,
    stop: () => {
      for (const kind of kinds) window.removeEventListener(kind, used, { capture: true });
    },
  };
}
