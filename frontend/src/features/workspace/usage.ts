/** What an environment uses, from what the server told of it at two moments. */
import { formatBytes } from "@/lib/format";
import type { Status } from "@/lib/schemas";

export interface Look {
  /** In milliseconds, of any clock that only goes on. */
  readonly at: number;
  /** Which start of the environment this is of. */
  readonly since: string;
  readonly environment: NonNullable<Status["environment"]>;
}

/** "120 MB of 512 MB"; "" while it is not known. */
export function memoryText({ environment }: Look): string {
  const { memory_bytes: used, memory_limit_bytes: most } = environment;
  if (used === 0) return "";
  return most === 0 ? formatBytes(used) : `${formatBytes(used)} of ${formatBytes(most)}`;
}

/** "CPU 12 %" of one core, between two looks at the same environment; "" where there are no two. */
export function cpuText(before: Look | null, now: Look): string {
  if (before?.since !== now.since || now.at <= before.at) return "";
  const seconds = now.environment.cpu_seconds - before.environment.cpu_seconds;
  return `CPU ${Math.max(0, Math.round((seconds * 100_000) / (now.at - before.at)))} %`;
}
