"use client";

import { Users } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { PhaseBadge } from "@/components/ui/phase";
import { report } from "@/features/session/sign-out";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatUntil } from "@/lib/format";
import type { Shared } from "@/lib/sharing";
import { shareWords } from "./rights";
import { SharedList } from "./shared-list";

/** Between looks, in milliseconds. */
const lookMs = 10_000;

/** The sessions of others; nothing where there are none. */
export function SharedWithMe() {
  const [list] = useState(() => new SharedList(api));
  const shared = useStore(list.state);
  const now = useNow();
  const [leaving, setLeaving] = useState<Shared | null>(null);

  useEffect(() => {
    let told = false;
    const look = () => {
      if (document.visibilityState !== "visible") return;
      list.refresh().then(
        () => {
          told = false;
        },
        (error: unknown) => {
          // Said once: a server that is away says it at every look.
          if (!told) report("Could not list what is shared with you", error);
          told = true;
        },
      );
    };
    const timer = setInterval(look, lookMs);
    document.addEventListener("visibilitychange", look);
    look();
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [list]);

  if (shared.length === 0) return null;
  return (
    <section aria-labelledby="shared-with-me" className="mt-10">
      <h2 id="shared-with-me" className="text-[16px] leading-6 font-semibold tracking-tight">
        Shared with me
      </h2>
      <ul className="mt-3 overflow-hidden rounded-lg border border-line">
        {shared.map((each) => (
          <li key={each.id} className="group relative flex flex-wrap items-center gap-x-4 gap-y-1 border-t border-line px-4 py-2.5 first:border-t-0 hover:bg-panel">
            <Users size={16} className="shrink-0 text-faint group-hover:text-accent-text" aria-hidden />
            <div className="min-w-0 flex-1 basis-48 leading-5">
              <a href={`/workspace/?id=${each.session.id}`} className="block truncate font-medium after:absolute after:inset-0">
                {each.session.name}
              </a>
              <p className="text-[12px] text-muted">
                By {each.owner}. {shareWords(each)}. Ends{" "}
                <time dateTime={each.expires_at} title={new Date(each.expires_at).toLocaleString()}>
                  {formatUntil(each.expires_at, now)}
                </time>
                .
              </p>
            </div>
            <div className="flex items-center gap-4 max-sm:w-full max-sm:justify-between max-sm:pl-8">
              <PhaseBadge phase={each.session.phase} reason={each.session.reason} />
              <Button small className="relative z-[1]" aria-label={`Leave ${each.session.name}`} onClick={() => setLeaving(each)}>
                Leave
              </Button>
            </div>
          </li>
        ))}
      </ul>
      {leaving && (
        <Confirm
          title={`Leave “${leaving.session.name}”?`}
          action="Leave"
          onClose={() => setLeaving(null)}
          onConfirm={() => list.leave(leaving.id).catch((error: unknown) => report("Could not leave the session", error))}
        >
          You lose access at once. {leaving.owner} can share it with you again.
        </Confirm>
      )}
    </section>
  );
}
