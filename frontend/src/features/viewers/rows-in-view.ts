/** Browsers clamp elements somewhere above this, in pixels: more rows share it. */
const tallest = 8_000_000;

export interface RowsInView {
  /** The rows that are shown, from `first` up to and without `end`. */
  readonly first: number;
  readonly end: number;
  /** Where the first one is, and how tall all are together, in pixels. */
  readonly top: number;
  readonly height: number;
}

/** Which rows of one height are seen in a scrolled box. Millions of them cost what is looked at. */
export function rowsInView(count: number, rowHeight: number, top: number, boxHeight: number): RowsInView {
  const full = count * rowHeight;
  const height = Math.min(full, tallest);
  const visible = Math.ceil(boxHeight / rowHeight) + 1;
  // Where rows share pixels, the bar's place is a part of all rows rather than a row's own.
  const room = Math.max(1, height - boxHeight);
  const at = full === height ? top / rowHeight : (Math.min(top, room) / room) * Math.max(0, count - boxHeight / rowHeight);
  const overscan = full === height ? 8 : 0;
  const first = Math.max(0, Math.min(Math.floor(at) - overscan, count - 1));
  const end = Math.min(count, Math.floor(at) + visible + overscan);
  return { first, end, height, top: full === height ? first * rowHeight : top - (at - Math.floor(at)) * rowHeight };
}
