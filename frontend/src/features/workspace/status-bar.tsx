"use client";

import { Bell, Users } from "lucide-react";
import { useEffect, useState } from "react";
import { PhaseBadge } from "@/components/ui/phase";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import type { Rights } from "@/features/sharing/rights";
import { api } from "@/lib/api";
import { formatAgo, formatBytes, plural } from "@/lib/format";
import { past } from "@/lib/toasts";
import { Dialog } from "@/components/ui/dialog";
import type { Workspace } from "./workspace";

/** Between looks at the environment's memory, in milliseconds; only while the page is seen. */
const sampleMs = 15_000;

/** What is so now, in one line: the environment and why, what it uses, who is here, and what was said. */
export function StatusBar({ workspace, rights }: { readonly workspace: Workspace; readonly rights: Rights }) {
  const phase = useStore(workspace.phase);
  const events = useStore(workspace.events.state);
  const sync = useStore(workspace.sync);
  const people = useStore(workspace.people);
  const messages = useStore(past);
  const [open, setOpen] = useState(false);
  const memory = useMemory(workspace.id, rights.files && phase?.phase === "ready");
  const names = [...new Set(people)];
  const offline = events.kind === "waiting" || events.kind === "connecting";
  return (
    <footer aria-label="Status" className="flex h-7 shrink-0 items-center gap-4 overflow-hidden border-t border-line bg-panel px-3 text-[12px] whitespace-nowrap text-muted">
      {phase && (
        <span className="flex min-w-0 items-center gap-2">
          <PhaseBadge phase={phase.phase} reason={phase.reason} />
          <span className="truncate" title={phase.message || phase.reason}>
            {phase.phase === "ready" ? "" : phase.message || phase.reason}
          </span>
        </span>
      )}
      {offline && <span className="text-warn">{events.kind === "waiting" ? "Offline, reconnecting…" : "Connecting…"}</span>}
      {sync?.message && !sync.braked && (
        <span className="truncate text-warn" title={sync.message}>
          {sync.message}
        </span>
      )}
      {sync?.watch_mode === "poll" && <span title="The system's watches are used up: changes are looked for every few seconds.">Changes show a little later</span>}
      <span className="ml-auto flex items-center gap-4">
        {memory && (
          <span className="max-sm:hidden" title="Memory of the environment">
            {memory}
          </span>
        )}
        {people.length > 1 && (
          <span className="flex items-center gap-1" title={`Here: ${names.join(", ")}`}>
            <Users size={13} aria-hidden />
            <span className="sr-only">Here: {names.join(", ")}. </span>
            {plural(people.length, "window")}
          </span>
        )}
        <button type="button" aria-label="Notifications" title="Notifications" onClick={() => setOpen(true)} className="flex h-6 min-w-6 items-center justify-center gap-1 rounded hover:bg-hover hover:text-text">
          <Bell size={13} aria-hidden />
          {messages.length > 0 && messages.length}
        </button>
      </span>
      {open && <Notifications onClose={() => setOpen(false)} />}
    </footer>
  );
}

function Notifications({ onClose }: { readonly onClose: () => void }) {
  const messages = useStore(past);
  const now = useNow();
  return (
    <Dialog title="Notifications" onClose={onClose}>
      {messages.length === 0 ? (
        <p className="mt-4 text-muted">Nothing was said yet.</p>
      ) : (
        <ul className="mt-3 max-h-[60vh] divide-y divide-line overflow-y-auto">
          {messages.map((message) => (
            <li key={message.id} className="py-2 text-[13px]">
              <p className={`break-words ${message.kind === "error" ? "text-bad" : ""}`}>{message.text}</p>
              <time className="text-[12px] text-muted" dateTime={message.at}>
                {formatAgo(message.at, now)}
              </time>
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  );
}

/** "120 MB of 512 MB", or "" while it is not known. */
function useMemory(session: string, wanted: boolean): string {
  const [text, setText] = useState("");
  useEffect(() => {
    if (!wanted) return;
    let left = false;
    const look = () => {
      if (document.visibilityState !== "visible") return;
      api.status(session).then(
        ({ environment }) => {
          if (left) return;
          const { memory_bytes: used = 0, memory_limit_bytes: most = 0 } = environment ?? {};
          setText(used === 0 ? "" : most === 0 ? formatBytes(used) : `${formatBytes(used)} of ${formatBytes(most)}`);
        },
        // The next look may be luckier; that nothing can be reached is said elsewhere.
        () => undefined,
      );
    };
    look();
    const timer = setInterval(look, sampleMs);
    return () => {
      left = true;
      clearInterval(timer);
    };
  }, [session, wanted]);
  return wanted ? text : "";
}
