/** What can be done in a workspace, as commands: docs and README list their keys. */
import type { Command } from "@/features/commands/commands";
import { report, signOut } from "@/features/session/sign-out";
import { isRunnable } from "@/features/run/command-line";
import type { Rights } from "@/features/sharing/rights";
import { lead } from "@/hooks/lead";
import { api } from "@/lib/api";
import { changeSettings } from "@/lib/settings";
import { theme } from "@/lib/theme";
import { inform } from "@/lib/toasts";
import type { Workspace } from "./workspace";

/** What the page alone can show. */
export interface PageActions {
  readonly run: () => void;
  readonly runWithArguments: () => void;
  readonly share: () => void;
  readonly recordings: () => void;
  readonly settings: () => void;
}

export function workspaceCommands(workspace: Workspace, rights: Rights, page: PageActions): Command[] {
  return [
    ...quickCommands(workspace, rights),
    ...viewCommands(workspace, rights),
    ...(rights.files ? fileCommands(workspace, rights) : []),
    ...terminalCommands(workspace, rights),
    ...sessionCommands(workspace, rights, page),
  ];
}

/** The editor's own commands, by the names that it gives them. Those that this page has in another form are left out. */
export function editorCommands(workspace: Workspace): Command[] {
  const others = new Set(["editor.action.quickCommand", "editor.action.gotoLine", "editor.action.formatDocument"]);
  return (workspace.documents.view?.actions() ?? [])
    .filter(({ id }) => !others.has(id))
    .map(({ id, label, run }) => ({
      id,
      title: `Editor: ${label}`,
      run: () => {
        workspace.documents.view?.focus();
        run();
      },
    }));
}

function quickCommands(workspace: Workspace, rights: Rights): Command[] {
  const { commands, quick } = workspace;
  const palette = ["F1", "Mod+Shift+P"];
  return [
    { id: "quick.commands", title: "Show All Commands", keys: palette, inTerminal: palette, hidden: true, run: () => quick.set({ text: ">" }) },
    {
      id: "quick.file",
      title: "Go to File…",
      keys: ["Mod+P"],
      // Ctrl+P is a terminal's; Command is not.
      inTerminal: commands.apple ? ["Mod+P"] : [],
      when: () => rights.files,
      run: () => quick.set({ text: "" }),
    },
    { id: "quick.line", title: "Go to Line…", keys: ["Ctrl+G"], when: () => workspace.documents.view !== null, run: () => quick.set({ text: ":" }) },
  ];
}

/** Beside each other; on a narrow screen one pane has all of it. */
function wide(): boolean {
  return window.matchMedia("(min-width: 768px)").matches;
}

function viewCommands({ layout, documents, terminals, search, history }: Workspace, rights: Rights): Command[] {
  /** Begins with what is selected in the editor, if the keys come from there. */
  const find = (replace: boolean) => {
    const editing = document.activeElement?.closest(".monaco-editor") != null;
    layout.show("search");
    search.ask({ text: editing ? (documents.view?.selected() ?? "") : "", replace });
  };
  const focusTerminal = () => {
    lead(
      () => layout.show("terminal"),
      () => terminals.state.get().active?.screen.focus(),
    );
  };
  const files: Command[] = [
    {
      id: "view.files",
      title: "View: Show Files",
      keys: ["Mod+Shift+E"],
      run: () => {
        lead(
          () => layout.show("files"),
          () => document.querySelector<HTMLElement>('[role="tree"][aria-label="Files"]')?.focus(),
        );
      },
    },
    {
      id: "history.all",
      title: "History: What Was Changed in All Files",
      run: () => {
        history.choose("all", "");
        layout.show("history");
      },
    },
    {
      id: "history.deleted",
      title: "History: Deleted Files",
      run: () => {
        history.choose("deleted", "");
        layout.show("history");
      },
    },
    { id: "search.find", title: "Search: Find in Files", keys: ["Mod+Shift+F"], run: () => find(false) },
    { id: "search.replace", title: "Search: Replace in Files", keys: ["Mod+Shift+H"], when: () => rights.change, run: () => find(true) },
    { id: "view.side", title: "View: Toggle the Side Bar", keys: ["Mod+B"], when: wide, run: () => layout.toggleSide() },
    { id: "view.terminal", title: "View: Toggle the Terminal", keys: ["Mod+J"], when: wide, run: () => layout.toggleTerminal() },
    {
      id: "view.editor",
      title: "View: Focus the Editor",
      keys: ["Mod+1"],
      run: () => {
        const [first] = documents.state.get().groups;
        lead(
          () => {
            layout.show("editor");
            if (first) documents.focusGroup(first.id);
          },
          () => documents.view?.focus(),
        );
      },
    },
  ];
  return [
    ...(rights.files ? files : []),
    { id: "terminal.focus", title: "Terminal: Focus", keys: ["Ctrl+`"], run: focusTerminal },
    {
      id: "view.theme",
      title: "View: Switch Between the Light and the Dark Theme",
      run: () => changeSettings({ theme: theme.get() === "light" ? "dark" : "light" }),
    },
  ];
}

function copy(text: string, done: string): void {
  navigator.clipboard.writeText(text).then(
    () => inform(done),
    (error: unknown) => report("Could not copy", error),
  );
}

function fileCommands(workspace: Workspace, rights: Rights): Command[] {
  const { id, documents, files, layout } = workspace;
  const active = () => documents.state.get().active;
  return [
    { id: "file.saveAll", title: "File: Save All", when: () => rights.change && documents.unsaved.get() > 0, run: () => void documents.saveAll() },
    {
      id: "file.autosave",
      title: "File: Toggle Autosave",
      when: () => rights.change,
      run: () => {
        documents.autosave.update((on) => !on);
        inform(`Autosave is ${documents.autosave.get() ? "on" : "off"}.`);
      },
    },
    { id: "history.file", title: "History: Versions of the Open File", when: () => active() !== null, run: () => workspace.showHistory(active()?.path ?? "") },
    { id: "file.copyPath", title: "File: Copy Path", when: () => active() !== null, run: () => copy(active()?.path ?? "", "Path copied.") },
    {
      id: "file.copyLink",
      title: "File: Copy Link to This Line",
      when: () => documents.view !== null,
      run: () => {
        const query = new URLSearchParams({ id, file: active()?.path ?? "", line: String(documents.view?.place().line ?? 1) });
        copy(`${window.location.origin}/workspace/?${query}`, "Link copied. It opens this line for whoever may see this session.");
      },
    },
    {
      id: "file.reveal",
      title: "File: Reveal the Open File in the Tree",
      when: () => active() !== null,
      run: () => {
        layout.show("files");
        files.reveal(active()?.path ?? "");
      },
    },
    {
      id: "file.follow",
      title: "File: Toggle Showing the Open File in the Tree",
      run: () => {
        files.follow.update((on) => !on);
        inform(files.follow.get() ? "The tree follows the open file." : "The tree stays where it is when a file is opened.");
      },
    },
    {
      id: "file.filter",
      title: "File: Filter the Tree by Name",
      run: () => {
        layout.show("files");
        files.filter.update((now) => now ?? "");
      },
    },
    { id: "file.undo", title: "File: Bring Back What Was Deleted Last", when: () => rights.change && files.undo.get() !== null, run: () => files.undo.get()?.() },
    { id: "file.collapse", title: "File: Collapse All Folders", run: () => files.collapseAll() },
    { id: "file.refresh", title: "File: Refresh the Tree", run: () => void files.load() },
    { id: "file.download", title: "File: Download All as Zip", run: () => window.location.assign(api.archiveURL(id)) },
  ];
}

function terminalCommands({ terminals, layout }: Workspace, rights: Rights): Command[] {
  return [
    {
      id: "terminal.new",
      title: "Terminal: New",
      keys: ["Ctrl+Shift+`"],
      when: () => rights.change,
      run: () => {
        lead(
          () => {
            layout.show("terminal");
            terminals.open();
          },
          () => terminals.state.get().active?.screen.focus(),
        );
      },
    },
    {
      id: "terminal.split",
      title: "Terminal: Split",
      keys: ["Ctrl+Shift+5"],
      inTerminal: ["Ctrl+Shift+5"],
      when: () => rights.change && terminals.state.get().active !== null && terminals.canSplit,
      run: () => {
        const { active } = terminals.state.get();
        if (!active) return;
        layout.show("terminal");
        void terminals.split(active).then(({ screen }) => lead(() => undefined, () => screen.focus()));
      },
    },
    // With nothing beside it, these keys are the program's.
    ...([-1, 1] as const).map((by) => ({
      id: by < 0 ? "terminal.left" : "terminal.right",
      title: by < 0 ? "Terminal: Focus the One to the Left" : "Terminal: Focus the One to the Right",
      inTerminal: [by < 0 ? "Alt+ArrowLeft" : "Alt+ArrowRight"],
      when: () => terminals.neighbour(by) !== null,
      run: () => {
        const next = terminals.neighbour(by);
        if (!next) return;
        lead(
          () => {
            layout.show("terminal");
            terminals.activate(next);
          },
          () => next.screen.focus(),
        );
      },
    })),
  ];
}

function sessionCommands(workspace: Workspace, rights: Rights, page: PageActions): Command[] {
  const runnable = () => {
    const { active } = workspace.documents.state.get();
    return active !== null && isRunnable(active.path);
  };
  return [
    { id: "run.file", title: "Run: Run the Open File", keys: ["Mod+Enter", "Ctrl+Enter"], when: () => rights.change && runnable(), run: page.run },
    { id: "run.arguments", title: "Run: Run the Open File With Arguments…", when: () => rights.change && runnable(), run: page.runWithArguments },
    { id: "file.format", title: "File: Format", keys: ["Alt+Shift+F"], when: () => rights.change && workspace.documents.state.get().active?.buffer !== undefined, run: () => void workspace.format() },
    { id: "run.stop", title: "Run: Stop", keys: ["Shift+F5"], inTerminal: ["Shift+F5"], when: () => rights.change && workspace.runner.state.get().kind === "running", run: () => workspace.runner.stop() },
    { id: "session.share", title: "Session: Share…", when: () => rights.owner, run: page.share },
    { id: "session.recordings", title: "Session: Recordings…", when: () => rights.owner, run: page.recordings },
    {
      id: "session.stop",
      title: "Session: Stop",
      when: () => rights.owner && workspace.phase.get()?.phase === "ready",
      run: () => void workspace.stop(),
    },
    { id: "settings.open", title: "Preferences: Settings", keys: ["Mod+,"], run: page.settings },
    { id: "settings.contrast", title: "Preferences: High Contrast Theme", run: () => changeSettings({ theme: "contrast" }) },
    { id: "settings.account", title: "Preferences: Account", run: () => window.location.assign("/account/") },
    { id: "session.all", title: "Session: All Sessions", run: () => window.location.assign("/dashboard/") },
    { id: "session.signOut", title: "Preferences: Sign Out", run: () => void signOut() },
  ];
}
