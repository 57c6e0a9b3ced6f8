import { useEffect, type RefObject } from "react";

/** Keeps the chosen one of a row that scrolls in sight: when it is chosen, and when it or the row changes its width. */
export function useInSight(ref: RefObject<HTMLElement | null>, chosen: boolean): void {
  useEffect(() => {
    const { current: element } = ref;
    if (!chosen || !element?.parentElement) return;
    // It tells of the first width, too.
    const observer = new ResizeObserver(() => element.scrollIntoView({ block: "nearest", inline: "nearest" }));
    observer.observe(element.parentElement);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref, chosen]);
}
