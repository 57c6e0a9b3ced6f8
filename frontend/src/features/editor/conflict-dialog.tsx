"use client";

import { useCallback, useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { baseName, joinPath, parentOf } from "@/lib/paths";
import { failureText, report } from "@/features/session/sign-out";
import { DiffView } from "./diff-view";
import type { Document } from "./document";
import { MergeView } from "./merge-view";

interface Props {
  readonly document: Document;
  readonly theirs: string;
  /** The other version is text. */
  readonly readable: boolean;
  /** Whether a path is taken. */
  readonly taken: (path: string) => boolean;
  readonly onClose: () => void;
}

const labels = { mine: "Your version", theirs: "The saved version" } as const;
const sides = [labels.theirs, labels.mine] as const;

/** "notes.txt" → "notes (mine).txt", then "notes (mine 2).txt". */
function copyPath(path: string, taken: (path: string) => boolean): string {
  const name = baseName(path);
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  for (let number = 1; ; number++) {
    const candidate = joinPath(parentOf(path), `${stem} (mine${number > 1 ? ` ${number}` : ""})${extension}`);
    if (!taken(candidate)) return candidate;
  }
}

/** Two versions of one file, what they make together, and the other ways out of it. None of them destroys a version. */
export function ConflictDialog({ document: doc, theirs, readable, taken, onClose }: Props) {
  const [busy, setBusy] = useState(false);
  const [comparing, setComparing] = useState(!readable);
  /** What both were made from; undefined: not read yet. */
  const [base, setBase] = useState<string | null | undefined>(undefined);
  const [error, setError] = useState("");
  const [result, setResult] = useState<string | null>(null);
  const [mine] = useState(() => doc.buffer?.text() ?? "");
  const onResult = useCallback((text: string | null) => setResult(text), []);

  useEffect(() => {
    let gone = false;
    doc.base().then(
      (text) => {
        if (!gone) setBase(text);
      },
      (failure: unknown) => {
        if (!gone) setError(failureText("Could not read what both were made from", failure));
      },
    );
    return () => {
      gone = true;
    };
  }, [doc]);

  const choose = async (resolve: () => Promise<void>) => {
    setBusy(true);
    try {
      await resolve();
      onClose();
    } catch (failure) {
      report("Could not resolve the conflict", failure);
      setBusy(false);
    }
  };

  return (
    <Dialog title={`${baseName(doc.path)} was changed elsewhere`} size="wide" onClose={onClose}>
      <p className="mt-1 text-[13px] text-muted">Both versions are kept until you choose. What is not chosen stays in the file’s history.</p>
      {readable && (
        <div role="group" aria-label="Show" className="mt-3 flex gap-1">
          <Button small aria-pressed={!comparing} kind={comparing ? "ghost" : "secondary"} onClick={() => setComparing(false)}>
            Merge
          </Button>
          <Button small aria-pressed={comparing} kind={comparing ? "secondary" : "ghost"} onClick={() => setComparing(true)}>
            Compare
          </Button>
        </div>
      )}
      {comparing ? (
        <>
          <div className="mt-3 grid grid-cols-2 text-[12px] font-medium text-muted">
            <span>{labels.theirs}</span>
            <span>{labels.mine}</span>
          </div>
          <DiffView path={doc.path} original={theirs} modified={mine} labels={sides} className="mt-1 h-[48vh]" />
        </>
      ) : error !== "" ? (
        <p role="alert" className="mt-3 text-[13px] text-bad">
          {error}. The versions can still be compared, and either be kept.
        </p>
      ) : base === undefined ? (
        <div role="status" aria-label="Loading" className="pulse mt-4 h-3 w-1/2 rounded bg-hover" />
      ) : (
        <MergeView key={theirs} path={doc.path} base={base} mine={mine} theirs={theirs} labels={labels} onResult={onResult} />
      )}
      <DialogActions>
        <Button onClick={onClose} className="mr-auto">
          Decide later
        </Button>
        <Button disabled={busy} onClick={() => void choose(() => doc.resolve("theirs"))}>
          Use the saved version
        </Button>
        <Button disabled={busy} onClick={() => void choose(() => doc.resolveWithCopy(copyPath(doc.path, taken)))}>
          Keep both
        </Button>
        <Button disabled={busy} kind={comparing ? "primary" : "secondary"} onClick={() => void choose(() => doc.resolve("mine"))}>
          Keep mine
        </Button>
        {!comparing && (
          <Button kind="primary" disabled={busy || result === null} onClick={() => void choose(() => doc.resolveWith(result ?? ""))}>
            Save merged
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
}
