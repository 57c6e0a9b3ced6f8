/** What the editor loads when it first needs it, as the colours of a language: it comes later where the server is away. */

const waiting = new Set<() => void>();

/** Loads; what fails is loaded again at each `retryLoads`, until it is there. */
export async function persistently<T>(load: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await load();
    } catch {
      await new Promise<void>((again) => waiting.add(again));
    }
  }
}

/** To be called when there is reason to think that the server can be reached again. */
export function retryLoads(): void {
  const all = [...waiting];
  waiting.clear();
  for (const again of all) again();
}
