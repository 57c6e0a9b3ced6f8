"use client";

import { useCallback, useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import type { TrashedSession } from "@/lib/account";
import { api } from "@/lib/api";
import { formatBytes, formatUntil } from "@/lib/format";
import { news } from "./account";
import { report } from "./sign-out";

/** The deleted sessions that can be brought back; nothing where there are none. */
export function Deleted({ onRestore }: { readonly onRestore: (id: string) => Promise<void> }) {
  const told = useStore(news)?.sessions;
  const [list, setList] = useState<readonly TrashedSession[]>([]);
  const [asked, setAsked] = useState<TrashedSession | null>(null);
  const now = useNow();
  const look = useCallback(() => api.deletedSessions().then(setList, (error: unknown) => report("Could not list the deleted sessions", error)), []);
  useEffect(() => {
    if (told !== undefined) void look();
  }, [told, look]);
  if (list.length === 0) return null;
  return (
    <details className="mt-8">
      <summary className="cursor-pointer text-[13px] font-medium text-muted">Deleted ({list.length})</summary>
      <ul className="mt-2 divide-y divide-line overflow-hidden rounded-lg border border-line">
        {list.map((session) => (
          <li key={session.id} className="flex items-center gap-2 px-4 py-2">
            <div className="min-w-0 flex-1">
              <div className="truncate text-[14px]">{session.name}</div>
              <div className="text-[12px] text-muted">
                {formatBytes(session.size)} · gone for good {formatUntil(session.purge_at, now)}
              </div>
            </div>
            <Button small aria-label={`Bring back ${session.name}`} onClick={() => void onRestore(session.id).then(look, (error: unknown) => report("Could not bring it back", error))}>
              Bring back
            </Button>
            <Button small kind="ghost" aria-label={`Delete ${session.name} for good`} onClick={() => setAsked(session)}>
              Delete for good
            </Button>
          </li>
        ))}
      </ul>
      {asked && (
        <Confirm
          title={`Delete “${asked.name}” for good?`}
          action="Delete for good"
          onClose={() => setAsked(null)}
          onConfirm={() => api.purgeSession(asked.id).then(look, (error: unknown) => report("Could not delete the session", error))}
        >
          Its files and their history go with it. This cannot be undone.
        </Confirm>
      )}
    </details>
  );
}
