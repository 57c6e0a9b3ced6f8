"use client";

import { useEffect, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { baseName, joinPath, parentOf } from "@/lib/paths";
import { report } from "@/features/session/sign-out";
import type { Document } from "./document";
import { languageOf } from "./language";
import { editorOptions, loadMonaco } from "./monaco";

interface Props {
  readonly document: Document;
  readonly theirs: string;
  /** Whether a path is taken. */
  readonly taken: (path: string) => boolean;
  readonly onClose: () => void;
}

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

/** Two versions of one file, side by side, and the three ways out of it. None of them destroys a version. */
export function ConflictDialog({ document: doc, theirs, taken, onClose }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    let left = false;
    let undo: (() => void) | undefined;
    void loadMonaco().then((monaco) => {
      if (left || !host.current) return;
      const language = languageOf(doc.path);
      const original = monaco.editor.createModel(theirs, language);
      const modified = monaco.editor.createModel(doc.buffer?.text() ?? "", language);
      const editor = monaco.editor.createDiffEditor(host.current, { ...editorOptions, readOnly: true, renderSideBySide: true, originalEditable: false });
      editor.setModel({ original, modified });
      undo = () => {
        editor.dispose();
        original.dispose();
        modified.dispose();
      };
    });
    return () => {
      left = true;
      undo?.();
    };
  }, [doc, theirs]);

  const choose = async (resolve: () => Promise<void>) => {
    setBusy(true);
    try {
      await resolve();
      onClose();
    } catch (error) {
      report("Could not resolve the conflict", error);
      setBusy(false);
    }
  };

  return (
    <Dialog title={`${baseName(doc.path)} was changed elsewhere`} size="wide" onClose={onClose}>
      <p className="mt-1 text-[13px] text-muted">Both versions are kept until you choose. The version that is not chosen stays in the file’s history.</p>
      <div className="mt-4 grid grid-cols-2 text-[12px] font-medium text-muted">
        <span>Saved version</span>
        <span>Your version</span>
      </div>
      <div ref={host} className="mt-1 h-[48vh] overflow-hidden rounded-md border border-line" />
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
        <Button kind="primary" disabled={busy} onClick={() => void choose(() => doc.resolve("mine"))}>
          Keep mine
        </Button>
      </DialogActions>
    </Dialog>
  );
}
