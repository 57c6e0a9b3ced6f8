import type * as z from "zod/mini";

/**
 * A value kept in localStorage. What does not parse, or cannot be read (private windows), is `fallback`; what
 * cannot be written is kept for this page only, since these are conveniences such as pane sizes.
 */
export function loadStored<T>(key: string, schema: z.ZodMiniType<T>, fallback: T): T {
  try {
    const text = window.localStorage.getItem(key);
    if (text === null) return fallback;
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : fallback;
  } catch {
    return fallback;
  }
}

export function saveStored(key: string, value: unknown): void {
  try {
    window.localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // The quota is used up or storage is off: the page works on without remembering.
  }
}
