import type { ReactNode } from "react";

interface Props {
  readonly text: string;
  /** Indices into the whole text, ascending. */
  readonly at: readonly number[];
  /** The part of the text that is shown. */
  readonly from?: number;
  readonly to?: number;
}

/** A text, or a part of it, with the characters marked that were found. */
export function Highlighted({ text, at, from = 0, to = text.length }: Props) {
  const parts: ReactNode[] = [];
  let begin = from;
  for (let i = 0; i < at.length; i++) {
    const start = at[i] ?? 0;
    if (start < from || start >= to) continue;
    let end = start + 1;
    while (i + 1 < at.length && at[i + 1] === end && end < to) {
      end++;
      i++;
    }
    if (start > begin) parts.push(text.slice(begin, start));
    parts.push(
      <mark key={start} className="bg-transparent font-semibold text-accent-text">
        {text.slice(start, end)}
      </mark>,
    );
    begin = end;
  }
  parts.push(text.slice(begin, to));
  return <>{parts}</>;
}
