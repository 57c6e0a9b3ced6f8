"use client";

import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { useStore } from "@/hooks/use-store";
import { question } from "./questions";
import { changeSettings } from "./settings";

/** Shows what a terminal asks. */
export function QuestionDialog() {
  const asked = useStore(question);
  if (!asked) return null;
  if (asked.kind === "link") {
    return (
      <Dialog title="Open this link?" onClose={() => asked.answer(false)}>
        <p className="mt-2 text-[13px] text-muted">A program in the terminal offers it. This is where it leads:</p>
        <p className="mt-2 max-h-40 overflow-auto rounded-md border border-line bg-bg p-2 font-mono text-[13px] break-all">{asked.url}</p>
        <DialogActions>
          <Button onClick={() => asked.answer(false)}>Cancel</Button>
          <Button kind="primary" onClick={() => asked.answer(true)}>
            Open
          </Button>
        </DialogActions>
      </Dialog>
    );
  }
  const lines = asked.text.split(/\r\n|\r|\n/).length;
  return (
    <Dialog title={`Paste ${lines} lines?`} size="medium" onClose={() => asked.answer(false)}>
      <p className="mt-2 text-[13px] text-muted">The program would take each line as typed: a shell runs them one by one.</p>
      <pre className="mt-2 max-h-60 overflow-auto rounded-md border border-line bg-bg p-2 font-mono text-[13px]">{asked.text.slice(0, 20_000)}</pre>
      <DialogActions>
        <Button
          className="mr-auto"
          onClick={() => {
            changeSettings({ askBeforePaste: false });
            asked.answer(true);
          }}
        >
          Paste, and do not ask again
        </Button>
        <Button onClick={() => asked.answer(false)}>Cancel</Button>
        <Button kind="primary" onClick={() => asked.answer(true)}>
          Paste
        </Button>
      </DialogActions>
    </Dialog>
  );
}
