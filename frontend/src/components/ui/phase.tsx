import type { Phase } from "@/lib/schemas";

const looks: Readonly<Record<Phase, { label: string; color: string; moves: boolean }>> = {
  stopped: { label: "Stopped", color: "text-faint", moves: false },
  starting: { label: "Starting", color: "text-busy", moves: true },
  restoring: { label: "Restoring files", color: "text-busy", moves: true },
  ready: { label: "Running", color: "text-ok", moves: false },
  stopping: { label: "Stopping", color: "text-warn", moves: true },
  failed: { label: "Failed", color: "text-bad", moves: false },
};

export function phaseLabel(phase: Phase): string {
  return looks[phase].label;
}

interface Props {
  readonly phase: Phase;
  readonly reason?: string;
  /** In the queue of those that wait for others to stop; 0: it does not wait. */
  readonly place?: number;
}

/** A session's phase: a dot and a word. */
export function PhaseBadge({ phase, reason = "", place = 0 }: Props) {
  const { color, moves } = looks[phase];
  const label = place > 0 ? `Waiting, place ${place}` : looks[phase].label;
  return (
    <span className="inline-flex items-center gap-1.5 text-[12px] whitespace-nowrap text-muted" title={reason || undefined}>
      <span className={`size-2 rounded-full bg-current ${color} ${moves ? "pulse" : ""} ${phase === "stopped" ? "opacity-60" : ""}`} aria-hidden />
      <span className="phase-word">{label}</span>
    </span>
  );
}
