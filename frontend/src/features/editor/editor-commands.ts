/** What can be done with the open files, as commands. Browsers keep Ctrl+W, Ctrl+Tab and Ctrl+Shift+T; these have others. */
import type { Command } from "@/features/commands/commands";
import { previewKind } from "@/features/viewers/kind";
import { lead } from "@/hooks/lead";
import { changeSettings, fontSizes, settings } from "@/lib/settings";
import { complain, inform } from "@/lib/toasts";
import type { Document } from "./document";
import { mostGroups, type Documents, type TabGroup } from "./documents";

interface Doing {
  readonly readOnly: boolean;
  /** Closes tabs of a group, after asking about what is not saved. */
  readonly close: (group: number, tabs: readonly Document[]) => void;
}

export function editorTabCommands(documents: Documents, { readOnly, close }: Doing): Command[] {
  const state = () => documents.state.get();
  const shown = (): { group: TabGroup; tab: Document } | null => {
    const group = state().groups.find(({ id }) => id === state().group);
    return group?.active ? { group, tab: group.active } : null;
  };
  const open = () => shown() !== null;
  const withShown = (run: (now: { group: TabGroup; tab: Document }) => void) => {
    const now = shown();
    if (now) run(now);
  };
  const several = (which: "others" | "right" | "saved" | "all") => () => {
    const now = shown();
    if (now) close(now.group.id, documents.several(now.tab, now.group.id, which));
  };
  const step = (by: number) => {
    const now = shown();
    if (!now) return;
    const { tabs } = now.group;
    const next = tabs[(tabs.indexOf(now.tab) + by + tabs.length) % tabs.length];
    if (next) documents.activate(next, now.group.id);
  };
  const shift = (by: number) => {
    const now = shown();
    if (now) documents.move(now.tab, now.group.id, now.group.id, Math.max(0, now.group.tabs.indexOf(now.tab) + by));
  };
  const toGroup = (by: number) => {
    const now = shown();
    const { groups } = state();
    const next = now && groups[(groups.indexOf(now.group) + by + groups.length) % groups.length];
    if (now && next) documents.move(now.tab, now.group.id, next.id, next.tabs.length);
  };
  const focus = (index: number) => {
    const group = state().groups[index];
    lead(
      () => {
        // VS Code's: the key of the next group makes it.
        if (group) documents.focusGroup(group.id);
        else if (index === state().groups.length) documents.split();
      },
      () => documents.view?.focus(),
    );
  };
  const togglePreview = () => {
    const now = shown();
    now?.tab.viewIn(now.group.id).update((view) => (view === "source" ? "preview" : "source"));
  };
  const previewBeside = () => {
    const now = shown();
    if (!now) return;
    now.tab.viewIn(now.group.id).set("source");
    documents.open(now.tab.path, { beside: now.tab.path });
    const beside = state().groups.find((group) => group.id !== now.group.id && group.active === now.tab);
    if (beside) now.tab.viewIn(beside.id).set("preview");
  };
  const hasPreview = () => previewKind(shown()?.tab.path ?? "") !== null;
  const many = () => state().groups.length > 1;
  return [
    // Without a file or the right to change one, the key does nothing: the browser would save the page.
    { id: "file.save", title: "File: Save", keys: ["Mod+S"], hidden: readOnly, run: () => void save(state().active, readOnly) },
    { id: "file.close", title: "File: Close", keys: ["Alt+Shift+W"], when: open, run: () => withShown(({ group, tab }) => close(group.id, [tab])) },
    { id: "file.closeOthers", title: "File: Close Others", when: open, run: several("others") },
    { id: "file.closeRight", title: "File: Close to the Right", when: open, run: several("right") },
    { id: "file.closeSaved", title: "File: Close Saved", when: open, run: several("saved") },
    { id: "file.closeAll", title: "File: Close All", when: open, run: several("all") },
    { id: "file.reopen", title: "File: Reopen the Closed File", keys: ["Alt+Shift+T"], when: () => documents.canReopen, run: () => documents.reopen() },
    {
      id: "tab.pin",
      title: "View: Pin or Unpin the Tab",
      when: open,
      run: () => withShown(({ group, tab }) => documents.pin(tab, group.id, !group.pinned.has(tab))),
    },
    { id: "tab.keep", title: "View: Keep the Previewed File Open", when: open, run: () => withShown(({ tab }) => documents.keep(tab)) },
    { id: "tab.next", title: "View: Next Open File", keys: ["Alt+PageDown"], when: open, run: () => step(1) },
    { id: "tab.previous", title: "View: Previous Open File", keys: ["Alt+PageUp"], when: open, run: () => step(-1) },
    { id: "tab.right", title: "View: Move the Tab Right", keys: ["Alt+Shift+PageDown"], when: open, run: () => shift(1) },
    { id: "tab.left", title: "View: Move the Tab Left", keys: ["Alt+Shift+PageUp"], when: open, run: () => shift(-1) },
    { id: "group.split", title: "View: Split the Editor", keys: ["Mod+\\"], when: () => open() && state().groups.length < mostGroups, run: () => documents.split() },
    { id: "group.second", title: "View: Focus the Second Group", keys: ["Mod+2"], when: open, run: () => focus(1) },
    { id: "group.third", title: "View: Focus the Third Group", keys: ["Mod+3"], when: many, run: () => focus(2) },
    { id: "group.moveRight", title: "View: Move the File to the Next Group", when: many, run: () => toGroup(1) },
    { id: "group.moveLeft", title: "View: Move the File to the Previous Group", when: many, run: () => toGroup(-1) },
    { id: "editor.wrap", title: "Editor: Toggle Word Wrap", keys: ["Alt+Z"], run: () => toggle("wordWrap", "Long lines are wrapped.", "Long lines are not wrapped.") },
    { id: "editor.minimap", title: "Editor: Toggle the Minimap", run: () => toggle("minimap", "The minimap is shown.", "The minimap is hidden.") },
    { id: "editor.detect", title: "Editor: Toggle Taking the Indentation From the File", run: () => toggle("detectIndentation", "Indentation is taken from each file.", "Indentation is the same in all files.") },
    { id: "editor.larger", title: "Editor: Larger Font", run: () => stepFont(1) },
    { id: "editor.smaller", title: "Editor: Smaller Font", run: () => stepFont(-1) },
    { id: "preview.toggle", title: "View: Switch Between Source and Preview", keys: ["Mod+Shift+V"], when: hasPreview, run: togglePreview },
    { id: "preview.beside", title: "View: Preview Beside the Source", when: hasPreview, run: previewBeside },
  ];
}

function toggle(what: "wordWrap" | "minimap" | "detectIndentation", on: string, off: string): void {
  changeSettings({ [what]: !settings.get()[what] });
  inform(settings.get()[what] ? on : off);
}

function stepFont(by: number): void {
  const { least, most } = fontSizes;
  changeSettings({ fontSize: Math.min(most, Math.max(least, settings.get().fontSize + by)) });
}

async function save(tab: Document | null, readOnly: boolean): Promise<void> {
  if (!tab || readOnly || (await tab.save())) return;
  const { save: state, error } = tab.state.get();
  if (state !== "conflict") complain(`${tab.path} is not saved${error ? `: ${error}` : ""}`);
}
