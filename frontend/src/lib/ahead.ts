/**
 * Begins to read at once. The first call of what is returned gets that answer, if it is one; each later call, and the
 * first after a failure, reads anew.
 */
export function ahead<T>(read: () => Promise<T>): () => Promise<T> {
  let begun: Promise<T> | undefined = read();
  // Whoever calls sees how it ended; nobody may.
  begun.catch(() => undefined);
  return async () => {
    const first = begun;
    begun = undefined;
    if (first === undefined) return read();
    try {
      return await first;
    } catch {
      return read();
    }
  };
}
