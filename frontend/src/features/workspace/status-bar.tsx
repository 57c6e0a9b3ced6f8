"use client";

import { Bell, Users } from "lucide-react";
import { useEffect, useState } from "react";
import { PhaseBadge } from "@/components/ui/phase";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import { runWords } from "@/features/run/run-controls";
import type { Rights } from "@/features/sharing/rights";
import { api } from "@/lib/api";
import { bareReason, formatAgo, plural } from "@/lib/format";
import { inform, past } from "@/lib/toasts";
import { Dialog } from "@/components/ui/dialog";
import { cpuText, memoryText, type Look } from "./usage";
import type { Workspace } from "./workspace";

/** Between looks at what the environment uses, in milliseconds; only while the page is seen. CPU is known from two of them. */
const firstMs = 2_000;
const sampleMs = 10_000;

/** What is so now, in one line: the environment and why, what it uses, who is here, and what was said. */
export function StatusBar({ workspace, rights }: { readonly workspace: Workspace; readonly rights: Rights }) {
  const phase = useStore(workspace.phase);
  const events = useStore(workspace.events.state);
  const sync = useStore(workspace.sync);
  const { unsaved: kept } = useStore(workspace.files.state).tree;
  const [firstKept] = kept.values();
  const people = useStore(workspace.people);
  const messages = useStore(past);
  const [open, setOpen] = useState(false);
  const { cpu, memory } = useUsage(workspace.id, rights.files && phase?.phase === "ready");
  const run = runWords(useStore(workspace.runner.state));
  const names = [...new Set(people)];
  const offline = events.kind === "waiting" || events.kind === "connecting";
  return (
    <footer aria-label="Status" className="flex h-7 shrink-0 items-center gap-4 overflow-hidden border-t border-line bg-panel px-3 text-[12px] whitespace-nowrap text-muted">
      {phase && (
        <span className="shrink-0">
          <PhaseBadge phase={phase.phase} reason={phase.reason} place={phase.place} />
        </span>
      )}
      {/* A stop that is near has a banner. */}
      {phase && phase.phase !== "ready" && (
        <span className="-ml-2 min-w-0 truncate" title={phase.reason}>
          {bareReason(phase.reason)}
        </span>
      )}
      {offline && <span className="text-warn">{events.kind === "waiting" ? "Offline, reconnecting…" : "Connecting…"}</span>}
      {sync?.message && !sync.braked && (
        // All of it where there is no room, and no pointer to rest on it.
        <button type="button" className="h-6 truncate rounded text-warn hover:underline" title={sync.message} onClick={() => inform(sync.message)}>
          {sync.message}
        </button>
      )}
      {rights.files && firstKept && (
        <button type="button" className="h-6 truncate rounded text-warn hover:underline" title="Shows it in the tree, with the reason" onClick={() => workspace.reveal(firstKept.path)}>
          {kept.size === 1 ? `${firstKept.name} is not saved` : `${plural(kept.size, "file")} are not saved`}
        </button>
      )}
      {/* Above, where there is room. */}
      <span aria-hidden className={`truncate sm:hidden ${run.failed ? "text-bad" : ""}`}>
        {run.text}
      </span>
      <span className="ml-auto flex items-center gap-4">
        {cpu && (
          <span className="tabular-nums max-sm:hidden" title="CPU that the environment's programs use; 100 % is one core">
            {cpu}
          </span>
        )}
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

/** What the environment uses, in words; nothing while it is not known. */
function useUsage(session: string, wanted: boolean): { readonly cpu: string; readonly memory: string } {
  const [usage, setUsage] = useState({ cpu: "", memory: "" });
  useEffect(() => {
    if (!wanted) return;
    let left = false;
    let before: Look | null = null;
    let pause = firstMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      if (document.visibilityState === "visible") {
        try {
          const { environment, since } = await api.status(session);
          if (left) return;
          const now: Look | null = environment ? { at: performance.now(), since, environment } : null;
          setUsage({ cpu: now ? cpuText(before, now) : "", memory: now ? memoryText(now) : "" });
          pause = before ? sampleMs : firstMs;
          before = now;
        } catch {
          // The next look may be luckier; that nothing can be reached is said elsewhere.
        }
      }
      if (!left) timer = setTimeout(() => void look(), pause);
    };
    void look();
    return () => {
      left = true;
      clearTimeout(timer);
      setUsage({ cpu: "", memory: "" });
    };
  }, [session, wanted]);
  return usage;
}
