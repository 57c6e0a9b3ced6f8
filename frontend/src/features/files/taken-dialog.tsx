"use client";

import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { plural } from "@/lib/format";

export type Taken = "replace" | "keep" | "skip";

interface Props {
  /** What is there already. */
  readonly paths: readonly string[];
  readonly onChoose: (choice: Taken) => void;
  readonly onClose: () => void;
}

/** Asks once what becomes of uploads whose names are taken. */
export function TakenDialog({ paths, onChoose, onClose }: Props) {
  return (
    <Dialog title={`${plural(paths.length, "file is", "files are")} there already`} onClose={onClose}>
      <ul className="mt-2 max-h-40 overflow-y-auto text-[13px] break-words text-muted">
        {paths.slice(0, 100).map((path) => (
          <li key={path}>{path}</li>
        ))}
      </ul>
      {paths.length > 100 && <p className="text-[13px] text-muted">and {paths.length - 100} more</p>}
      <p className="mt-2 text-[13px] text-muted">The history keeps what is replaced.</p>
      <DialogActions>
        <Button className="mr-auto" onClick={onClose}>
          Cancel
        </Button>
        <Button onClick={() => onChoose("skip")}>Skip</Button>
        <Button onClick={() => onChoose("keep")}>Keep both</Button>
        <Button kind="primary" onClick={() => onChoose("replace")}>
          Replace
        </Button>
      </DialogActions>
    </Dialog>
  );
}
