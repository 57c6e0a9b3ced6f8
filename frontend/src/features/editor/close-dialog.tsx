"use client";

import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { plural } from "@/lib/format";
import { baseName } from "@/lib/paths";
import { complain } from "@/lib/toasts";
import type { Document } from "./document";
import type { Documents } from "./documents";

interface Props {
  readonly documents: Documents;
  readonly group: number;
  /** Those that are not saved. */
  readonly tabs: readonly Document[];
  readonly onDone: () => void;
}

/** Asks what becomes of edits before their tabs are closed. */
export function CloseDialog({ documents, group, tabs, onDone }: Props) {
  const [first] = tabs;
  const one = tabs.length === 1 && first;
  const save = async () => {
    const saved = await Promise.all(tabs.map((tab) => tab.save()));
    const failed = tabs.filter((_, index) => !saved[index]);
    for (const tab of tabs) if (!failed.includes(tab)) documents.close(tab, group);
    if (failed.length > 0) complain(`${failed.map(({ path }) => path).join(", ")} ${failed.length === 1 ? "is" : "are"} not saved`);
    onDone();
  };
  return (
    <Dialog title={one ? `Save ${baseName(one.path)} before closing?` : `Save ${plural(tabs.length, "file")} before closing?`} onClose={onDone}>
      <p className="mt-2 text-muted">{one ? "It has changes that are not saved." : `${tabs.map(({ path }) => baseName(path)).join(", ")} have changes that are not saved.`}</p>
      <DialogActions>
        <Button onClick={onDone}>Cancel</Button>
        <Button
          onClick={() => {
            for (const tab of tabs) documents.close(tab, group);
            onDone();
          }}
        >
          Close without saving
        </Button>
        <Button kind="primary" onClick={() => void save()}>
          Save
        </Button>
      </DialogActions>
    </Dialog>
  );
}
