"use client";

import { FileClock, RefreshCw } from "lucide-react";
import { useEffect, useState, type KeyboardEvent } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import type { Documents } from "@/features/editor/documents";
import { FileIcon } from "@/features/files/file-icon";
import { report } from "@/features/session/sign-out";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import { useUser } from "@/hooks/use-user";
import { formatAgo, formatBytes, plural } from "@/lib/format";
import type { DeletedFile, Restored, Version } from "@/lib/history";
import { baseName, parentOf } from "@/lib/paths";
import { complain, inform } from "@/lib/toasts";
import type { History, Scope } from "./history";
import { VersionDialog } from "./version-dialog";
import { deedOf, detailOf, hasContent, momentOf } from "./words";

interface Props {
  readonly session: string;
  readonly history: History;
  readonly documents: Documents;
  /** Looks only: nothing is restored. */
  readonly readOnly: boolean;
  /** The pane can be seen. */
  readonly shown: boolean;
}

const scopes: readonly { readonly scope: Scope; readonly label: string }[] = [
  { scope: "file", label: "This file" },
  { scope: "all", label: "All files" },
  { scope: "deleted", label: "Deleted" },
];

/** So many later changes are counted before everything is restored. */
const mostCounted = 500;

/** Says how a restore went. */
function tell({ written, deleted, left }: Restored): void {
  for (const { path, reason } of left.slice(0, 3)) complain(`${path} could not be restored: ${reason}`);
  if (left.length > 3) complain(`${plural(left.length - 3, "more path")} could not be restored.`);
  if (written + deleted > 0) inform(`Restored: ${plural(written, "path")} brought back${deleted > 0 ? `, ${deleted} removed` : ""}. The history keeps what was there before.`);
  else if (left.length === 0) inform("Nothing to restore: it is like that now.");
}

/** What was changed, when and by what, and the way back. */
export function HistoryPane({ session, history, documents, readOnly, shown }: Props) {
  const state = useStore(history.state);
  const { active } = useStore(documents.state);
  const [chosen, setChosen] = useState<Version | null>(null);
  const [all, setAll] = useState<{ version: Version; count: number; paths: number } | null>(null);
  const path = active?.path ?? "";

  useEffect(() => {
    history.show(shown);
    return () => history.show(false);
  }, [history, shown]);
  useEffect(() => {
    if (state.scope === "file") history.choose("file", path);
  }, [history, state.scope, path]);

  /** Where the file of a version is now, as far as it is known here. */
  const pathOf = (version: Version) => (state.scope === "file" ? state.path : version.path);
  const attempt = async (what: string, restore: () => Promise<Restored>) => {
    try {
      tell(await restore());
      return true;
    } catch (error) {
      report(`Could not restore ${what}`, error);
      return false;
    }
  };
  const askAll = (version: Version) => {
    history.changesAfter(version.revision, mostCounted).then(
      (counted) => setAll({ version, ...counted }),
      (error: unknown) => report("Could not tell what would change", error),
    );
  };

  return (
    <section aria-label="History" className="flex min-h-0 w-full min-w-0 flex-1 flex-col bg-panel">
      <div className="flex h-9 shrink-0 items-center pr-1 pl-3">
        <h2 className="flex-1 text-[12px] font-semibold text-muted">History</h2>
        <IconButton label="Read the history again" onClick={() => void history.read()}>
          <RefreshCw size={14} aria-hidden className={state.status === "loading" ? "spin" : ""} />
        </IconButton>
      </div>
      <div role="group" aria-label="History of" className="mx-2 mb-2 flex shrink-0 gap-0.5 rounded-md bg-bg p-0.5">
        {scopes.map(({ scope, label }) => (
          <button
            key={scope}
            type="button"
            aria-pressed={state.scope === scope}
            onClick={() => history.choose(scope, path)}
            className={`h-6 min-w-0 flex-1 truncate rounded px-1 text-[12px] pointer-coarse:h-9 ${state.scope === scope ? "bg-active font-medium text-text" : "text-muted hover:text-text"}`}
          >
            {label}
          </button>
        ))}
      </div>
      {state.scope === "file" && state.path !== "" && (
        <p className="flex shrink-0 items-center gap-1.5 px-3 pb-2 text-[12px] text-muted" title={state.path}>
          <FileIcon path={state.path} type="file" open={false} />
          <span className="truncate">{baseName(state.path)}</span>
        </p>
      )}
      <div className="min-h-0 flex-1 overflow-y-auto pb-2">
        {state.status === "failed" && (
          <div className="px-3 py-2 text-[13px]">
            <p role="alert" className="text-bad">
              {state.error}
            </p>
            <Button small className="mt-2" onClick={() => void history.read()}>
              Try again
            </Button>
          </div>
        )}
        {state.scope === "deleted" ? (
          <DeletedList files={state.deleted} readOnly={readOnly} onRestore={(file) => void attempt(file.path, () => history.restoreDeleted(file))} />
        ) : (
          <VersionList versions={state.versions} named={state.scope === "all"} onChoose={setChosen} />
        )}
        <Nothing history={history} />
        {state.next !== "" && (
          <Button small kind="ghost" className="mx-2 mt-1" disabled={state.status === "loading"} onClick={() => void history.more()}>
            Older versions
          </Button>
        )}
        {state.moreDeleted && <p className="px-3 pt-2 text-[12px] text-muted">There are more: those that were deleted last are listed.</p>}
      </div>
      {chosen && (
        <VersionDialog
          session={session}
          version={chosen}
          before={beforeOf(state.versions, chosen)}
          path={pathOf(chosen)}
          readOnly={readOnly}
          onClose={() => setChosen(null)}
          onRestore={async () => {
            if (await attempt(chosen.path, () => history.restore(chosen, pathOf(chosen)))) setChosen(null);
          }}
          onRestoreAll={() => {
            setChosen(null);
            askAll(chosen);
          }}
        />
      )}
      {all && (
        <Confirm title="Restore all files?" action="Restore all files" onClose={() => setAll(null)} onConfirm={() => attempt("all files", () => history.restoreAll(all.version.revision)).then(() => undefined)}>
          <p>
            Everything becomes what it was at {momentOf(all.version.created_at)} (revision {all.version.revision}).{" "}
            {all.count === 0
              ? "Nothing was changed since."
              : `${all.count >= mostCounted ? "At least " : ""}${plural(all.count, "later change")} to ${plural(all.paths, "path")} will be undone.`}
          </p>
          <p className="mt-2">Nothing is lost: the history keeps what is there now, and this can be undone by restoring again.</p>
        </Confirm>
      )}
    </section>
  );
}

/** The version of the same file before another one, if it has a content and is listed. */
function beforeOf(versions: readonly Version[], version: Version): Version | null {
  const name = version.op === "move" && version.from !== "" ? version.from : version.path;
  const older = versions.slice(versions.indexOf(version) + 1).find(({ path }) => path === name);
  return older && hasContent(older) ? older : null;
}

/** Arrow keys go from row to row: the list has one tab stop. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-row]:not(:disabled)")];
  const next = rows[rows.findIndex((row) => row === document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function VersionList({ versions, named, onChoose }: { readonly versions: readonly Version[]; readonly named: boolean; readonly onChoose: (version: Version) => void }) {
  const now = useNow();
  const me = useUser()?.username ?? "";
  return (
    // The rows have the focus; the list only takes the arrow keys that come from them.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <ul aria-label="Versions" onKeyDown={moveFocus}>
      {versions.map((version, index) => {
        const detail = detailOf(version, me);
        return (
          <li key={`${version.revision}:${version.path}:${version.op}`}>
            <button
              type="button"
              data-row
              tabIndex={index === 0 ? 0 : -1}
              aria-disabled={!hasContent(version)}
              title={momentOf(version.created_at)}
              onClick={() => hasContent(version) && onChoose(version)}
              className={`flex w-full flex-col px-3 py-1 text-left text-[13px] leading-5 focus-visible:outline-offset-[-2px] ${hasContent(version) ? "hover:bg-hover" : "cursor-default text-muted"}`}
            >
              {named && <span className="max-w-full truncate font-medium">{version.path}</span>}
              <span className="max-w-full truncate">{deedOf(version)}</span>
              <span className="max-w-full truncate text-[12px] text-muted">
                {formatAgo(version.created_at, now)}
                {detail === "" ? "" : ` · ${detail}`}
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function DeletedList({ files, readOnly, onRestore }: { readonly files: readonly DeletedFile[]; readonly readOnly: boolean; readonly onRestore: (file: DeletedFile) => void }) {
  const now = useNow();
  return (
    <ul aria-label="Deleted files">
      {files.map((file) => (
        <li key={`${file.path}:${file.revision}`} className="flex items-center gap-1 py-1 pr-2 pl-3 hover:bg-hover">
          <div className="min-w-0 flex-1 text-[13px] leading-5">
            <p className="truncate" title={file.path}>
              {baseName(file.path)}
            </p>
            <p className="truncate text-[12px] text-muted">
              {parentOf(file.path) === "" ? "" : `${parentOf(file.path)} · `}
              {formatAgo(file.deleted_at, now)} · {formatBytes(file.size)}
            </p>
          </div>
          {!readOnly && (
            <Button small kind="ghost" aria-label={`Restore ${file.path}`} onClick={() => onRestore(file)}>
              Restore
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** What to say when there is nothing to list. */
function Nothing({ history }: { readonly history: History }) {
  const { scope, path, status, versions, deleted } = useStore(history.state);
  if (status !== "ready" || versions.length + deleted.length > 0) return null;
  const words = {
    file: path === "" ? "Open a file to see its versions: each save is one, and each change by a program." : "This file has no version that is kept yet.",
    all: "Nothing has been changed yet.",
    deleted: "No deleted file is kept.",
  }[scope];
  return (
    <div className="px-3 py-6 text-center text-[13px] text-muted">
      <FileClock size={22} aria-hidden className="mx-auto mb-2 text-faint" />
      {words}
    </div>
  );
}
