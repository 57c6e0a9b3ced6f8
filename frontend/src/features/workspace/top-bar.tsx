"use client";

import { ChevronLeft, Power, Search, Share2, Users } from "lucide-react";
import { useEffect, useState } from "react";
import { Mark } from "@/components/brand";
import { ThemeToggle } from "@/components/theme-toggle";
import { Button, IconButton } from "@/components/ui/button";
import { PhaseBadge } from "@/components/ui/phase";
import { UserMenu } from "@/components/user-menu";
import { keyLabel } from "@/features/commands/keys";
import { NameDialog } from "@/features/session/name-dialog";
import { RunControls } from "@/features/run/run-controls";
import type { Rights } from "@/features/sharing/rights";
import { useStore } from "@/hooks/use-store";
import { plural } from "@/lib/format";
import type { User } from "@/lib/schemas";
import type { Workspace } from "./workspace";

interface Props {
  readonly workspace: Workspace;
  readonly rights: Rights;
  readonly user: User | null;
  readonly onRun: () => void;
  readonly onShare: () => void;
}

export function TopBar({ workspace, rights, user, onRun, onShare }: Props) {
  const session = useStore(workspace.session);
  const phase = useStore(workspace.phase);
  const viewers = useStore(workspace.viewers);
  const { active } = useStore(workspace.documents.state);
  const [renaming, setRenaming] = useState(false);
  const name = session?.name ?? "";

  useEffect(() => {
    if (name) document.title = `${name} · Coding Platform`;
  }, [name]);

  return (
    <header className="flex h-11 shrink-0 items-center gap-2 border-b border-line bg-panel px-2 sm:gap-3 sm:px-3">
      <a href="/dashboard/" aria-label="All sessions" title="All sessions" className="flex items-center gap-0.5 rounded-md text-faint hover:text-text">
        <ChevronLeft size={16} aria-hidden />
        <span className="max-sm:hidden">
          <Mark />
        </span>
      </a>
      <h1 className="min-w-0">
        {rights.owner ? (
          <button type="button" title="Rename" className="block max-w-full truncate rounded-md px-1.5 py-0.5 text-[14px] font-semibold hover:bg-hover" onClick={() => setRenaming(true)}>
            {name || "…"}
          </button>
        ) : (
          <span className="block max-w-full truncate px-1.5 py-0.5 text-[14px] font-semibold">{name || "…"}</span>
        )}
      </h1>
      {phase && (
        <span className="max-sm:[&_.phase-word]:sr-only">
          <PhaseBadge phase={phase.phase} reason={phase.reason} place={phase.place} />
        </span>
      )}
      {rights.files && <SavedState workspace={workspace} readOnly={!rights.change} />}
      <div className="ml-auto flex items-center gap-1.5">
        {viewers > 1 && (
          <span className="flex items-center gap-1 px-1 text-[12px] text-muted max-sm:hidden" title={`${viewers} windows show this session`}>
            <Users size={14} aria-hidden /> {viewers}
          </span>
        )}
        <IconButton label="Commands and files" title={`Commands and files (${keyLabel("Mod+Shift+P", workspace.commands.apple)}, ${keyLabel("Mod+P", workspace.commands.apple)})`} onClick={() => workspace.quick.set({ text: "" })}>
          <Search size={15} aria-hidden />
        </IconButton>
        {rights.owner && (
          <Button small className="max-sm:w-7 max-sm:px-0" aria-label="Share" title="Share this session" onClick={onShare}>
            <Share2 size={13} aria-hidden />
            <span className="max-sm:hidden">Share</span>
          </Button>
        )}
        {rights.change && (
          <RunControls runner={workspace.runner} active={active} onRun={onRun} />
        )}
        {rights.owner && phase?.phase === "ready" && (
          <IconButton label="Stop session" onClick={() => void workspace.stop()}>
            <Power size={15} aria-hidden />
          </IconButton>
        )}
        {/* Where there is little room the name of the session goes first: the palette and the settings have the theme too. */}
        <span className="max-sm:hidden">
          <ThemeToggle />
        </span>
        <UserMenu user={user} onDashboard={() => window.location.assign("/dashboard/")} />
      </div>
      {renaming && <NameDialog title="Rename session" action="Rename" initial={name} required onClose={() => setRenaming(false)} onSubmit={(next) => workspace.rename(next)} />}
    </header>
  );
}

/** What is saved of everything: open files, what the terminal made, and whether events arrive at all. */
function SavedState({ workspace, readOnly }: { readonly workspace: Workspace; readonly readOnly: boolean }) {
  const unsaved = useStore(workspace.documents.unsaved);
  const sync = useStore(workspace.sync);
  const events = useStore(workspace.events.state);
  const { unsaved: kept } = useStore(workspace.files.state).tree;
  const { text, tone, detail } = words();
  return (
    <span role="status" className={`truncate text-[12px] max-sm:hidden ${tone}`} title={detail || undefined}>
      {text}
    </span>
  );

  function words(): { text: string; tone: string; detail: string } {
    if (events.kind === "waiting") return { text: "Offline, reconnecting…", tone: "text-warn", detail: "Changes made elsewhere are shown again when the connection is back." };
    if (readOnly) return { text: "", tone: "", detail: "" };
    if (sync?.braked) return { text: "Saving is held back", tone: "text-warn", detail: sync.message };
    if (unsaved > 0) return { text: `${plural(unsaved, "file")} not saved`, tone: "text-accent-text", detail: "" };
    if (sync && sync.pending > 0) return { text: `Saving ${plural(sync.pending, "change")}…`, tone: "text-faint", detail: "" };
    if (kept.size > 0) return { text: `Saved, except ${plural(kept.size, "file")}`, tone: "text-warn", detail: "Marked in the tree, with the reason." };
    return { text: "All changes saved", tone: "text-faint", detail: "" };
  }
}
