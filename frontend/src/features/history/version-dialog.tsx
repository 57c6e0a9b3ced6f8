"use client";

import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { readOnlyBytes } from "@/features/editor/document";
import { DiffView } from "@/features/editor/diff-view";
import { failureText } from "@/features/session/sign-out";
import { api } from "@/lib/api";
import { formatBytes } from "@/lib/format";
import type { Version } from "@/lib/history";
import { baseName } from "@/lib/paths";
import { Problem } from "@/lib/problem";
import type { FileContent } from "@/lib/schemas";
import { deedOf, momentOf } from "./words";

interface Props {
  readonly session: string;
  readonly version: Version;
  /** The version before this one; null: there is none, or it has no content. */
  readonly before: Version | null;
  /** Where the file is now. */
  readonly path: string;
  readonly readOnly: boolean;
  readonly onRestore: () => Promise<void>;
  readonly onRestoreAll: () => void;
  readonly onClose: () => void;
}

type Against = "present" | "before";

/** A side of the comparison; a file that is not there is an empty one. */
type Side = { readonly text: string; readonly missing: boolean } | { readonly problem: string };

function sideOf(file: FileContent | null): Side {
  if (file === null) return { text: "", missing: true };
  if (file.content_omitted) return tooMuch(file.size);
  if (!file.saved) return { problem: "The server does not keep this content." };
  if (file.encoding === "base64") return { problem: `Binary, ${formatBytes(file.size)}: it can be downloaded and restored, but not shown here.` };
  return { text: file.content, missing: false };
}

const tooMuch = (size: number): Side => ({ problem: `${formatBytes(size)} are too much to compare here; it can be downloaded and restored.` });

/** A version's side; what is too large is not fetched. */
async function sideOfVersion(session: string, { path, revision, size }: Version): Promise<Side> {
  return size > readOnlyBytes ? tooMuch(size) : sideOf(await api.version(session, path, revision));
}

async function orNothing(asked: Promise<Side>): Promise<Side> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return sideOf(null);
    throw error;
  }
}

/** One version beside what is there now, or beside the one before it. */
export function VersionDialog({ session, version, before, path, readOnly, onRestore, onRestoreAll, onClose }: Props) {
  const [against, setAgainst] = useState<Against>("present");
  const [sides, setSides] = useState<readonly [Side, Side] | null>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    let gone = false;
    const present = () => api.file(session, path, readOnlyBytes).then(sideOf);
    const other = against === "present" ? orNothing(present()) : before ? orNothing(sideOfVersion(session, before)) : Promise.resolve(sideOf(null));
    Promise.all([sideOfVersion(session, version), other]).then(
      ([mine, others]) => {
        if (gone) return;
        setError("");
        setSides(against === "present" ? [mine, others] : [others, mine]);
      },
      (failure: unknown) => {
        if (!gone) setError(failureText("Could not read this version", failure));
      },
    );
    return () => {
      gone = true;
    };
  }, [session, version, before, path, against]);

  const restore = async () => {
    setBusy(true);
    await onRestore();
    setBusy(false);
  };
  const moment = momentOf(version.created_at);
  const labels: readonly [string, string] = against === "present" ? [`Then (${moment})`, "Now"] : ["Before", `Then (${moment})`];
  const problem = sides?.map((side) => ("problem" in side ? side.problem : "")).find((text) => text !== "") ?? "";
  const same = sides !== null && problem === "" && sides.every((side) => "text" in side && !side.missing) && new Set(sides.map((side) => ("text" in side ? side.text : ""))).size === 1;

  return (
    <Dialog title={baseName(version.path)} size="wide" onClose={onClose}>
      <p className="mt-1 text-[13px] break-words text-muted">
        {deedOf(version)}, {moment}, revision {version.revision}
        {version.path === path ? "" : `, as ${version.path}`}
      </p>
      <div role="group" aria-label="Compare with" className="mt-3 flex gap-1">
        {(
          [
            ["present", "Compare with now"],
            ["before", "What it changed"],
          ] as const
        ).map(([value, label]) => (
          <Button key={value} small aria-pressed={against === value} kind={against === value ? "secondary" : "ghost"} onClick={() => setAgainst(value)}>
            {label}
          </Button>
        ))}
      </div>
      <div className="mt-3 grid grid-cols-2 gap-2 text-[12px] font-medium text-muted max-sm:hidden">
        <span>{labels[0]}</span>
        <span>{labels[1]}</span>
      </div>
      <div className="mt-1 flex h-[52vh] flex-col">
        {error !== "" ? (
          <p role="alert" className="p-4 text-[13px] text-bad">
            {error}
          </p>
        ) : sides === null ? (
          <div role="status" aria-label="Loading" className="pulse m-4 h-3 w-1/2 rounded bg-hover" />
        ) : problem !== "" ? (
          <p className="m-auto max-w-md text-center text-[13px] text-muted">{problem}</p>
        ) : same ? (
          <p className="m-auto max-w-md text-center text-[13px] text-muted">{against === "present" ? "The file is the same now." : "The text did not change."}</p>
        ) : (
          <DiffView path={version.path} original={textOf(sides[0])} modified={textOf(sides[1])} labels={labels} className="h-full" />
        )}
      </div>
      <DialogActions>
        <Button onClick={onClose} className="mr-auto">
          Close
        </Button>
        <a
          className="inline-flex h-8 items-center rounded-md border border-line-strong bg-raised px-3 text-[13px] font-medium hover:bg-hover"
          href={api.versionURL(session, version.path, version.revision)}
        >
          Download
        </a>
        {!readOnly && (
          <>
            <Button onClick={onRestoreAll}>Restore everything to then…</Button>
            <Button kind="primary" disabled={busy || (same && against === "present")} onClick={() => void restore()}>
              Restore this version
            </Button>
          </>
        )}
      </DialogActions>
    </Dialog>
  );
}

function textOf(side: Side): string {
  return "text" in side ? side.text : "";
}
