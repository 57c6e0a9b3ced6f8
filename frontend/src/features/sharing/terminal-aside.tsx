"use client";

import { Circle, Ellipsis, Eye, List, Share2, Square } from "lucide-react";
import { useCallback, useState } from "react";
import { IconButton } from "@/components/ui/button";
import { Menu, type MenuItem } from "@/components/ui/menu";
import { report } from "@/features/session/sign-out";
import type { Terminals } from "@/features/terminal/terminals";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatDuration } from "@/lib/format";
import { inform } from "@/lib/toasts";
import { initials, peopleOf, type Person } from "./people";
import type { Rights } from "./rights";

interface Props {
  readonly session: string;
  readonly terminals: Terminals;
  readonly rights: Rights;
  /** The user's own name. */
  readonly me: string;
  readonly onShare: (terminal: string) => void;
  readonly onRecordings: () => void;
}

/** Who is at the terminal in front, whether it is recorded, and what its owner can do about both. */
export function TerminalAside({ session, terminals, rights, me, onShare, onRecordings }: Props) {
  const { active, infos } = useStore(terminals.state);
  const [menu, setMenu] = useState<{ x: number; y: number; end: boolean } | null>(null);
  const close = useCallback(() => setMenu(null), []);
  const name = active?.name ?? "";
  const info = infos.get(name);
  const people = peopleOf(info?.watchers ?? [], me);
  const others = people.filter(({ you }) => !you);
  const recording = info?.recording ?? false;

  const open = (at: HTMLElement) => {
    const box = at.getBoundingClientRect();
    setMenu({ x: box.right, y: box.bottom + 4, end: true });
  };
  const record = async () => {
    try {
      if (recording) inform(`Recorded ${formatDuration((await api.stopRecording(session, name)).duration)} of terminal ${name}.`);
      else await api.startRecording(session, name);
    } catch (error) {
      report(recording ? "Could not stop the recording" : "Could not start a recording", error);
    }
  };
  const ofTerminal: MenuItem[] =
    active === null
      ? []
      : [
          { label: `Share terminal ${name}…`, icon: <Share2 size={14} />, onSelect: () => onShare(name) },
          recording
            ? { label: "Stop recording", icon: <Square size={12} fill="currentColor" />, onSelect: () => void record() }
            : { label: "Start recording", icon: <Circle size={12} fill="currentColor" className="text-bad" />, disabled: !info?.running, onSelect: () => void record() },
        ];

  return (
    <div className="ml-auto flex shrink-0 items-center gap-1.5 pl-2">
      {!rights.type && (
        <span className="flex items-center gap-1 text-[12px] text-muted" title="You see this terminal and cannot type into it">
          <Eye size={14} aria-hidden /> <span className="max-sm:sr-only">View only</span>
        </span>
      )}
      {recording && (
        <span role="status" className="flex items-center gap-1.5 text-[12px] text-bad">
          <span className="pulse size-2 rounded-full bg-bad" aria-hidden /> <span className="max-sm:sr-only">Recording</span>
        </span>
      )}
      {others.length > 0 && <Avatars people={others} onClick={open} />}
      {rights.owner && (
        <IconButton label="Terminal actions" aria-haspopup="menu" aria-expanded={menu !== null} onClick={(event) => open(event.currentTarget)}>
          <Ellipsis size={15} aria-hidden />
        </IconButton>
      )}
      {menu && (
        <Menu
          label={active ? `Terminal ${name}` : "Terminals"}
          at={menu}
          onClose={close}
          header={others.length > 0 ? <PeopleList people={people} /> : undefined}
          groups={rights.owner ? [ofTerminal, [{ label: "Recordings…", icon: <List size={14} />, onSelect: onRecordings }]].filter((group) => group.length > 0) : []}
        />
      )}
    </div>
  );
}

/** How many faces stand beside each other before the rest is a number. */
const most = 3;

function describe({ name, writes, you }: Person): string {
  return `${name}${you ? " (you)" : ""}, ${writes ? "can write" : "views"}`;
}

function Avatars({ people, onClick }: { readonly people: readonly Person[]; readonly onClick: (at: HTMLElement) => void }) {
  const words = `${people.length} watching`;
  return (
    <button
      type="button"
      aria-haspopup="menu"
      aria-label={`${words}: ${people.map(describe).join("; ")}`}
      title={people.map(describe).join("\n")}
      onClick={(event) => onClick(event.currentTarget)}
      className="flex h-7 items-center gap-1.5 rounded-md px-1 text-[12px] text-muted hover:bg-hover hover:text-text"
    >
      <span className="flex -space-x-1" aria-hidden>
        {people.slice(0, most).map((person) => (
          <Avatar key={person.name} person={person} />
        ))}
        {people.length > most && <span className="z-[1] flex h-5 items-center rounded-full border border-panel bg-active px-1.5 text-[10px] font-semibold">+{people.length - most}</span>}
      </span>
      <span className="max-sm:sr-only">{words}</span>
    </button>
  );
}

/** Who writes has a coloured ring; who looks elsewhere is pale. */
function Avatar({ person }: { readonly person: Person }) {
  return (
    <span
      className={`flex size-5 items-center justify-center rounded-full border text-[9px] leading-none font-semibold ${
        person.writes ? "border-accent bg-accent text-on-accent" : "border-line-strong bg-active text-text"
      } ${person.visible ? "" : "opacity-60"}`}
      aria-hidden
    >
      {initials(person.name)}
    </span>
  );
}

function PeopleList({ people }: { readonly people: readonly Person[] }) {
  return (
    <ul aria-label="Who is here" className="max-h-60 space-y-1.5 overflow-y-auto">
      {people.map((person) => (
        <li key={person.name} className="flex items-center gap-2">
          <Avatar person={person} />
          <span className="max-w-40 truncate">
            {person.name}
            {person.you && <span className="text-muted"> (you)</span>}
          </span>
          <span className="ml-auto pl-4 text-[12px] text-muted">
            {person.writes ? "can write" : "views"}
            {person.visible ? "" : ", away"}
            {person.windows > 1 ? `, ${person.windows} windows` : ""}
          </span>
        </li>
      ))}
    </ul>
  );
}
