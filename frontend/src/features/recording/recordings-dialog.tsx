"use client";

import { ArrowLeft, Circle, Download, Play, Square, Trash2 } from "lucide-react";
import dynamic from "next/dynamic";
import { useEffect, useState } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { failureText, report } from "@/features/session/sign-out";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatAgo, formatBytes, formatDuration } from "@/lib/format";
import type { Recording } from "@/lib/sharing";
import { Recordings } from "./recordings";

const PlayerView = dynamic(() => import("./player-view"), { ssr: false });

/** Between looks at the list while something is being recorded, in milliseconds. */
const lookMs = 3000;

interface Props {
  readonly session: string;
  readonly onClose: () => void;
}

/** What was recorded of the session's terminals: to play, keep or delete. */
export function RecordingsDialog({ session, onClose }: Props) {
  const [recordings] = useState(() => new Recordings(session, api));
  const { recordings: list } = useStore(recordings.state);
  const [playing, setPlaying] = useState<Recording | null>(null);
  const [deleting, setDeleting] = useState<Recording | null>(null);
  const [failure, setFailure] = useState("");
  const goesOn = list.some(({ active }) => active);

  useEffect(() => {
    recordings.refresh().catch((error: unknown) => report("Could not list the recordings", error));
  }, [recordings]);
  useEffect(() => {
    if (!goesOn) return;
    // The state keeps what went wrong, and a later look repeats it.
    const timer = setInterval(() => void recordings.refresh().catch(() => undefined), lookMs);
    return () => clearInterval(timer);
  }, [recordings, goesOn]);

  return (
    <>
      {playing ? (
        <Dialog key="player" title={`Terminal ${playing.terminal}, ${new Date(playing.started_at).toLocaleString()}`} size="wide" onClose={() => setPlaying(null)}>
          <PlayerView session={session} recording={playing} />
          <DialogActions>
            <Button className="mr-auto" onClick={() => setPlaying(null)}>
              <ArrowLeft size={14} aria-hidden /> All recordings
            </Button>
            <DownloadLink session={session} recording={playing} />
          </DialogActions>
        </Dialog>
      ) : (
        <Dialog key="list" title="Recordings" size="medium" onClose={onClose}>
          {failure !== "" && (
            <p role="alert" className="mt-2 text-[13px] text-bad">
              {failure}
            </p>
          )}
          <List
            session={session}
            recordings={recordings}
            onPlay={setPlaying}
            onStop={(recording) => {
              setFailure("");
              recordings.stop(recording).catch((error: unknown) => setFailure(failureText("It is not stopped", error)));
            }}
            onDelete={(recording) => {
              setFailure("");
              setDeleting(recording);
            }}
          />
          <DialogActions>
            <Button onClick={onClose}>Close</Button>
          </DialogActions>
        </Dialog>
      )}
      {deleting && (
        <Confirm
          title={`Delete the recording of terminal ${deleting.terminal}?`}
          action="Delete recording"
          onClose={() => setDeleting(null)}
          onConfirm={() => recordings.remove(deleting.id).catch((error: unknown) => setFailure(failureText("It is not deleted", error)))}
        >
          {deleting.active ? "It still goes on, and ends with this. " : ""}It cannot be brought back.
        </Confirm>
      )}
    </>
  );
}

interface ListProps {
  readonly session: string;
  readonly recordings: Recordings;
  readonly onPlay: (recording: Recording) => void;
  readonly onStop: (recording: Recording) => void;
  readonly onDelete: (recording: Recording) => void;
}

function List({ session, recordings, onPlay, onStop, onDelete }: ListProps) {
  const { status, recordings: list, error } = useStore(recordings.state);
  const now = useNow();
  if (status === "loading") return <div role="status" aria-label="Loading recordings" className="pulse mt-4 h-3 w-40 rounded bg-hover" />;
  if (status === "failed") {
    return (
      <p className="mt-3 text-[13px] text-bad">
        {error}{" "}
        <button type="button" className="font-medium text-accent-text hover:underline" onClick={() => void recordings.refresh().catch((failure: unknown) => report("Could not list the recordings", failure))}>
          Try again
        </button>
      </p>
    );
  }
  if (list.length === 0) {
    return (
      <div className="mt-4 flex flex-col items-center rounded-lg border border-dashed border-line-strong px-4 py-10 text-center">
        <Circle size={22} className="text-faint" aria-hidden />
        <h3 className="mt-2 font-semibold">No recordings yet</h3>
        <p className="mt-1 max-w-sm text-[13px] text-muted">Start one from the menu of a terminal. It keeps what the terminal shows, not what is typed, and goes on when you leave.</p>
      </div>
    );
  }
  return (
    <>
      {error !== "" && <p className="mt-2 text-[13px] text-warn">This list may be out of date. {error}</p>}
      <ul className="mt-3 max-h-[60vh] overflow-y-auto">
        {list.map((recording) => (
          <li key={recording.id} className="flex items-center gap-1 border-t border-line py-2 first:border-t-0">
            <div className="min-w-0 flex-1 leading-5">
              <p className="flex items-center gap-2 text-[13px] font-medium">
                <span className="truncate">Terminal {recording.terminal}</span>
                {recording.active && (
                  <span className="flex items-center gap-1.5 text-[12px] font-normal text-bad">
                    <span className="pulse size-2 rounded-full bg-bad" aria-hidden /> Recording
                  </span>
                )}
              </p>
              <p className="text-[12px] text-muted">
                <time dateTime={recording.started_at} title={new Date(recording.started_at).toLocaleString()}>
                  {formatAgo(recording.started_at, now)}
                </time>
                {" · "}
                {formatDuration(recording.duration)}
                {" · "}
                {formatBytes(recording.size)}
              </p>
              {recording.error !== "" && <p className="text-[12px] text-warn">Ended early: {recording.error}</p>}
            </div>
            {recording.active && (
              <IconButton label={`Stop recording terminal ${recording.terminal}`} onClick={() => onStop(recording)}>
                <Square size={13} fill="currentColor" aria-hidden />
              </IconButton>
            )}
            <IconButton label={`Play the recording of terminal ${recording.terminal}`} onClick={() => onPlay(recording)}>
              <Play size={15} aria-hidden />
            </IconButton>
            <DownloadLink session={session} recording={recording} icon />
            <IconButton label={`Delete the recording of terminal ${recording.terminal}`} onClick={() => onDelete(recording)}>
              <Trash2 size={15} aria-hidden />
            </IconButton>
          </li>
        ))}
      </ul>
    </>
  );
}

function DownloadLink({ session, recording, icon = false }: { readonly session: string; readonly recording: Recording; readonly icon?: boolean }) {
  const label = `Download the recording of terminal ${recording.terminal}`;
  return (
    <a
      href={api.castURL(session, recording.id)}
      download
      aria-label={icon ? label : undefined}
      title={icon ? label : undefined}
      className={
        icon
          ? "inline-flex size-7 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text"
          : "inline-flex h-8 items-center gap-1.5 rounded-md border border-line-strong bg-raised px-3 text-[13px] font-medium hover:bg-hover"
      }
    >
      <Download size={icon ? 15 : 14} aria-hidden />
      {!icon && "Download"}
    </a>
  );
}
