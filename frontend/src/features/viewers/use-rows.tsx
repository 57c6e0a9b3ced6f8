import { useLayoutEffect, useState, type RefObject, type UIEvent } from "react";
import { rowsInView, type RowsInView } from "./rows-in-view";

export interface Rows extends RowsInView {
  readonly scrollLeft: number;
  readonly width: number;
  readonly onScroll: (event: UIEvent<HTMLElement>) => void;
  /** The scroll position that has a row at the top. */
  readonly offsetOf: (row: number) => number;
}

/** The rows of one height that are seen in a scrolled box. */
export function useRows(box: RefObject<HTMLElement | null>, count: number, rowHeight: number): Rows {
  const [view, setView] = useState({ top: 0, left: 0, height: 800, width: 800 });
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setView((now) => ({ ...now, height: element.clientHeight, width: element.clientWidth })));
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  const shown = rowsInView(count, rowHeight, view.top, view.height);
  return {
    ...shown,
    scrollLeft: view.left,
    width: view.width,
    onScroll: ({ currentTarget: { scrollTop: top, scrollLeft: left } }) => setView((now) => ({ ...now, top, left })),
    offsetOf: (row) => (count * rowHeight === shown.height ? row * rowHeight : (row / count) * (shown.height - view.height)),
  };
}
