"use client";

import { DoorClosed } from "lucide-react";
import { plural } from "@/lib/format";

const actionClass = "inline-flex h-8 items-center rounded-md bg-accent px-3 text-[13px] font-semibold text-on-accent hover:bg-accent-hover";

interface Props {
  readonly name: string;
  /** As the server says it: "access was revoked". */
  readonly reason: string;
  /** How many open files had edits that could not be saved any more. */
  readonly unsaved: number;
}

/** The last page of a guest whose access was taken away or has run out. */
export function AccessEnded({ name, reason, unsaved }: Props) {
  return (
    <main className="flex h-dvh flex-col items-center justify-center gap-2 p-6 text-center">
      <DoorClosed size={28} className="text-faint" aria-hidden />
      <h1 className="mt-1 text-[18px] font-semibold tracking-tight">You no longer have access{name ? ` to “${name}”` : ""}</h1>
      <p role="alert" className="max-w-sm text-muted">
        {reason.charAt(0).toUpperCase() + reason.slice(1)}. Ask its owner if you need it again.
      </p>
      {unsaved > 0 && <p className="max-w-sm text-[13px] text-warn">{plural(unsaved, "open file")} had changes of yours that were not saved yet.</p>}
      <a href="/dashboard/" className={`mt-3 ${actionClass}`}>
        Go to your sessions
      </a>
    </main>
  );
}
