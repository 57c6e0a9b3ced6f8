"use client";

import { useCallback, useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { failureText, report } from "@/features/session/sign-out";
import { api } from "@/lib/api";
import { baseName } from "@/lib/paths";
import { Problem } from "@/lib/problem";
import type { ConflictEvent } from "@/lib/schemas";
import type { Document } from "./document";
import { MergeView } from "./merge-view";

interface Props {
  readonly session: string;
  readonly document: Document;
  readonly conflict: ConflictEvent;
  readonly onClose: () => void;
}

interface Texts {
  /** null: it is not kept, or there was nothing. */
  readonly base: string | null;
  readonly present: string;
  readonly other: string;
}

const labels = { mine: "The editor’s version", theirs: "The terminal’s version" } as const;

async function textAt(session: string, path: string, revision: number): Promise<string | null> {
  if (revision < 1) return null;
  try {
    const file = await api.version(session, path, revision);
    return file.saved && file.encoding === "utf-8" ? file.content : null;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** Saves what is edited, so that the present version is what the editor shows. */
async function textsOf(session: string, doc: Document, { versions_path: path, base_revision: base, other_revision: other }: ConflictEvent): Promise<Texts> {
  if (doc.dirty && !(await doc.save())) throw new Error("what you have edited could not be saved first");
  const [before, theOther] = await Promise.all([textAt(session, path, base), textAt(session, path, other)]);
  if (theOther === null || !doc.buffer) throw new Error("the other version is no text, or is not kept any more");
  return { base: before, present: doc.buffer.text(), other: theOther };
}

/** The editor and a program changed a file at the same time: the program's version won, and the editor's is in the history. */
export function StoredConflictDialog({ session, document: doc, conflict, onClose }: Props) {
  const [texts, setTexts] = useState<Texts | null>(null);
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<string | null>(null);
  const onResult = useCallback((text: string | null) => setResult(text), []);

  useEffect(() => {
    let gone = false;
    textsOf(session, doc, conflict).then(
      (found) => {
        if (!gone) setTexts(found);
      },
      (failure: unknown) => {
        if (!gone) setError(failureText("The versions cannot be merged", failure));
      },
    );
    return () => {
      gone = true;
    };
  }, [session, doc, conflict]);

  /** Saves a text, or leaves the present one, and ends the conflict everywhere. */
  const settle = async (text: string | null) => {
    setBusy(true);
    try {
      if (text !== null && doc.buffer) {
        doc.buffer.setText(text);
        if (!(await doc.save())) throw new Error("the file was changed once more");
      }
      await api.resolveConflict(session, conflict.path);
      onClose();
    } catch (failure) {
      report("Could not resolve the conflict", failure);
      setBusy(false);
    }
  };

  return (
    <Dialog title={`Two versions of ${baseName(conflict.path)}`} size="wide" onClose={onClose}>
      <p className="mt-1 text-[13px] text-muted">The editor and a program changed this file at the same time. The file has the program’s version; the other one is in its history.</p>
      {error !== "" ? (
        <p role="alert" className="mt-3 text-[13px] text-bad">
          {error}.
        </p>
      ) : texts === null ? (
        <div role="status" aria-label="Loading" className="pulse mt-4 h-3 w-1/2 rounded bg-hover" />
      ) : (
        <MergeView path={conflict.path} base={texts.base} mine={texts.other} theirs={texts.present} labels={labels} onResult={onResult} />
      )}
      <DialogActions>
        <Button onClick={onClose} className="mr-auto">
          Decide later
        </Button>
        <Button disabled={busy} onClick={() => void settle(null)}>
          Keep it as it is
        </Button>
        <Button disabled={busy || texts === null} onClick={() => void settle(texts?.other ?? null)}>
          Use the editor’s version
        </Button>
        <Button kind="primary" disabled={busy || result === null} onClick={() => void settle(result)}>
          Save merged
        </Button>
      </DialogActions>
    </Dialog>
  );
}
