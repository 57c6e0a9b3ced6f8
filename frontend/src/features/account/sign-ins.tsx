"use client";

import { Monitor } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { report, signOut } from "@/features/session/sign-out";
import { useNow } from "@/hooks/use-now";
import { api } from "@/lib/api";
import { formatAgo } from "@/lib/format";
import { inform } from "@/lib/toasts";
import { deviceName } from "./device";
import { Section } from "./section";
import { useSignIns } from "./use-sign-ins";

/** Where the user is signed in, and the way out. */
export function SignIns() {
  const { list, look, end } = useSignIns("sign-ins");
  const [asked, setAsked] = useState(false);
  const now = useNow();
  const others = list?.some((one) => !one.current) ?? false;
  return (
    <Section
      title="Signed in"
      note="End what you do not know. What it has open closes at once."
      action={
        <>
          <Button
            small
            disabled={!others}
            onClick={() =>
              void api.signOutEverywhere(true).then(
                () => {
                  inform("You are signed in only here now.");
                  look();
                },
                (error: unknown) => report("Could not sign out elsewhere", error),
              )
            }
          >
            Sign out elsewhere
          </Button>
          <Button small onClick={() => setAsked(true)}>
            Sign out everywhere
          </Button>
        </>
      }
    >
      <ul className="divide-y divide-line" aria-busy={list === null}>
        {(list ?? []).map((one) => (
          <li key={one.id} className="flex items-center gap-3 px-4 py-2">
            <Monitor size={16} className="shrink-0 text-faint" aria-hidden />
            <div className="min-w-0 flex-1">
              <div className="truncate text-[14px]" title={one.user_agent}>
                {deviceName(one.user_agent)}
                {one.current && <span className="ml-2 text-[12px] font-medium text-ok">this one</span>}
              </div>
              <div className="truncate text-[12px] text-muted">
                {one.remote_addr} · last seen {formatAgo(one.last_used_at, now)}
              </div>
            </div>
            {!one.current && (
              <Button small aria-label={`End the sign-in of ${deviceName(one.user_agent)}`} onClick={() => void end(one)}>
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
      {asked && (
        <Confirm
          title="Sign out everywhere?"
          action="Sign out"
          onClose={() => setAsked(false)}
          onConfirm={() => signOut(true)}
        >
          Here too. Programs in your sessions go on, and tokens stay.
        </Confirm>
      )}
    </Section>
  );
}
