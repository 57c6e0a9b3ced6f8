/** The history in words. */
import { unsavedReason } from "@/features/files/tree";
import { formatBytes } from "@/lib/format";
import type { Version } from "@/lib/history";

const sources: Readonly<Record<string, string>> = { editor: "Saved in the editor", terminal: "Changed in the terminal", api: "Changed by the API", restore: "Restored" };
const deleters: Readonly<Record<string, string>> = { terminal: "Deleted in the terminal", restore: "Deleted by a restore" };

/** What was done. */
export function deedOf({ op, source, from, saved, unsaved_reason: reason }: Version): string {
  if (op === "delete") return deleters[source] ?? "Deleted";
  if (op === "move") return from ? `Moved from ${from}` : "Moved";
  if (!saved) return `Listed only: ${unsavedReason(reason)}`;
  return sources[source] ?? "Changed";
}

/** Its size and who did it, unless that is the user. */
export function detailOf({ op, type, size, user, saved }: Version, me: string): string {
  const facts = [];
  if (op !== "delete" && type === "file" && saved) facts.push(formatBytes(size));
  if (type === "folder") facts.push("folder");
  if (user !== "" && user !== me) facts.push(user);
  return facts.join(" · ");
}

/** Whether the version has a content that can be looked at. */
export function hasContent({ op, type, saved }: Version): boolean {
  return op !== "delete" && type === "file" && saved;
}

/** The moment, for a person, to the second. */
export function momentOf(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
