/**
 * Shapes that the backend's JSON has again and again. Of zod the page loads its small form, in which a schema is
 * wrapped by functions: only those that are used are part of what a page loads.
 */
import * as z from "zod/mini";

/** What Go leaves out, or gives as null, when it is its type's zero value. */
export const text = z._default(z.string(), "");
export const count = z._default(z.number(), 0);
export const flag = z._default(z.boolean(), false);

/** A list; empty for null or nothing. */
export function listOf<T extends z.ZodMiniType>(schema: T) {
  return z.pipe(z.nullish(z.array(schema)), z.transform((values) => values ?? []));
}

/** A value, or null for nothing. */
export function orNull<T extends z.ZodMiniType>(schema: T) {
  return z.pipe(z.nullish(schema), z.transform((value) => value ?? null));
}
