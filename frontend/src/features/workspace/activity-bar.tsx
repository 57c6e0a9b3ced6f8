"use client";

import { Files, History, Search } from "lucide-react";
import type { ReactNode } from "react";
import { keyLabel } from "@/features/commands/keys";
import { useStore } from "@/hooks/use-store";
import type { Side } from "./layout";
import type { Workspace } from "./workspace";

/** Chooses what the left side shows; the one that is shown closes it. */
export function ActivityBar({ workspace: { layout, commands, search } }: { readonly workspace: Workspace }) {
  const { side, sideOpen } = useStore(layout.state);
  const toggle = (which: Side) => {
    layout.toggleSide(which);
    const now = layout.state.get();
    if (which === "search" && now.sideOpen) search.ask({});
  };
  const button = (which: Side, label: string, keys: string, icon: ReactNode) => {
    const shown = sideOpen && side === which;
    return (
      <button
        type="button"
        aria-label={label}
        aria-pressed={shown}
        title={keys === "" ? label : `${label} (${keyLabel(keys, commands.apple)})`}
        onClick={() => toggle(which)}
        className={`relative flex size-11 items-center justify-center focus-visible:outline-offset-[-2px] ${
          shown ? "text-text before:absolute before:inset-y-1.5 before:left-0 before:w-0.5 before:bg-accent" : "text-faint hover:text-text"
        }`}
      >
        {icon}
      </button>
    );
  };
  return (
    <nav aria-label="Side bar" className="flex w-11 shrink-0 flex-col border-r border-line bg-panel">
      {button("files", "Files", "Mod+Shift+E", <Files size={19} strokeWidth={1.75} aria-hidden />)}
      {button("search", "Search", "Mod+Shift+F", <Search size={19} strokeWidth={1.75} aria-hidden />)}
      {button("history", "History", "", <History size={19} strokeWidth={1.75} aria-hidden />)}
    </nav>
  );
}
