/** Tabs beside each other: which are in a group, in which order, which is shown. Values that are replaced, never changed. */

export interface Group<T> {
  readonly id: number;
  /** Those that are pinned come first. */
  readonly tabs: readonly T[];
  readonly active: T | null;
  /** Only looked at: the next file that is looked at takes its place. */
  readonly preview: T | null;
  readonly pinned: ReadonlySet<T>;
}

export function emptyGroup<T>(id: number): Group<T> {
  return { id, tabs: [], active: null, preview: null, pinned: new Set() };
}

/** Shows a tab, which is added after the one that is shown when it is not there; what it replaces is answered too. */
export function showTab<T>(group: Group<T>, tab: T, preview: boolean): { readonly group: Group<T>; readonly replaced: T | null } {
  if (group.tabs.includes(tab)) {
    return { group: { ...group, active: tab, preview: group.preview === tab && !preview ? null : group.preview }, replaced: null };
  }
  const replaced = preview ? group.preview : null;
  const at = replaced === null ? -1 : group.tabs.indexOf(replaced);
  const tabs = [...group.tabs];
  if (at >= 0) tabs.splice(at, 1, tab);
  else tabs.splice(firstFree(group, group.active === null ? tabs.length : tabs.indexOf(group.active) + 1), 0, tab);
  return { group: { ...group, tabs, active: tab, preview: preview ? tab : group.preview }, replaced: at >= 0 ? replaced : null };
}

export function removeTab<T>(group: Group<T>, tab: T): Group<T> {
  const index = group.tabs.indexOf(tab);
  if (index < 0) return group;
  const tabs = group.tabs.filter((each) => each !== tab);
  const pinned = new Set(group.pinned);
  pinned.delete(tab);
  return {
    ...group, tabs, pinned,
    active: group.active === tab ? (tabs[Math.min(index, tabs.length - 1)] ?? null) : group.active,
    preview: group.preview === tab ? null : group.preview,
  };
}

export function keepTab<T>(group: Group<T>, tab: T): Group<T> {
  return group.preview === tab ? { ...group, preview: null } : group;
}

/** Moves a tab to a place, counted from 0; pinned tabs stay among the pinned, and others among the others. */
export function moveTab<T>(group: Group<T>, tab: T, to: number): Group<T> {
  if (!group.tabs.includes(tab)) return group;
  const rest = group.tabs.filter((each) => each !== tab);
  const pins = rest.filter((each) => group.pinned.has(each)).length;
  const place = group.pinned.has(tab) ? Math.min(to, pins) : Math.max(to, pins);
  const tabs = [...rest];
  tabs.splice(Math.max(0, Math.min(place, rest.length)), 0, tab);
  return { ...keepTab(group, tab), tabs };
}

/** Pins a tab behind the others that are, or lets it go before the others that are not. */
export function pinTab<T>(group: Group<T>, tab: T, on: boolean): Group<T> {
  if (!group.tabs.includes(tab) || group.pinned.has(tab) === on) return group;
  const pinned = new Set(group.pinned);
  if (on) pinned.add(tab);
  else pinned.delete(tab);
  return moveTab({ ...group, pinned }, tab, on ? pinned.size - 1 : pinned.size);
}

export type Several = "others" | "right" | "saved" | "all";

/** The tabs that are meant, as seen from one; a pinned one goes only with all. */
export function several<T>(group: Group<T>, from: T, which: Several, isSaved: (tab: T) => boolean): T[] {
  const at = group.tabs.indexOf(from);
  const meant: Record<Several, (tab: T, index: number) => boolean> = {
    others: (tab) => tab !== from && !group.pinned.has(tab),
    right: (tab, index) => index > at && !group.pinned.has(tab),
    saved: (tab) => isSaved(tab) && !group.pinned.has(tab),
    all: () => true,
  };
  return group.tabs.filter(meant[which]);
}

function firstFree<T>(group: Group<T>, wanted: number): number {
  return Math.max(wanted, group.pinned.size);
}
