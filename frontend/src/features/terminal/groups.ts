/** Which terminals stand side by side, by the names of their tabs. One that is in no group stands alone. */
export type Groups = readonly (readonly string[])[];

/** More than these side by side are of no use. */
export const mostBeside = 4;

/** Those that are shown with a terminal, itself among them. */
export function groupOf(groups: Groups, name: string): readonly string[] {
  return groups.find((group) => group.includes(name)) ?? [name];
}

/** Takes a terminal out of its group. */
export function apart(groups: Groups, name: string): Groups {
  return groups.map((group) => group.filter((each) => each !== name)).filter((group) => group.length > 1);
}

/** Puts `other` at the right of `name`, unless there are too many already. */
export function beside(groups: Groups, name: string, other: string): Groups {
  if (name === other) return groups;
  const rest = apart(groups, other);
  const group = groupOf(rest, name);
  if (group.length >= mostBeside) return groups;
  const at = group.indexOf(name) + 1;
  const grown = [...group.slice(0, at), other, ...group.slice(at)];
  return [...rest.filter((each) => !each.includes(name)), grown];
}
