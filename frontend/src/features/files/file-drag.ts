/** Entries of the tree that are dragged. They mean something within their page alone, and are too many to be written down. */

export const draggedFiles = "application/x-workspace-path";

let dragged: readonly string[] = [];

export function dragFiles(data: DataTransfer, paths: readonly string[]): void {
  dragged = paths;
  data.effectAllowed = "move";
  data.setData(draggedFiles, "");
}

/** The paths that a drop brings; none: it brings something else. */
export function filesOf(data: DataTransfer): readonly string[] {
  return data.types.includes(draggedFiles) ? dragged : [];
}
