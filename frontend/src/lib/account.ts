/** The JSON of what is a user's own: settings, layouts, sign-ins, tokens, deleted sessions. */
import * as z from "zod/mini";
import { sessionAnswerSchema, sessionSchema } from "./schemas";
import { count, flag, text } from "./shapes";

const objectSchema = z.record(z.string(), z.unknown());
export const settingsAnswerSchema = z.object({ version: z.number(), settings: objectSchema });
export const layoutAnswerSchema = z.object({ version: z.number(), layout: objectSchema });
export type LayoutAnswer = z.infer<typeof layoutAnswerSchema>;

/** Of browsers, and of programs. */
export type SignInKind = "sign-ins" | "tokens";
const signInSchema = z.object({
  id: z.string(),
  name: text,
  read_only: flag,
  /** The one of this page. */
  current: flag,
  user_agent: text,
  remote_addr: text,
  created_at: z.string(),
  last_used_at: z.string(),
  expires_at: z.string(),
});
export type SignIn = z.infer<typeof signInSchema>;
export const signInListSchema = z.object({ data: z.array(signInSchema) });
export const tokenAnswerSchema = z.object({ data: signInSchema, token: z.string() });

const trashedSchema = z.extend(sessionSchema, { deleted_at: z.string(), purge_at: z.string() });
export type TrashedSession = z.infer<typeof trashedSchema>;
export const trashedListSchema = z.object({ data: z.array(trashedSchema) });
export const duplicatedSchema = z.extend(sessionAnswerSchema, { left: count });
