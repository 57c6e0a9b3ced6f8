/** A tab that is dragged, as what a drag carries: it means something within its page alone. */
export const dragType = "application/x-editor-tab";

export function dragOf(group: number, document: number): string {
  return `${group} ${document}`;
}

export function readDrag(data: string): { readonly group: number; readonly document: number } | null {
  const match = /^(\d+) (\d+)$/.exec(data);
  return match ? { group: Number(match[1]), document: Number(match[2]) } : null;
}

/** Before which of the boxes in a row a point is, by their middles; their number: behind all. */
export function placeAt(boxes: readonly { readonly left: number; readonly width: number }[], x: number): number {
  const index = boxes.findIndex(({ left, width }) => x < left + width / 2);
  return index < 0 ? boxes.length : index;
}
