"use client";

import { ClipboardPaste, Columns2, Copy, Plus, RotateCcw, Search, Settings2, Square, SquareTerminal, X } from "lucide-react";
import dynamic from "next/dynamic";
import { useCallback, useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Menu } from "@/components/ui/menu";
import { NameDialog } from "@/features/session/name-dialog";
import { goToSignIn, report } from "@/features/session/sign-out";
import type { Rights } from "@/features/sharing/rights";
import type { PhaseState } from "@/features/workspace/workspace";
import { lead } from "@/hooks/lead";
import { useInSight } from "@/hooks/use-in-sight";
import { useMedia } from "@/hooks/use-media";
import { useStore } from "@/hooks/use-store";
import { bareReason, sentence } from "@/lib/format";
import type { Exit, Phase } from "@/lib/schemas";
import { inform } from "@/lib/toasts";
import type { Store } from "@/lib/store";
import { takesFiles } from "./file-drop";
import { QuestionDialog } from "./question-dialog";
import { SearchBar } from "./search-bar";
import { draggedTerminal, TerminalGroup } from "./terminal-group";
import { shownOf, type Terminals, type TerminalTab } from "./terminals";

const SettingsDialog = dynamic(() => import("./settings-dialog").then((module) => module.SettingsDialog), { ssr: false });

declare global {
  interface Window {
    /** By name: what each terminal shows, scrollback included. For tests. */
    __terminals?: Record<string, { text(): string; dump(): object }>;
  }
}

interface Props {
  readonly terminals: Terminals;
  readonly phase: Store<PhaseState | null>;
  readonly rights: Rights;
  /** What stands at the right of the tabs, for the terminal in front. */
  readonly aside?: ReactNode;
  readonly onGone: () => void;
}

export function TerminalPane({ terminals, phase, rights, aside, onGone }: Props) {
  const state = useStore(terminals.state);
  const { tabs, active, infos, heard } = state;
  const narrow = useMedia("(max-width: 767px)");
  const shown = narrow ? (active ? [active] : []) : shownOf(state);
  const session = useStore(phase);

  useEffect(() => {
    window.__terminals = Object.fromEntries(tabs.map(({ name, screen }) => [name, screen]));
    return () => {
      window.__terminals = {};
    };
  }, [tabs]);

  const [settings, setSettings] = useState(false);
  const [closing, setClosing] = useState<TerminalTab | null>(null);
  const [naming, setNaming] = useState<TerminalTab | null>(null);
  const labelOf = (tab: TerminalTab) => infos.get(tab.name)?.name ?? tab.name;

  const close = (tab: TerminalTab) => {
    if (infos.get(tab.name)?.foreground) setClosing(tab);
    else end(tab);
  };
  const end = (tab: TerminalTab) => {
    terminals.close(tab).catch((error: unknown) => report("Could not close the terminal", error));
  };
  const split = (tab: TerminalTab) => {
    void terminals.split(tab).then(({ screen }) => lead(() => undefined, () => screen.focus()));
  };
  const bringToFront = (name: string) => {
    const tab = named(name);
    if (tab && tab !== active) terminals.activate(tab);
  };
  const named = (name: string) => tabs.find((tab) => tab.name === name);
  /** A tab was dropped on another: it takes its place. */
  const place = (name: string, target: TerminalTab) => {
    const tab = named(name);
    if (!tab || tab === target) return;
    terminals.move(tab, tabs.indexOf(target) - tabs.indexOf(tab)).catch((error: unknown) => report("Could not move the terminal", error));
  };
  const dropped = (name: string) => {
    const tab = named(name);
    if (tab && active && tab !== active) terminals.join(active, tab);
  };
  const keyDown = (event: KeyboardEvent) => {
    const index = tabs.findIndex((tab) => tab === active);
    const steps: Record<string, number> = { ArrowLeft: index - 1 + tabs.length, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 };
    const step = steps[event.key];
    const aside = event.ctrlKey && event.shiftKey ? { ArrowLeft: -1, ArrowRight: 1 }[event.key] : undefined;
    if (event.key === "Delete" && active && rights.change) {
      close(active);
    } else if (event.key === "F2" && active && rights.change) {
      setNaming(active);
    } else if (aside !== undefined && active) {
      if (rights.change) terminals.move(active, aside).catch((error: unknown) => report("Could not move the terminal", error));
    } else if (step !== undefined) {
      const next = tabs[step % tabs.length];
      if (next) terminals.activate(next);
      event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[step % tabs.length]?.focus();
    } else {
      return;
    }
    event.preventDefault();
  };

  return (
    <section aria-label="Terminal" className="flex min-h-0 w-full flex-1 flex-col bg-bg">
      <div className="flex h-9 shrink-0 items-center border-b border-line bg-panel pr-1">
        {tabs.length > 0 && (
          // The tabs have the focus; their keys are taken here (WAI-ARIA practices, tabs).
          // eslint-disable-next-line jsx-a11y/interactive-supports-focus
          <div role="tablist" aria-label="Terminals" onKeyDown={keyDown} className="flex h-full min-w-0 overflow-x-auto [scrollbar-width:none]">
            {tabs.map((tab) => (
              <Tab key={tab.name} tab={tab} label={labelOf(tab)} onRename={rights.change ? () => setNaming(tab) : undefined} selected={tab === active} shown={shown.includes(tab)} onPlaced={rights.change ? (name) => place(name, tab) : undefined} closable={rights.change} recording={infos.get(tab.name)?.recording ?? false} foreground={infos.get(tab.name)?.foreground ?? ""} exit={infos.get(tab.name)?.exit ?? null} rang={tab !== active && (infos.get(tab.name)?.bells ?? 0) > (heard.get(tab.name) ?? 0)} onSelect={() => terminals.activate(tab)} onClose={() => close(tab)} />
            ))}
          </div>
        )}
        {rights.change && (
          <IconButton label="New terminal" className="ml-1" onClick={() => void terminals.add()}>
            <Plus size={15} aria-hidden />
          </IconButton>
        )}
        {rights.change && active && !narrow && (
          <IconButton label="Split the terminal" disabled={!terminals.canSplit} onClick={() => split(active)}>
            <Columns2 size={15} aria-hidden />
          </IconButton>
        )}
        <IconButton label="Terminal settings" className="ml-1" onClick={() => setSettings(true)}>
          <Settings2 size={15} aria-hidden />
        </IconButton>
        {aside}
      </div>
      <QuestionDialog />
      {settings && <SettingsDialog onClose={() => setSettings(false)} />}
      {naming && (
        <NameDialog
          title="Rename the terminal"
          action="Rename"
          initial={labelOf(naming)}
          hint="Letters, digits, spaces, '.', '_' or '-'."
          required
          onSubmit={(name) => terminals.rename(naming, name)}
          onClose={() => setNaming(null)}
        />
      )}
      {closing && (
        <Confirm title={`Close terminal ${labelOf(closing)}?`} action="Close" onConfirm={() => end(closing)} onClose={() => setClosing(null)}>
          <span className="font-mono">{infos.get(closing.name)?.foreground ?? "A program"}</span> is running in it and will be ended.
        </Confirm>
      )}
      {active ? (
        <TerminalGroup names={shown.map(({ name }) => name)} front={active.name} onFront={(name) => bringToFront(name)} onDropped={narrow ? undefined : dropped}>
          {(name) => {
            const tab = named(name);
            return (
              tab && (
                <TerminalView
                  tab={tab}
                  session={session}
                  rights={rights}
                  running={infos.get(name)?.running ?? false}
                  onSettings={() => setSettings(true)}
                  onSplit={rights.change && !narrow && terminals.canSplit ? () => split(tab) : undefined}
                  onAlone={shown.length > 1 ? () => terminals.unjoin(tab) : undefined}
                  onGone={onGone}
                />
              )
            );
          }}
        </TerminalGroup>
      ) : (
        <Overlay>
          <SquareTerminal size={24} className="text-faint" aria-hidden />
          {rights.change ? (
            <Button onClick={() => terminals.open()}>Open a terminal</Button>
          ) : (
            <p className="max-w-sm text-[13px] text-muted">{rights.terminal === null ? "No terminal is open." : `Terminal ${rights.terminal} is not open.`} It is shown here as soon as one who may opens it.</p>
          )}
        </Overlay>
      )}
    </section>
  );
}

interface TabProps {
  readonly tab: TerminalTab;
  /** Its name now; the tab keeps the one that it was opened by. */
  readonly label: string;
  readonly onRename: (() => void) | undefined;
  readonly selected: boolean;
  /** It is in sight: in front, or beside the one that is. */
  readonly shown: boolean;
  /** Another tab was dropped on this one. */
  readonly onPlaced: ((name: string) => void) | undefined;
  readonly closable: boolean;
  readonly recording: boolean;
  readonly foreground: string;
  /** How its program ended, as the server tells. */
  readonly exit: Exit | null;
  /** Its bell has rung since it was in front. */
  readonly rang: boolean;
  readonly onSelect: () => void;
  readonly onClose: () => void;
}

function Tab({ tab, label, onRename, selected, shown, onPlaced, closable, recording, foreground, exit, rang, onSelect, onClose }: TabProps) {
  const ref = useRef<HTMLButtonElement>(null);
  useInSight(ref, selected);
  const title = useStore(tab.title);
  const state = useStore(tab.connection.state);
  const { kind } = state;
  const ended = (state.kind === "ended" ? state.exit : null) ?? exit;
  return (
    <button
      ref={ref}
      type="button"
      role="tab"
      aria-selected={selected}
      aria-controls={shown ? panelID(tab.name) : undefined}
      aria-label={`Terminal ${label}${recording ? ", recording" : ""}${rang ? ", rang" : ""}${ended ? ", ended" : ""}`}
      title={title || undefined}
      tabIndex={selected ? 0 : -1}
      draggable={closable}
      onDragStart={(event) => {
        event.dataTransfer.setData(draggedTerminal, tab.name);
        event.dataTransfer.effectAllowed = "move";
      }}
      onDragOver={(event) => {
        if (onPlaced && event.dataTransfer.types.includes(draggedTerminal)) event.preventDefault();
      }}
      onDrop={(event) => {
        event.preventDefault();
        onPlaced?.(event.dataTransfer.getData(draggedTerminal));
      }}
      onClick={onSelect}
      onDoubleClick={onRename}
      onAuxClick={(event) => {
        if (event.button === 1 && closable) onClose();
      }}
      className={`group flex shrink-0 items-center gap-1.5 border-r border-line pr-1.5 pl-3 text-[13px] focus-visible:outline-offset-[-2px] ${selected ? "bg-bg text-text" : shown ? "bg-bg/60 text-text" : "text-muted hover:bg-hover"}`}
    >
      {recording ? (
        <span aria-hidden title="Recording" className="flex size-3.5 shrink-0 items-center justify-center">
          <span className="pulse size-2 rounded-full bg-bad" />
        </span>
      ) : (
        <SquareTerminal size={14} aria-hidden className="shrink-0 text-faint" />
      )}
      {rang && <span aria-hidden className="size-2 shrink-0 rounded-full bg-accent" />}
      <span className={kind === "ended" || ended ? "text-faint" : ""}>
        {/^\d+$/.test(label) ? `Terminal ${label}` : label}
        {ended && <span className={`ml-1.5 text-[12px] ${ended.code === 0 ? "text-faint" : "text-bad"}`}>{ended.signal || `exit ${ended.code}`}</span>}
        {foreground && <span className="ml-1.5 text-[12px] text-faint">{foreground}</span>}
      </span>
      {/* The Delete key closes too; the pointer has this. */}
      <span
        aria-hidden
        onClick={(event) => {
          event.stopPropagation();
          onClose();
        }}
        className={`flex size-5 items-center justify-center rounded text-faint hover:bg-active hover:text-text ${selected ? "" : "opacity-0 group-hover:opacity-100"} ${closable ? "" : "hidden"}`}
      >
        <X size={14} />
      </span>
    </button>
  );
}

/** Names of terminals have spaces, IDs have none. */
function panelID(name: string): string {
  return `terminal-panel-${encodeURIComponent(name)}`;
}

interface ViewProps {
  readonly tab: TerminalTab;
  readonly session: PhaseState | null;
  readonly rights: Rights;
  /** Something runs under this name, as far as the server says. */
  readonly running: boolean;
  readonly onSettings: () => void;
  readonly onSplit: (() => void) | undefined;
  /** Where others stand beside it. */
  readonly onAlone: (() => void) | undefined;
  readonly onGone: () => void;
}

function TerminalView({ tab, session, rights, running, onSettings, onSplit, onAlone, onGone }: ViewProps) {
  const host = useRef<HTMLDivElement>(null);
  const [searching, setSearching] = useState(false);
  const [menu, setMenu] = useState<{ x: number; y: number } | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);
  useEffect(() => tab.screen.onSearch(() => setSearching(true)), [tab]);
  const paste = async () => {
    try {
      await tab.screen.paste(await navigator.clipboard.readText());
    } catch {
      inform("The browser does not let this page read the clipboard; press Ctrl+V in the terminal.");
    }
  };
  const state = useStore(tab.connection.state);
  useEffect(() => (host.current ? tab.show(host.current) : undefined), [tab]);
  useEffect(() => {
    if (state.kind !== "failed") return;
    if (state.cause === "signed_out") goToSignIn();
    else if (state.cause === "not_found") onGone();
  }, [state, onGone]);

  useEffect(() => {
    // Whoever may not start anything is brought back by those who do.
    if (!rights.change && running && tab.connection.state.get().kind === "ended") tab.reconnect();
  }, [rights.change, running, tab]);

  const restart = () => {
    tab.restart().catch((error: unknown) => report("Could not start the terminal", error));
  };
  const still = session !== null && (session.phase === "stopped" || session.phase === "failed" || session.phase === "stopping");
  return (
    <div id={panelID(tab.name)} role="tabpanel" aria-label={`Terminal ${tab.name}`} className="relative flex min-h-0 flex-1 flex-col">
      <div
        className="min-h-0 flex-1 py-1 pl-3"
        {...(rights.type ? takesFiles(tab) : {})}
        onContextMenu={(event) => {
          if (event.shiftKey) return; // the browser's own
          event.preventDefault();
          setMenu({ x: event.clientX, y: event.clientY });
        }}
      >
        <div ref={host} className="h-full w-full overflow-hidden" />
      </div>
      {searching && <SearchBar screen={tab.screen} onClose={() => setSearching(false)} />}
      {menu && (
        <Menu
          label={`Terminal ${tab.name}`}
          at={menu}
          groups={[
            [
              { label: "Copy", icon: <Copy size={14} />, shortcut: "Ctrl+Shift+C", onSelect: () => void tab.screen.copy() },
              { label: "Paste", icon: <ClipboardPaste size={14} />, shortcut: "Ctrl+Shift+V", disabled: !rights.type, onSelect: () => void paste() },
            ],
            [
              ...(onSplit ? [{ label: "Split", icon: <Columns2 size={14} />, shortcut: "Ctrl+Shift+5", onSelect: onSplit }] : []),
              ...(onAlone ? [{ label: "Show Alone", icon: <Square size={14} />, onSelect: onAlone }] : []),
            ],
            [
              { label: "Search…", icon: <Search size={14} />, shortcut: "Ctrl+Shift+F", onSelect: () => setSearching(true) },
              { label: "Settings…", icon: <Settings2 size={14} />, onSelect: onSettings },
            ],
          ].filter((group) => group.length > 0)}
          onClose={closeMenu}
        />
      )}
      {(state.kind === "idle" || state.kind === "connecting") && <Strip>Connecting…</Strip>}
      {state.kind === "reconnecting" && (
        <Strip>
          Connection lost. Reconnecting…
          <button type="button" className="font-medium text-accent-text hover:underline" onClick={() => tab.connection.retry()}>
            Try now
          </button>
        </Strip>
      )}
      {state.kind === "starting" && <StartUp phase={state.phase} reason={state.reason} place={state.place} />}
      {state.kind === "ended" && still && <Stopped session={session} onStart={rights.change ? restart : undefined} />}
      {state.kind === "ended" && !still && (
        <div className="flex min-h-9 shrink-0 flex-wrap items-center gap-3 border-t border-line bg-panel px-3 py-1 text-[13px] text-muted">
          <span role="status">{exitText(state.exit, state.message)}</span>
          {rights.change && (
            <Button small className="ml-auto" onClick={restart}>
              <RotateCcw size={13} aria-hidden /> Restart
            </Button>
          )}
          {!rights.change && running && (
            <Button small className="ml-auto" onClick={() => tab.reconnect()}>
              <RotateCcw size={13} aria-hidden /> Connect again
            </Button>
          )}
        </div>
      )}
      {state.kind === "failed" && (
        <Overlay>
          <p className="text-muted">{state.message}</p>
          {state.cause !== "signed_out" && state.cause !== "not_found" && <Button onClick={rights.change ? restart : () => tab.reconnect()}>Connect again</Button>}
        </Overlay>
      )}
    </div>
  );
}

/** How a program ended, for people. */
function exitText(exit: Exit | null, message: string): string {
  if (!exit) return message || "The terminal is not connected.";
  if (exit.reason) return `The program ended: ${exit.reason}`;
  if (exit.signal) return `The program was ended by ${exit.signal}.`;
  return exit.code === 0 ? "The program ended." : `The program ended with code ${exit.code}.`;
}

const steps = [
  { label: "Start the sandbox", phases: ["stopped", "starting", "stopping"] },
  { label: "Restore the files", phases: ["restoring"] },
  { label: "Open the shell", phases: ["ready"] },
] as const satisfies readonly { label: string; phases: readonly Phase[] }[];

/** "Bringing the files: 12 of 40" → "12 of 40". What has no such part repeats the step's name only. */
function progressOf(reason: string): string {
  const colon = reason.indexOf(": ");
  return colon < 0 ? "" : reason.slice(colon + 2);
}

/** What is done of a start, what is under way, and what the server says of it. */
function StartUp({ phase, reason, place }: { readonly phase: Phase; readonly reason: string; readonly place: number }) {
  if (place > 0) {
    return (
      <Overlay>
        <p className="font-medium">Waiting for its turn: place {place} in the queue</p>
        <p className="max-w-md text-[13px] text-muted">{sentence(bareReason(reason))} Files can be edited meanwhile.</p>
        <a href="/dashboard/" className="text-[13px] font-medium text-accent-text hover:underline">
          See your sessions
        </a>
      </Overlay>
    );
  }
  if (phase === "failed") {
    return (
      <Overlay>
        <p className="font-medium text-bad">The session could not be started.</p>
        <p className="max-w-md text-[13px] text-muted">{reason}</p>
      </Overlay>
    );
  }
  const now = steps.findIndex(({ phases }) => (phases as readonly Phase[]).includes(phase));
  return (
    <Overlay>
      <ol className="space-y-2 text-[13px]">
        {steps.map(({ label }, index) => (
          <li key={label} className={`flex items-center gap-2.5 ${index > now ? "text-faint" : index < now ? "text-muted" : "font-medium"}`}>
            <span
              aria-hidden
              className={`size-2 rounded-full ${index < now ? "bg-ok" : index === now ? "pulse bg-busy" : "border border-line-strong"}`}
            />
            {label}
            {index === now && progressOf(reason) && <span className="font-normal text-muted tabular-nums">{progressOf(reason)}</span>}
          </li>
        ))}
      </ol>
    </Overlay>
  );
}

function Stopped({ session, onStart }: { readonly session: PhaseState; readonly onStart: (() => void) | undefined }) {
  if (session.phase === "stopping") {
    return (
      <Overlay>
        <p className="font-medium">Stopping…</p>
        <p className="text-[13px] text-muted">The last changes are being saved.</p>
      </Overlay>
    );
  }
  const failed = session.phase === "failed";
  return (
    <Overlay>
      <p className={`font-medium ${failed ? "text-bad" : ""}`}>{failed ? "The session failed" : "The session is stopped"}</p>
      <p className="max-w-md text-[13px] text-muted">
        {session.reason && `${sentence(bareReason(session.reason))} `}
        {failed && onStart && "If it fails again, whoever runs this server can help. "}
        {onStart ? "Files are kept and can be edited meanwhile." : "Its terminals are shown again when one who may starts it."}
      </p>
      {onStart && (
        <Button kind="primary" className="mt-1" onClick={onStart}>
          {failed ? "Try again" : "Start"}
        </Button>
      )}
    </Overlay>
  );
}

function Overlay({ children }: { readonly children: ReactNode }) {
  return (
    <div role="status" className="absolute inset-0 z-10 flex flex-col items-center justify-center gap-2 bg-bg/95 p-4 text-center [section>&]:static [section>&]:flex-1">
      {children}
    </div>
  );
}

function Strip({ children }: { readonly children: ReactNode }) {
  return (
    <div role="status" className="absolute top-2 right-4 z-10 flex items-center gap-2 rounded-md border border-line bg-raised px-2.5 py-1 text-[12px] text-muted shadow-float">
      {children}
    </div>
  );
}
