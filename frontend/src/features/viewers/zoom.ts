const steps = [0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16];

/** The next step above or below a zoom; at the ends it stays. */
export function stepZoom(now: number, by: 1 | -1): number {
  // What was fitted is seldom a step: a hair beside one counts as it.
  if (by > 0) return steps.find((step) => step > now * 1.01) ?? Math.max(now, steps.at(-1) ?? now);
  return steps.findLast((step) => step < now * 0.99) ?? Math.min(now, steps[0] ?? now);
}
