"use client";

import { useState, type ReactNode } from "react";
import { Button } from "./button";
import { Dialog, DialogActions } from "./dialog";

interface Props {
  readonly title: string;
  readonly children: ReactNode;
  readonly action: string;
  /** Resolves when it is done; the dialog shows that it is under way. Failures are the caller's to show. */
  readonly onConfirm: () => Promise<void> | void;
  readonly onClose: () => void;
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, children, action, onConfirm, onClose }: Props) {
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    await onConfirm();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="mt-2 text-muted">{children}</div>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="danger" disabled={busy} onClick={() => void confirm()}>
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
