import type { Access } from "@/lib/schemas";

/** What the page offers, by what the user may do. The server holds to the same, whatever a page offers. */
export interface Rights {
  /** Renames, deletes, stops, shares and records. */
  readonly owner: boolean;
  /** The one terminal that is shared; null: the whole workspace. */
  readonly terminal: string | null;
  /** Sees the files. */
  readonly files: boolean;
  /** Changes files, opens and closes terminals, starts the session. */
  readonly change: boolean;
  /** Types into terminals. */
  readonly type: boolean;
}

export function rightsOf(access: Access | null | undefined): Rights {
  // An answer without access is of a list of one's own.
  if (!access || access.owner) return { owner: true, terminal: null, files: true, change: true, type: true };
  const whole = access.terminal === null;
  const write = access.mode === "write";
  return { owner: false, terminal: access.terminal, files: whole, change: whole && write, type: write };
}

/** "the whole workspace, view only": what a share gives, in words. */
export function shareWords({ terminal, mode }: { readonly terminal: string | null; readonly mode: Access["mode"] }): string {
  return `${terminal === null ? "Whole workspace" : `Terminal ${terminal}`}, ${mode === "write" ? "can write" : "view only"}`;
}
