/** How long to wait before trying again. */
export interface Backoff {
  /** The ceiling of the first wait, in milliseconds; it doubles with each attempt. */
  readonly baseMs: number;
  /** The ceiling of every wait, in milliseconds. */
  readonly maxMs: number;
}

export const defaultBackoff: Backoff = { baseMs: 500, maxMs: 15_000 };

/**
 * The wait before attempt `attempt` (from 1), in milliseconds: between half and all of a ceiling that doubles, so
 * that many clients which lost one server do not return in step.
 */
export function backoffDelay(attempt: number, random: number, { baseMs, maxMs }: Backoff): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return ceiling / 2 + (ceiling / 2) * random;
}
