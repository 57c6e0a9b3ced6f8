"use client";

import { Pause, Play, RotateCcw } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Screen } from "@/features/terminal/xterm";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatDuration } from "@/lib/format";
import { errorText } from "@/lib/problem";
import type { Recording } from "@/lib/sharing";
import { parseCast } from "./cast";
import { Player, speeds } from "./player";

/** Of a row at the largest font, and of the whole screen at least, in pixels. */
const rowHeight = 16.5;
const minHeight = 160;
/** A step with the arrow keys, in seconds. */
const step = 5;

interface Props {
  readonly session: string;
  readonly recording: Recording;
}

/** Plays a recording. Loaded in the browser only: xterm.js needs one. */
export default function PlayerView({ session, recording }: Props) {
  const [attempt, setAttempt] = useState(0);
  return <Attempt key={attempt} session={session} recording={recording} onRetry={() => setAttempt(attempt + 1)} />;
}

function Attempt({ session, recording, onRetry }: Props & { readonly onRetry: () => void }) {
  const host = useRef<HTMLDivElement>(null);
  const [player, setPlayer] = useState<Player | null>(null);
  const [error, setError] = useState("");
  const rows = player?.rows ?? recording.rows;

  useEffect(() => {
    const aborted = new AbortController();
    let undo: (() => void) | undefined;
    const load = async () => {
      const [text] = await Promise.all([api.cast(session, recording.id, aborted.signal), document.fonts.load('13px "JetBrains Mono Variable"')]);
      if (aborted.signal.aborted || !host.current) return;
      const cast = parseCast(text);
      const screen = new Screen({ input: () => undefined, resized: () => undefined });
      screen.setViewOnly(true);
      const unmount = screen.mount(host.current);
      const encoder = new TextEncoder();
      const made = new Player(cast, {
        reset: () => screen.reset(),
        size: (cols, rows) => screen.size(cols, rows),
        // As a replay: what the recorded program asked its terminal was answered then.
        write: (data, done) => screen.write(encoder.encode(data), true, done),
      });
      undo = () => {
        made.dispose();
        unmount();
        screen.dispose();
      };
      setPlayer(made);
      made.play();
    };
    load().catch((failure: unknown) => {
      if (!aborted.signal.aborted) setError(errorText(failure));
    });
    return () => {
      aborted.abort();
      undo?.();
    };
  }, [session, recording.id]);

  const keyDown = (event: KeyboardEvent) => {
    if (!player || event.ctrlKey || event.metaKey || event.altKey) return;
    const control = event.target instanceof HTMLElement && event.target.closest("button, select") !== null;
    const { time } = player.state.get();
    if (event.key === " " && !control) player.toggle();
    else if (event.key === "ArrowLeft") player.seek(time - step);
    else if (event.key === "ArrowRight") player.seek(time + step);
    else if (event.key === "Home") player.seek(0);
    else if (event.key === "End") player.seek(player.cast.duration);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    // The keys are those of the controls within, taken here so that they work from the screen too.
    <div role="group" aria-label="Player" className="mt-3 overflow-hidden rounded-lg border border-line" onKeyDownCapture={keyDown}>
      <div className="relative bg-bg p-2" style={{ height: `min(56vh, ${Math.max(minHeight, rows * rowHeight + 24)}px)` }}>
        <div ref={host} className="h-full w-full" />
        {!player && (
          <div role="status" className="absolute inset-0 flex flex-col items-center justify-center gap-3 p-4 text-[13px] text-muted">
            {error === "" ? (
              "Loading the recording…"
            ) : (
              <>
                <p className="text-bad">It cannot be played: {error}</p>
                <Button small onClick={onRetry}>
                  <RotateCcw size={13} aria-hidden /> Try again
                </Button>
              </>
            )}
          </div>
        )}
      </div>
      {player && <Controls player={player} />}
    </div>
  );
}

function Controls({ player }: { readonly player: Player }) {
  const { playing, time, speed } = useStore(player.state);
  const { duration } = player.cast;
  const ended = !playing && time >= duration;
  return (
    <div className="flex items-center gap-2 border-t border-line bg-panel px-2 py-1.5">
      <IconButton label={playing ? "Pause" : ended ? "Play again" : "Play"} onClick={() => player.toggle()}>
        {playing ? <Pause size={15} fill="currentColor" aria-hidden /> : ended ? <RotateCcw size={15} aria-hidden /> : <Play size={15} fill="currentColor" aria-hidden />}
      </IconButton>
      <span className="shrink-0 text-[12px] text-muted tabular-nums">
        {formatDuration(time)} / {formatDuration(duration)}
      </span>
      <input
        type="range"
        aria-label="Position"
        aria-valuetext={`${formatDuration(time)} of ${formatDuration(duration)}`}
        min={0}
        max={duration}
        step="any"
        value={time}
        onChange={(event) => player.seek(Number(event.target.value))}
        className="min-w-0 flex-1 accent-accent-text"
      />
      <select
        aria-label="Speed"
        value={speed}
        onChange={(event) => player.setSpeed(Number(event.target.value))}
        className="h-7 rounded-md border border-line-strong bg-bg px-1 text-[12px]"
      >
        {speeds.map((each) => (
          <option key={each} value={each}>
            {each}×
          </option>
        ))}
      </select>
    </div>
  );
}
