import type { Watcher } from "@/lib/schemas";

/** Someone who has a terminal open, in however many windows. */
export interface Person {
  readonly name: string;
  readonly writes: boolean;
  /** At least one of the windows is in sight. */
  readonly visible: boolean;
  readonly windows: number;
  readonly you: boolean;
}

/** The people behind the viewers: who writes first, then by name; oneself last. */
export function peopleOf(watchers: readonly Watcher[], me: string): Person[] {
  const people = new Map<string, Person>();
  for (const { name, mode, visible } of watchers) {
    if (name === "") continue;
    const before = people.get(name);
    people.set(name, {
      name,
      writes: (before?.writes ?? false) || mode === "write",
      visible: (before?.visible ?? false) || visible,
      windows: (before?.windows ?? 0) + 1,
      you: name === me,
    });
  }
  return [...people.values()].sort((a, b) => Number(a.you) - Number(b.you) || Number(b.writes) - Number(a.writes) || a.name.localeCompare(b.name));
}

/** One or two letters for a name: "ada" → "A", "grace.hopper" → "GH". */
export function initials(name: string): string {
  const parts = name.split(/[._\-\s]+/).filter(Boolean);
  const [first = "", second] = parts;
  return (second === undefined ? first.slice(0, 1) : first.slice(0, 1) + second.slice(0, 1)).toUpperCase();
}
