"use client";

import { useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { useStore } from "@/hooks/use-store";
import { splitSizes } from "@/lib/split-sizes";

interface Props {
  /** Names the divider for assistive technology, and the size where it is remembered. */
  readonly label: string;
  readonly storageKey: string;
  readonly direction: "row" | "column";
  /** Which pane has a size of its own; the other takes what is left. */
  readonly sized: "first" | "second";
  readonly initial: number;
  readonly min: number;
  /** The least that is left for the other pane. */
  readonly rest: number;
  /** The pane with a size of its own is out of sight; it stays as it is. */
  readonly collapsed?: boolean;
  /** The one that is shown alone, where there is no room for both; the other stays as it is. */
  readonly only?: "first" | "second" | undefined;
  readonly first: ReactNode;
  readonly second: ReactNode;
}

/** Two panes and a divider that is dragged, moved with the arrow keys, and reset by a double click. */
export function Split({ label, storageKey, direction, sized, initial, min, rest, collapsed = false, only, first, second }: Props) {
  const size = useStore(splitSizes)[storageKey] ?? initial;
  const host = useRef<HTMLDivElement>(null);
  const row = direction === "row";
  const sign = sized === "first" ? 1 : -1;

  const choose = (wanted: number) => {
    const box = host.current?.getBoundingClientRect();
    const room = (box ? (row ? box.width : box.height) : Infinity) - rest;
    const next = Math.round(Math.max(min, Math.min(wanted, room)));
    splitSizes.update((sizes) => ({ ...sizes, [storageKey]: next }));
  };
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.button !== 0) return;
    event.preventDefault();
    const divider = event.currentTarget;
    const from = row ? event.clientX : event.clientY;
    const before = size;
    divider.setPointerCapture(event.pointerId);
    const move = (moved: globalThis.PointerEvent) => choose(before + sign * ((row ? moved.clientX : moved.clientY) - from));
    const end = () => {
      divider.removeEventListener("pointermove", move);
      divider.removeEventListener("lostpointercapture", end);
    };
    divider.addEventListener("pointermove", move);
    divider.addEventListener("lostpointercapture", end);
  };
  const keyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = row ? { ArrowLeft: -16, ArrowRight: 16 } : { ArrowUp: -16, ArrowDown: 16 };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(size + sign * step);
  };

  const fixed = { flexBasis: size, [row ? "maxWidth" : "maxHeight"]: `calc(100% - ${rest}px)` };
  const pane = (which: "first" | "second", child: ReactNode) => {
    const hidden = only ? which !== only : collapsed && which === sized;
    const rigid = !only && which === sized;
    return (
      <div className={`min-h-0 min-w-0 ${hidden ? "hidden" : "flex"} ${rigid ? "shrink-0 grow-0" : "flex-1"}`} style={rigid ? fixed : undefined}>
        {child}
      </div>
    );
  };
  return (
    <div ref={host} className={`flex min-h-0 min-w-0 flex-1 ${row ? "flex-row" : "flex-col"}`}>
      {pane("first", first)}
      {/* A focusable separator is a widget (WAI-ARIA 1.2, 5.3.2), which the rules below do not know. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        role="separator"
        aria-label={label}
        aria-orientation={row ? "vertical" : "horizontal"}
        aria-valuenow={size}
        aria-valuemin={min}
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onPointerDown={drag}
        onKeyDown={keyDown}
        onDoubleClick={() => choose(initial)}
        hidden={collapsed || only !== undefined}
        className={`relative z-[2] shrink-0 touch-none bg-line transition-colors after:absolute hover:bg-accent focus-visible:bg-accent focus-visible:outline-none ${
          row ? "w-px cursor-col-resize after:inset-y-0 after:-right-1 after:-left-1" : "h-px cursor-row-resize after:inset-x-0 after:-top-1 after:-bottom-1"
        }`}
      />
      {pane("second", second)}
    </div>
  );
}
