/**
 * asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/): a line of JSON about the recording, then a line for
 * each event, `[seconds, code, data]`. What a terminal shows needs the output ("o") and the resizes ("r").
 */
import * as z from "zod/mini";

const headerSchema = z.object({ version: z.literal(2), width: z.int().check(z.positive()), height: z.int().check(z.positive()) });
const eventSchema = z.tuple([z.number(), z.string(), z.string()]);

export type CastEvent =
  /** `time` is in seconds from the start, pauses shortened. */
  | { readonly time: number; readonly kind: "output"; readonly data: string }
  | { readonly time: number; readonly kind: "size"; readonly cols: number; readonly rows: number };

export interface Cast {
  readonly cols: number;
  readonly rows: number;
  readonly events: readonly CastEvent[];
  /** In seconds, pauses shortened. */
  readonly duration: number;
}

/** The longest time in which nothing happens, in seconds: longer pauses are shortened to it. */
const longestPause = 2;

/** Parses a recording. One that still goes on may end in half a line, which is left out. */
export function parseCast(text: string): Cast {
  const lines = text.split("\n");
  const { width: cols, height: rows } = headerSchema.parse(JSON.parse(lines[0] ?? ""));
  const events: CastEvent[] = [];
  let before = 0;
  let time = 0;
  lines.slice(1).forEach((line, index) => {
    if (line.trim() === "") return;
    const event = parseEvent(line, index + 2 === lines.length);
    if (!event) return;
    const [at, code, data] = event;
    time += Math.min(longestPause, Math.max(0, at - before));
    before = Math.max(before, at);
    const size = code === "r" ? /^(\d+)x(\d+)$/.exec(data) : null;
    if (code === "o") events.push({ time, kind: "output", data });
    else if (size) events.push({ time, kind: "size", cols: Number(size[1]), rows: Number(size[2]) });
  });
  return { cols, rows, events, duration: time };
}

function parseEvent(line: string, last: boolean): z.infer<typeof eventSchema> | null {
  try {
    return eventSchema.parse(JSON.parse(line));
  } catch (error) {
    if (last) return null;
    throw error;
  }
}
