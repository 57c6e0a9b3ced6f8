"use client";

import { Code, Files, History, Search, SquareTerminal } from "lucide-react";
import dynamic from "next/dynamic";
import { useSearchParams } from "next/navigation";
import { useCallback, useEffect, useState, type ReactNode } from "react";
import { Split } from "@/components/ui/split";
import { EditorPane } from "@/features/editor/editor-pane";
import { refuseElsewhere } from "@/features/files/dropped";
import { FilePane } from "@/features/files/file-pane";
import { QuickInput } from "@/features/quick/quick-input";
import { ArgumentsDialog } from "@/features/run/run-controls";
import { SearchPane } from "@/features/search/search-pane";
import { AccessEnded } from "@/features/sharing/access-ended";
import { GuestBanner } from "@/features/sharing/guest-banner";
import type { Rights } from "@/features/sharing/rights";
import { TerminalAside } from "@/features/sharing/terminal-aside";
import { TerminalPane } from "@/features/terminal/terminal-pane";
import { Screen } from "@/features/terminal/xterm";
import { useMedia } from "@/hooks/use-media";
import { useStore } from "@/hooks/use-store";
import { useUser } from "@/hooks/use-user";
import { leaveForDashboard } from "./access";
import { ActivityBar } from "./activity-bar";
import { BrakeBanner } from "./brake-banner";
import { StopBanner } from "./stop-banner";
import { targetOf } from "./target";
import { StatusBar } from "./status-bar";
import { TopBar } from "./top-bar";
import { Workspace } from "./workspace";
import { editorCommands, workspaceCommands } from "./workspace-commands";

// Not asked for at first: they come when they are. Without `ssr: false` or `loading` all of the page would be hidden until then.
const HistoryPane = dynamic(() => import("@/features/history/history-pane").then((module) => module.HistoryPane), {
  loading: () => <div className="min-h-0 flex-1 bg-panel" />,
});
const RecordingsDialog = dynamic(() => import("@/features/recording/recordings-dialog").then((module) => module.RecordingsDialog), { ssr: false });
const ShareDialog = dynamic(() => import("@/features/sharing/share-dialog").then((module) => module.ShareDialog), { ssr: false });
const SettingsDialog = dynamic(() => import("./settings-dialog").then((module) => module.SettingsDialog), { ssr: false });

/** The session that the address names. Loaded in the browser only: xterm.js needs one. */
export default function WorkspacePage() {
  const query = useSearchParams();
  const id = query.get("id") ?? "";
  // What the address named when the page was opened.
  const [target] = useState(() => targetOf(query));
  const [workspace, setWorkspace] = useState<Workspace | null>(null);
  useEffect(() => {
    if (id === "") {
      leaveForDashboard("The address names no session.");
      return;
    }
    const opened = new Workspace(id, (handlers) => new Screen(handlers), target);
    const close = opened.open();
    let left = false;
    // The terminal measures its cells once: the font has to be there before it is shown.
    void document.fonts.load('13px "JetBrains Mono Variable"').finally(() => {
      if (!left) setWorkspace(opened);
    });
    return () => {
      left = true;
      close();
      setWorkspace(null);
    };
  }, [id, target]);
  if (!workspace) return <div className="h-full bg-bg" />;
  return <Entered key={workspace.id} workspace={workspace} />;
}

/** What is shown depends on what the user may do, which the server says first. */
function Entered({ workspace }: { readonly workspace: Workspace }) {
  const rights = useStore(workspace.rights);
  const session = useStore(workspace.session);
  const ended = useStore(workspace.access.ended);
  const unsaved = useStore(workspace.documents.unsaved);
  if (ended !== "") return <AccessEnded name={session?.name ?? ""} reason={ended} unsaved={unsaved} />;
  if (!rights) return <div className="h-full bg-bg" />;
  return <Open workspace={workspace} rights={rights} />;
}

type Dialogs =
  | { readonly what: "share"; readonly terminal: string }
  | { readonly what: "arguments"; readonly path: string }
  | { readonly what: "recordings" }
  | { readonly what: "settings" };

function Open({ workspace, rights }: { readonly workspace: Workspace; readonly rights: Rights }) {
  const user = useUser();
  const [dialog, setDialog] = useState<Dialogs | null>(null);
  const narrow = useMedia("(max-width: 767px)");
  const { layout, commands } = workspace;
  const { pane, side, sideOpen, terminalOpen } = useStore(layout.state);
  const beside = narrow ? pane : side;
  const quick = useStore(workspace.quick);
  const unsaved = useStore(workspace.documents.unsaved);

  const run = useCallback(() => {
    if (!rights.change) return;
    void workspace.run().then((typed) => {
      if (typed) layout.show("terminal");
    });
  }, [workspace, rights, layout]);

  useEffect(() => {
    const runWithArguments = () => setDialog({ what: "arguments", path: workspace.documents.state.get().active?.path ?? "" });
    const share = () => setDialog({ what: "share", terminal: "" });
    const undo = [
      commands.register(...workspaceCommands(workspace, rights, {
        run, runWithArguments, share, recordings: () => setDialog({ what: "recordings" }), settings: () => setDialog({ what: "settings" }),
      })),
      commands.registerSource(() => editorCommands(workspace)),
      commands.listen(window),
    ];
    return () => undo.forEach((each) => each());
  }, [workspace, rights, run, commands]);

  useEffect(() => refuseElsewhere(window), []);

  useEffect(() => {
    if (unsaved === 0) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [unsaved]);

  const files = <FilePane session={workspace.id} files={workspace.files} uploads={workspace.uploads} documents={workspace.documents} readOnly={!rights.change} onOpen={() => layout.show("editor")} onHistory={(path) => workspace.showHistory(path)} />;
  const search = <SearchPane search={workspace.search} files={workspace.files} readOnly={!rights.change} onOpen={(path, place) => workspace.openAt(path, place)} />;
  const history = (
    <HistoryPane session={workspace.id} history={workspace.history} documents={workspace.documents} readOnly={!rights.change} shown={narrow ? pane === "history" : sideOpen && side === "history"} />
  );
  const editor = <EditorPane session={workspace.id} commands={commands} documents={workspace.documents} files={workspace.files} readOnly={!rights.change} />;
  const aside = (
    <TerminalAside
      session={workspace.id}
      terminals={workspace.terminals}
      rights={rights}
      me={user?.username ?? ""}
      onShare={(name) => setDialog({ what: "share", terminal: name })}
      onRecordings={() => setDialog({ what: "recordings" })}
    />
  );
  const terminal = <TerminalPane terminals={workspace.terminals} phase={workspace.phase} rights={rights} aside={aside} onGone={workspace.access.gone} />;

  return (
    <div className="flex h-dvh flex-col overflow-hidden">
      <TopBar workspace={workspace} rights={rights} user={user} onRun={run} onShare={() => setDialog({ what: "share", terminal: "" })} />
      <GuestBanner workspace={workspace} />
      {rights.owner && <BrakeBanner workspace={workspace} />}
      <StopBanner workspace={workspace} mayAsk={rights.change} />
      {/* One tree for both layouts, so that nothing that is open is lost when the window is made narrow or wide. */}
      <main className={`flex min-h-0 flex-1 ${narrow ? "flex-col" : ""}`}>
        {!rights.files ? (
          terminal
        ) : (
          <>
            {!narrow && <ActivityBar workspace={workspace} />}
            <Split
              label="Width of the side bar"
              storageKey="files"
              direction="row"
              sized="first"
              initial={240}
              min={160}
              rest={360}
              collapsed={!sideOpen}
              only={narrow ? (pane === "editor" || pane === "terminal" ? "second" : "first") : undefined}
              first={
                <>
                  <Shown when={beside === "files"}>{files}</Shown>
                  <Shown when={beside === "search"}>{search}</Shown>
                  <FromFirst when={beside === "history"}>{history}</FromFirst>
                </>
              }
              second={
                <Split
                  label="Height of the lower pane"
                  storageKey="terminal"
                  direction="column"
                  sized="second"
                  initial={280}
                  min={96}
                  rest={160}
                  collapsed={!terminalOpen}
                  only={narrow ? (pane === "terminal" ? "second" : "first") : undefined}
                  first={editor}
                  second={terminal}
                />
              }
            />
            {narrow && (
              <nav aria-label="Panes" className="grid h-12 shrink-0 grid-cols-5 border-t border-line bg-panel">
                <PaneButton label="Files" icon={<Files size={17} aria-hidden />} chosen={pane === "files"} onClick={() => layout.show("files")} />
                <PaneButton label="Search" icon={<Search size={17} aria-hidden />} chosen={pane === "search"} onClick={() => layout.show("search")} />
                <PaneButton label="History" icon={<History size={17} aria-hidden />} chosen={pane === "history"} onClick={() => layout.show("history")} />
                <PaneButton label="Editor" icon={<Code size={17} aria-hidden />} chosen={pane === "editor"} onClick={() => layout.show("editor")} />
                <PaneButton label="Shell" icon={<SquareTerminal size={17} aria-hidden />} chosen={pane === "terminal"} onClick={() => layout.show("terminal")} />
              </nav>
            )}
          </>
        )}
      </main>
      <StatusBar workspace={workspace} rights={rights} />
      {dialog?.what === "settings" && <SettingsDialog onClose={() => setDialog(null)} />}
      {dialog?.what === "share" && (
        <ShareDialog session={workspace.id} name={workspace.session.get()?.name ?? ""} terminals={[...workspace.terminals.state.get().infos.keys()]} terminal={dialog.terminal} onClose={() => setDialog(null)} />
      )}
      {quick && (
        <QuickInput
          asked={quick}
          commands={commands}
          files={workspace.files}
          documents={workspace.documents}
          recent={workspace.recent}
          index={workspace.index}
          hasFiles={rights.files}
          onOpen={(path, place) => workspace.openAt(path, place)}
          onPlace={(place) => workspace.goTo(place)}
          onClose={() => workspace.quick.set(null)}
        />
      )}
      {dialog?.what === "arguments" && <ArgumentsDialog runner={workspace.runner} path={dialog.path} onRun={run} onClose={() => setDialog(null)} />}
      {dialog?.what === "recordings" && <RecordingsDialog session={workspace.id} onClose={() => setDialog(null)} />}
    </div>
  );
}

/** Hidden panes stay as they are: an editor and a terminal keep what they show. */
function Shown({ when, children }: { readonly when: boolean; readonly children: ReactNode }) {
  return <div className={when ? "flex min-h-0 min-w-0 flex-1" : "hidden"}>{children}</div>;
}

/** What is not even loaded before it is shown for the first time. */
function FromFirst({ when, children }: { readonly when: boolean; readonly children: ReactNode }) {
  const [seen, setSeen] = useState(when);
  if (when && !seen) setSeen(true);
  return <Shown when={when}>{seen && children}</Shown>;
}

interface PaneButtonProps {
  readonly label: string;
  readonly icon: ReactNode;
  readonly chosen: boolean;
  readonly onClick: () => void;
}

function PaneButton({ label, icon, chosen, onClick }: PaneButtonProps) {
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={onClick}
      className={`flex flex-col items-center justify-center gap-0.5 text-[11px] leading-4 focus-visible:outline-offset-[-2px] ${chosen ? "text-accent-text" : "text-muted"}`}
    >
      {icon}
      {label}
    </button>
  );
}
