import type { DragEvent } from "react";
import { draggedFiles, filesOf } from "@/features/files/file-drag";
import { shellQuote } from "@/lib/shell";
import { root } from "./places";
import type { TerminalTab } from "./terminals";

/** Has files of the tree that are dropped on a terminal typed there, as words. */
export function takesFiles(tab: TerminalTab) {
  return {
    onDragOver(event: DragEvent) {
      if (event.dataTransfer.types.includes(draggedFiles)) event.preventDefault();
    },
    onDrop(event: DragEvent) {
      const paths = filesOf(event.dataTransfer);
      if (paths.length === 0) return;
      event.preventDefault();
      tab.connection.type(new TextEncoder().encode(paths.map((path) => `${shellQuote(`${root}${path}`)} `).join("")));
      tab.screen.focus();
    },
  };
}
