"use client";

import { Columns2, Eye, FileCode2 } from "lucide-react";
import { useEffect, useMemo, useState, type DragEvent } from "react";
import { Mark } from "@/components/brand";
import { IconButton } from "@/components/ui/button";
import { Split } from "@/components/ui/split";
import type { Commands } from "@/features/commands/commands";
import { draggedFiles, filesOf } from "@/features/files/file-drag";
import type { FileStore } from "@/features/files/file-store";
import { previewFirst, previewKind, previewLabels } from "@/features/viewers/kind";
import { useMedia } from "@/hooks/use-media";
import { useStore } from "@/hooks/use-store";
import { baseName } from "@/lib/paths";
import { CloseDialog } from "./close-dialog";
import type { Document } from "./document";
import { DocumentView } from "./document-view";
import { mostGroups, type Documents, type TabGroup } from "./documents";
import { editorTabCommands } from "./editor-commands";
import { EditorTabs } from "./editor-tabs";
import { dragType, readDrag } from "./tab-drag";

/** Of the files that are dropped at once. */
const mostOpened = 20;

interface Props {
  readonly session: string;
  readonly commands: Commands;
  readonly documents: Documents;
  readonly files: FileStore;
  /** Looks only: nothing here changes a file. */
  readonly readOnly: boolean;
}

interface Closing {
  readonly group: number;
  /** Those that are not saved. */
  readonly tabs: readonly Document[];
}

/** The open files: one group of tabs, or some beside each other. */
export function EditorPane({ session, commands, documents, files, readOnly }: Props) {
  const { groups, group: focused } = useStore(documents.state);
  const narrow = useMedia("(max-width: 767px)");
  const [closing, setClosing] = useState<Closing | null>(null);
  // Those that are saved go at once; the others are asked about.
  const close = useMemo(
    () => (group: number, tabs: readonly Document[]) => {
      const asks = tabs.filter((tab) => documents.wouldLose(tab, group));
      for (const tab of tabs) if (!asks.includes(tab)) documents.close(tab, group);
      if (asks.length > 0) setClosing({ group, tabs: asks });
    },
    [documents],
  );

  useEffect(() => commands.register(...editorTabCommands(documents, { readOnly, close })), [commands, documents, readOnly, close]);

  const pane = (group: TabGroup | undefined, index: number) =>
    group && (
      <GroupPane
        key={group.id}
        session={session}
        documents={documents}
        files={files}
        group={group}
        label={index === 0 ? "Open files" : `Open files, group ${index + 1}`}
        focused={group.id === focused}
        several={groups.length > 1}
        readOnly={readOnly}
        onClose={(tabs) => close(group.id, tabs)}
      />
    );
  const [first, second, third] = groups;
  // Where there is room for one, it is the one that has the keys.
  const shown = narrow ? groups.findIndex(({ id }) => id === focused) : -1;
  const only = shown < 0 ? undefined : shown === 0 ? "first" : "second";
  const onlyOfOthers = shown < 0 ? undefined : shown === 1 ? "first" : "second";
  return (
    <section aria-label="Editor" className="flex min-h-0 w-full min-w-0 flex-1 bg-bg">
      <Split label="Width of the second group" storageKey="editor:2" direction="row" sized="second" initial={480} min={160} rest={160} collapsed={!second} only={only} first={pane(first, 0)} second={
        <Split label="Width of the third group" storageKey="editor:3" direction="row" sized="second" initial={240} min={120} rest={120} collapsed={!third} only={onlyOfOthers} first={pane(second, 1)} second={pane(third, 2)} />
      } />
      {closing && <CloseDialog documents={documents} group={closing.group} tabs={closing.tabs} onDone={() => setClosing(null)} />}
    </section>
  );
}

interface GroupProps {
  readonly session: string;
  readonly documents: Documents;
  readonly files: FileStore;
  readonly group: TabGroup;
  readonly label: string;
  readonly focused: boolean;
  readonly several: boolean;
  readonly readOnly: boolean;
  readonly onClose: (tabs: readonly Document[]) => void;
}

function GroupPane({ session, documents, files, group, label, focused, several, readOnly, onClose }: GroupProps) {
  const { active } = group;
  const [dropping, setDropping] = useState(false);
  const focus = () => documents.focusGroup(group.id);
  const over = (event: DragEvent) => {
    const { types } = event.dataTransfer;
    // Between tabs: they show the place.
    if (event.defaultPrevented || (!types.includes(dragType) && !types.includes(draggedFiles))) return;
    event.preventDefault();
    setDropping(true);
  };
  const drop = (event: DragEvent) => {
    setDropping(false);
    // Between tabs: it has been put there.
    if (event.defaultPrevented) return;
    const { tree } = files.state.get();
    const paths = filesOf(event.dataTransfer).filter((path) => tree.get(path)?.type === "file").slice(0, mostOpened);
    if (paths.length > 0) {
      event.preventDefault();
      focus();
      for (const path of paths) documents.open(path);
      return;
    }
    const dragged = readDrag(event.dataTransfer.getData(dragType));
    const tab = documents.state.get().tabs.find(({ id }) => id === dragged?.document);
    if (!dragged || !tab || dragged.group === group.id) return;
    event.preventDefault();
    documents.move(tab, dragged.group, group.id, group.tabs.length);
  };
  return (
    // Wherever it is touched, the group has the keys from then on.
    <div
      className={`relative flex min-h-0 min-w-0 flex-1 flex-col ${several && !focused ? "opacity-90" : ""}`}
      onFocusCapture={focus}
      onPointerDownCapture={focus}
      onDragOver={over}
      onDragLeave={() => setDropping(false)}
      onDrop={drop}
    >
      <EditorTabs documents={documents} group={group} label={label} onClose={onClose}>
        {active && <Actions documents={documents} group={group} active={active} />}
      </EditorTabs>
      {active ? (
        <div
          id={`editor-panel-${group.id}`}
          role="tabpanel"
          aria-label={baseName(active.path)}
          className="flex min-h-0 flex-1 flex-col"
        >
          <DocumentView key={active.id} session={session} group={group.id} focused={focused} document={active} documents={documents} files={files} readOnly={readOnly} onClose={() => documents.close(active)} />
        </div>
      ) : (
        <Placeholder readOnly={readOnly} />
      )}
      {dropping && <div aria-hidden className="pointer-events-none absolute inset-x-0 top-9 bottom-0 z-20 border-2 border-accent bg-accent/15" />}
    </div>
  );
}

/** What is done with the file that is shown, at the end of its tabs. */
function Actions({ documents, group, active }: { readonly documents: Documents; readonly group: TabGroup; readonly active: Document }) {
  const { path, content } = useStore(active.state);
  const { groups } = useStore(documents.state);
  const view = useStore(active.viewIn(group.id));
  const kind = content.kind === "text" ? previewKind(path) : null;
  const switches = kind !== null || (content.kind === "bytes" && previewFirst(path));
  const other = view === "source" ? (kind ? previewLabels[kind] : "As what it is") : kind ? "Source" : "Bytes";
  return (
    <div className="flex shrink-0 items-center gap-0.5 px-1">
      {switches && (
        <IconButton label={other} onClick={() => active.viewIn(group.id).set(view === "source" ? "preview" : "source")}>
          {view === "source" ? <Eye size={15} /> : <FileCode2 size={15} />}
        </IconButton>
      )}
      <IconButton label="Split the editor" className="max-md:hidden" disabled={groups.length >= mostGroups} onClick={() => documents.split()}>
        <Columns2 size={15} />
      </IconButton>
      {groups.length > 1 && (
        <IconButton
          label="Other group"
          className="md:hidden"
          onClick={() => documents.focusGroup(groups[(groups.findIndex(({ id }) => id === group.id) + 1) % groups.length]?.id ?? group.id)}
        >
          <Columns2 size={15} />
        </IconButton>
      )}
    </div>
  );
}

function Placeholder({ readOnly }: { readonly readOnly: boolean }) {
  const look = [["Open a file", "Ctrl P"], ["Search in files", "Ctrl Shift F"], ["All commands", "F1"]] as const;
  const keys = readOnly ? look : ([...look, ["Save", "Ctrl S"], ["Run the open file", "Ctrl Enter"]] as const);
  return (
    <div className="flex flex-1 flex-col items-center justify-center gap-5 p-6 text-[13px] text-muted">
      <Mark size={32} />
      <dl className="grid grid-cols-[auto_auto] gap-x-6 gap-y-1.5">
        {keys.map(([what, how]) => (
          <div key={what} className="contents">
            <dt className="text-right">{what}</dt>
            <dd className="text-text">{how}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
