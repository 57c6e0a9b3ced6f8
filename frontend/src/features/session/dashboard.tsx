"use client";

import { Copy, Ellipsis, List, Pencil, Plus, Power, Search, Share2, SquareTerminal, Trash2 } from "lucide-react";
import dynamic from "next/dynamic";
import { useCallback, useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { inputClass } from "@/components/ui/field";
import { Menu } from "@/components/ui/menu";
import { PhaseBadge } from "@/components/ui/phase";
import { SharedWithMe } from "@/features/sharing/shared-with-me";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import { useUser } from "@/hooks/use-user";
import { api } from "@/lib/api";
import { formatAgo, formatBytes, plural } from "@/lib/format";
import type { Session } from "@/lib/schemas";
import { inform } from "@/lib/toasts";
import { news } from "./account";
import { Deleted } from "./deleted";
import { NameDialog } from "./name-dialog";
import { PageShell } from "./page-shell";
import { arranged, orders, SessionList, type Order } from "./session-list";
import { report } from "./sign-out";

// Asked for by few: they come when they are.
const RecordingsDialog = dynamic(() => import("@/features/recording/recordings-dialog").then((module) => module.RecordingsDialog), { ssr: false });
const ShareDialog = dynamic(() => import("@/features/sharing/share-dialog").then((module) => module.ShareDialog), { ssr: false });

type Asking = { readonly what: "new" } | { readonly what: "rename" | "share" | "recordings"; readonly session: Session };

const columns = "grid-cols-[minmax(0,1fr)_auto_32px] sm:grid-cols-[minmax(0,1fr)_132px_112px_112px_32px]";

export function Dashboard() {
  const user = useUser();
  const [list] = useState(() => new SessionList(api));
  const { status, sessions, count, error } = useStore(list.state);
  const [asking, setAsking] = useState<Asking | null>(null);
  const [filter, setFilter] = useState("");
  const [order, setOrder] = useState<Order>("used");
  const close = useCallback(() => setAsking(null), []);

  // What the server tells of is looked at; what it has told while the page was out of sight, when it comes back.
  useEffect(() => {
    let told: number | undefined;
    let seen: number | undefined;
    const look = () => {
      if (document.visibilityState !== "visible" || told === seen) return;
      seen = told;
      list.refresh().catch((failure: unknown) => report("Could not list the sessions", failure));
    };
    const hear = () => {
      told = news.get()?.sessions ?? told;
      look();
    };
    list.refresh().catch((failure: unknown) => report("Could not list the sessions", failure));
    const stop = news.subscribe(hear);
    document.addEventListener("visibilitychange", look);
    hear();
    return () => {
      stop();
      document.removeEventListener("visibilitychange", look);
    };
  }, [list]);

  const shown = arranged(sessions, filter, order);
  const remove = (session: Session) =>
    list.remove(session.id).then(
      () =>
        inform(`“${session.name}” is deleted. You can still bring it back.`, {
          label: "Undo",
          run: () => void list.restore(session.id).catch((failure: unknown) => report("Could not bring it back", failure)),
        }),
      (failure: unknown) => report("Could not delete the session", failure),
    );
  const duplicate = (session: Session) =>
    list.duplicate(session.id).then(
      (left) => inform(left === 0 ? `“${session.name}” is duplicated.` : `“${session.name}” is duplicated, but for ${plural(left, "entry", "entries")} not saved.`),
      (failure: unknown) => report("Could not duplicate the session", failure),
    );
  const stop = (session: Session) => list.stop(session.id).catch((failure: unknown) => report("Could not stop the session", failure));

  return (
    <PageShell user={user} width="max-w-5xl">
        <div className="flex flex-wrap items-center gap-3">
          <div className="mr-auto max-sm:basis-full">
            <h1 className="text-[20px] leading-7 font-semibold tracking-tight">Sessions</h1>
            <p className="text-[13px] text-muted">
              {status === "ready" && count > 0 ? `${plural(count, "session")}. Files stay when a session stops.` : "A workspace each: editor, terminal, files."}
            </p>
          </div>
          {sessions.length > 0 && (
            <label className="flex h-8 w-44 items-center gap-2 max-sm:min-w-32 max-sm:flex-1 rounded-md border border-line-strong px-2 text-faint focus-within:outline-2 focus-within:outline-accent">
              <Search size={14} aria-hidden />
              <span className="sr-only">Filter sessions</span>
              <input className="w-full min-w-0 bg-transparent text-[13px] text-text outline-none placeholder:text-faint" placeholder="Filter" value={filter} onChange={(event) => setFilter(event.target.value)} />
            </label>
          )}
          {sessions.length > 1 && (
            <select aria-label="Sort sessions" className={`${inputClass} h-8! w-auto! px-2! text-[13px]!`} value={order} onChange={(event) => setOrder(Object.keys(orders).find((each): each is Order => each === event.target.value) ?? "used")}>
              {Object.entries(orders).map(([each, label]) => (
                <option key={each} value={each}>
                  {label}
                </option>
              ))}
            </select>
          )}
          <Button kind="primary" onClick={() => setAsking({ what: "new" })}>
            <Plus size={15} aria-hidden />
            New session
          </Button>
        </div>

        {error && status === "ready" && (
          <p role="status" className="mt-4 rounded-md border border-line bg-panel px-3 py-2 text-[13px] text-warn">
            This list may be out of date. {error}
          </p>
        )}

        <div className="mt-5">
          {status === "loading" && <Skeleton />}
          {status === "failed" && (
            <div className="rounded-lg border border-line px-6 py-12 text-center">
              <p className="text-muted">{error}</p>
              <Button className="mt-3" onClick={() => void list.refresh().catch((failure: unknown) => report("Could not list the sessions", failure))}>
                Try again
              </Button>
            </div>
          )}
          {status === "ready" && sessions.length === 0 && <Empty onNew={() => setAsking({ what: "new" })} />}
          {sessions.length > 0 && <Table sessions={shown} onAsk={setAsking} onDuplicate={(session) => void duplicate(session)} onStop={(session) => void stop(session)} onDelete={(session) => void remove(session)} />}
          {sessions.length < count && (
            <div className="mt-3 text-center">
              <Button onClick={() => void list.more().catch((failure: unknown) => report("Could not list more", failure))}>Show more</Button>
            </div>
          )}
        </div>
        <Deleted onRestore={(id) => list.restore(id)} />
        <SharedWithMe />

      {asking?.what === "new" && (
        <NameDialog
          title="New session"
          action="Create"
          initial=""
          placeholder="Untitled"
          hint="You can rename it at any time."
          onClose={close}
          onSubmit={async (name) => {
            const session = await list.create(name);
            window.location.assign(`/workspace/?id=${session.id}`);
          }}
        />
      )}
      {asking?.what === "rename" && (
        <NameDialog title="Rename session" action="Rename" initial={asking.session.name} required onClose={close} onSubmit={(name) => list.rename(asking.session.id, name)} />
      )}
      {asking?.what === "share" && <ShareDialog session={asking.session.id} name={asking.session.name} terminals={[]} terminal="" onClose={close} />}
      {asking?.what === "recordings" && <RecordingsDialog session={asking.session.id} onClose={close} />}
    </PageShell>
  );
}

interface TableProps {
  readonly sessions: readonly Session[];
  readonly onAsk: (asking: Asking) => void;
  readonly onDuplicate: (session: Session) => void;
  readonly onStop: (session: Session) => void;
  readonly onDelete: (session: Session) => void;
}

function Table({ sessions, onAsk, onDuplicate, onStop, onDelete }: TableProps) {
  const now = useNow();
  const [menu, setMenu] = useState<{ session: Session; x: number; y: number; end: boolean } | null>(null);
  const close = useCallback(() => setMenu(null), []);
  return (
    <div className="overflow-hidden rounded-lg border border-line">
      <div className={`hidden h-8 items-center gap-4 border-b border-line bg-panel px-4 text-[12px] font-medium text-muted sm:grid ${columns}`} aria-hidden>
        <span>Name</span>
        <span>Status</span>
        <span>Last active</span>
        <span>Size</span>
        <span />
      </div>
      {sessions.length === 0 && <p className="px-4 py-8 text-center text-muted">No session has such a name.</p>}
      <ul>
        {sessions.map((session) => (
          <li key={session.id} className={`group relative grid h-12 items-center gap-4 border-t border-line px-4 first:border-t-0 hover:bg-panel ${columns}`}>
            <a href={`/workspace/?id=${session.id}`} className="flex min-w-0 items-center gap-3 font-medium after:absolute after:inset-0">
              <SquareTerminal size={16} className="shrink-0 text-faint group-hover:text-accent-text" aria-hidden />
              <span className="truncate">{session.name}</span>
            </a>
            <PhaseBadge phase={session.phase} reason={session.reason} place={session.queue_place} />
            <time className="hidden text-[13px] text-muted sm:block" dateTime={session.last_activity_at ?? session.updated_at}>
              {formatAgo(session.last_activity_at ?? session.updated_at, now)}
            </time>
            <span className="hidden text-[13px] text-muted sm:block" title={`${plural(session.file_count, "file")}; made ${formatAgo(session.created_at, now)}`}>
              {formatBytes(session.size)}
            </span>
            <button
              type="button"
              aria-label={`Actions for ${session.name}`}
              aria-haspopup="menu"
              className="relative z-[1] flex size-8 items-center justify-center rounded-md text-faint hover:bg-hover hover:text-text"
              onClick={(event) => {
                const box = event.currentTarget.getBoundingClientRect();
                setMenu({ session, x: box.right, y: box.bottom + 2, end: true });
              }}
            >
              <Ellipsis size={16} aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      {menu && (
        <Menu
          label={`Actions for ${menu.session.name}`}
          at={menu}
          onClose={close}
          groups={[
            [
              { label: "Open", icon: <SquareTerminal size={14} />, onSelect: () => window.location.assign(`/workspace/?id=${menu.session.id}`) },
              { label: "Rename…", icon: <Pencil size={14} />, onSelect: () => onAsk({ what: "rename", session: menu.session }) },
              { label: "Duplicate", icon: <Copy size={14} />, onSelect: () => onDuplicate(menu.session) },
              ...(menu.session.is_active ? [{ label: "Stop", icon: <Power size={14} />, onSelect: () => onStop(menu.session) }] : []),
            ],
            [
              { label: "Share…", icon: <Share2 size={14} />, onSelect: () => onAsk({ what: "share", session: menu.session }) },
              { label: "Recordings…", icon: <List size={14} />, onSelect: () => onAsk({ what: "recordings", session: menu.session }) },
            ],
            [{ label: "Delete", icon: <Trash2 size={14} />, danger: true, onSelect: () => onDelete(menu.session) }],
          ]}
        />
      )}
    </div>
  );
}

function Empty({ onNew }: { readonly onNew: () => void }) {
  return (
    <div className="flex flex-col items-center rounded-lg border border-dashed border-line-strong px-6 py-16 text-center">
      <SquareTerminal size={28} className="text-faint" aria-hidden />
      <h2 className="mt-3 text-[15px] font-semibold">No sessions yet</h2>
      <p className="mt-1 max-w-sm text-muted">A session is a workspace of its own: files, an editor, and a terminal with Python, Node.js and git.</p>
      <Button className="mt-5" onClick={onNew}>
        <Plus size={15} aria-hidden />
        New session
      </Button>
    </div>
  );
}

function Skeleton() {
  return (
    <div className="overflow-hidden rounded-lg border border-line" role="status" aria-label="Loading sessions">
      {[0, 1, 2].map((row) => (
        <div key={row} className="flex h-12 items-center gap-3 border-t border-line px-4 first:border-t-0">
          <div className="pulse h-3 w-40 rounded bg-hover" />
          <div className="pulse ml-auto h-3 w-20 rounded bg-hover" />
        </div>
      ))}
    </div>
  );
}
