"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { useStore } from "@/hooks/use-store";
import type { Workspace } from "./workspace";

/** Asks whether the files that vanished from the environment at once were meant to go. */
export function BrakeBanner({ workspace }: { readonly workspace: Workspace }) {
  const sync = useStore(workspace.sync);
  const [asked, setAsked] = useState(false);
  if (!sync?.braked) return null;
  const answer = (remove: boolean) => {
    setAsked(true);
    void workspace.releaseBrake(remove).finally(() => setAsked(false));
  };
  return (
    <div role="alert" className="flex shrink-0 flex-wrap items-center gap-2 border-b border-line bg-panel px-3 py-1.5 text-[13px] text-warn">
      <span className="min-w-0 flex-1">All files vanished from the environment at once. Nothing is deleted here until you say so.</span>
      <Button small disabled={asked} onClick={() => answer(false)}>
        Bring them back
      </Button>
      <Button small kind="danger" disabled={asked} onClick={() => answer(true)}>
        Delete them here too
      </Button>
    </div>
  );
}
