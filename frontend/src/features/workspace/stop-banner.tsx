"use client";

import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { useStore } from "@/hooks/use-store";
import type { ComingStop, Workspace } from "./workspace";

/** Says that the environment is about to stop by itself, and keeps it running by a click. */
export function StopBanner({ workspace, mayAsk }: { readonly workspace: Workspace; readonly mayAsk: boolean }) {
  const stop = useStore(workspace.stopsAt);
  const [asked, setAsked] = useState(false);
  if (!stop) return null;
  const stay = () => {
    setAsked(true);
    void workspace.stay().finally(() => setAsked(false));
  };
  return (
    <div role="alert" className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5 text-[13px] text-warn">
      <span className="min-w-0 flex-1">
        The environment stops in <Left stop={stop} />: {stop.reason.replace(/^it is about to stop: /, "")}. What is saved stays.
      </span>
      {stop.mayStay && mayAsk && (
        <Button small disabled={asked} onClick={stay}>
          Keep it running
        </Button>
      )}
    </div>
  );
}

/** The time left, by the second. It is not read out each time. */
function Left({ stop }: { readonly stop: ComingStop }) {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span aria-live="off" className="tabular-nums">
      {timeLeft(stop.at - now)}
    </span>
  );
}

/** As minutes and seconds. */
export function timeLeft(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
