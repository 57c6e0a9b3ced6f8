"use client";

import { ChevronDown, Play, Square } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import type { Document } from "@/features/editor/document";
import { useStore } from "@/hooks/use-store";
import { baseName } from "@/lib/paths";
import { exitWords, isRunnable } from "./command-line";
import type { Runner, RunState } from "./runner";

interface Props {
  readonly runner: Runner;
  readonly active: Document | null;
  readonly onRun: () => void;
}

/** What runs, or how the last run ended; "" before the first. */
export function runWords(state: RunState): { readonly text: string; readonly failed: boolean } {
  if (state.kind === "running") return { text: `Running ${baseName(state.path)}`, failed: false };
  if (state.kind === "idle" || state.code === null) return { text: "", failed: false };
  const words = exitWords(state.code);
  return { text: `${baseName(state.path)}: ${words.charAt(0).toLowerCase()}${words.slice(1)}`, failed: state.code !== 0 };
}

/** Run, Stop, and how the last run ended. */
export function RunControls({ runner, active, onRun }: Props) {
  const state = useStore(runner.state);
  const [asking, setAsking] = useState("");
  const path = active?.path ?? "";
  const runnable = isRunnable(path);
  const running = state.kind === "running";
  const { text, failed } = runWords(state);
  return (
    <>
      {state.kind !== "idle" && (
        <span role="status" className={`truncate text-[12px] max-sm:sr-only ${failed ? "text-bad" : "text-muted"}`}>
          {text}
        </span>
      )}
      {running && (
        <Button small title="Stop what runs" onClick={() => runner.stop()}>
          <Square size={11} fill="currentColor" aria-hidden />
          Stop
        </Button>
      )}
      <span className={`flex ${running ? "max-sm:hidden" : ""}`}>
        <Button kind="primary" small className="rounded-r-none" disabled={!runnable} title={runnable ? "Run the open file (Ctrl Enter)" : "Open a file of a language that can be run"} onClick={onRun}>
          <Play size={13} fill="currentColor" aria-hidden />
          {running ? "Run again" : "Run"}
        </Button>
        <Button kind="primary" small className="rounded-l-none border-l border-on-accent/20 px-1" disabled={!runnable} aria-label="Run with arguments" title="Run with arguments…" onClick={() => setAsking(path)}>
          <ChevronDown size={13} aria-hidden />
        </Button>
      </span>
      {asking !== "" && <ArgumentsDialog runner={runner} path={asking} onRun={onRun} onClose={() => setAsking("")} />}
    </>
  );
}

interface DialogProps {
  readonly runner: Runner;
  readonly path: string;
  readonly onRun: () => void;
  readonly onClose: () => void;
}

/** Asks what a file is run with; that is remembered for it. */
export function ArgumentsDialog({ runner, path, onRun, onClose }: DialogProps) {
  const [args, setArgs] = useState(runner.argsOf(path));
  return (
    <Dialog title={`Run ${baseName(path)} with arguments`} onClose={onClose}>
      <form
        className="mt-4"
        onSubmit={(event) => {
          event.preventDefault();
          runner.remember(path, args);
          onClose();
          onRun();
        }}
      >
        <Field label="Arguments" value={args} hint="As in a shell: words with spaces in quotes. They are remembered for this file." spellCheck={false} autoComplete="off" onChange={(event) => setArgs(event.target.value)} onFocus={(event) => event.target.select()} />
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Run
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
