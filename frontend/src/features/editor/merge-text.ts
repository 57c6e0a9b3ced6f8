/** The text of a merge in which something may still be open, marked as version control systems do. */
import { chosenLines, type Choice, type Lines, type Merge } from "@/lib/merge";

export interface MergeLabels {
  readonly mine: string;
  readonly theirs: string;
}

const begin = "<<<<<<<";
const middle = "=======";
const end = ">>>>>>>";

/** The merged text; `choices` has one entry for each conflict, null while it is open. */
export function composed({ chunks, eol }: Merge, choices: readonly (Choice | null)[], labels: MergeLabels): string {
  let conflict = 0;
  const lines = chunks.flatMap((chunk): Lines => {
    if (chunk.kind !== "conflict") return chosenLines(chunk, "mine");
    const choice = choices[conflict++] ?? null;
    if (choice !== null) return chosenLines(chunk, choice);
    return [`${begin} ${labels.mine}`, ...chunk.mine, middle, ...chunk.theirs, `${end} ${labels.theirs}`];
  });
  return lines.join(eol);
}

/** Whether a marker that `composed` wrote is still there. */
export function hasMarkers(text: string, labels: MergeLabels): boolean {
  return text.split(/\r?\n/).some((line) => line === `${begin} ${labels.mine}` || line === `${end} ${labels.theirs}`);
}
