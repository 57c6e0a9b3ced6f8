"use client";

import { Eye, Users } from "lucide-react";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import type { Workspace } from "@/features/workspace/workspace";
import { formatUntil } from "@/lib/format";
import { shareWords } from "./rights";

/** Tells a guest whose session this is, what is allowed here, and until when. */
export function GuestBanner({ workspace }: { readonly workspace: Workspace }) {
  const session = useStore(workspace.session);
  const owner = useStore(workspace.access.sharedBy);
  const now = useNow();
  const access = session?.access;
  if (!access || access.owner) return null;
  return (
    <section aria-label="Shared session" className="flex min-h-8 shrink-0 flex-wrap items-center gap-x-2 border-b border-line bg-accent/10 px-3 py-1 text-[13px] leading-5">
      {access.mode === "view" ? <Eye size={14} className="shrink-0 text-accent-text" aria-hidden /> : <Users size={14} className="shrink-0 text-accent-text" aria-hidden />}
      <span className="font-medium">{owner === "" ? "Shared with you" : `Shared by ${owner}`}</span>
      <span className="text-muted">
        {shareWords(access)}
        {access.expires_at && (
          <>
            , ends{" "}
            <time dateTime={access.expires_at} title={new Date(access.expires_at).toLocaleString()}>
              {formatUntil(access.expires_at, now)}
            </time>
          </>
        )}
      </span>
    </section>
  );
}
