"use client";

import { Fragment, useRef, useState, type DragEvent, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

/** What a dragged tab is known by. */
export const draggedTerminal = "application/x-terminal";

/** In shares of the width: the least that a terminal keeps. */
const least = 0.12;
const keyStep = 0.02;

interface Props {
  /** Names those that stand side by side, from the left. */
  readonly names: readonly string[];
  readonly front: string;
  readonly onFront: (name: string) => void;
  /** Puts a terminal whose tab was dropped here beside those. */
  readonly onDropped: ((name: string) => void) | undefined;
  readonly children: (name: string) => ReactNode;
}

/** Terminals side by side, with dividers that are dragged, or moved with the arrow keys. */
export function TerminalGroup({ names, front, onFront, onDropped, children }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [dropping, setDropping] = useState(false);
  const key = names.join("\n");
  const [kept, setKept] = useState<{ key: string; shares: readonly number[] }>({ key: "", shares: [] });
  const shares = kept.key === key ? kept.shares : names.map(() => 1 / names.length);

  /** Gives the terminal at the left of a divider that much more of the width. */
  const move = (index: number, from: readonly number[], by: number) => {
    const left = from[index] ?? 0;
    const right = from[index + 1] ?? 0;
    const bounded = Math.max(least - left, Math.min(by, right - least));
    setKept({ key, shares: from.map((share, at) => (at === index ? left + bounded : at === index + 1 ? right - bounded : share)) });
  };
  const drag = (index: number) => (event: PointerEvent<HTMLDivElement>) => {
    const width = host.current?.getBoundingClientRect().width ?? 0;
    if (event.button !== 0 || width === 0) return;
    event.preventDefault();
    const divider = event.currentTarget;
    const begin = event.clientX;
    divider.setPointerCapture(event.pointerId);
    const moved = (to: globalThis.PointerEvent) => move(index, shares, (to.clientX - begin) / width);
    const end = () => {
      divider.removeEventListener("pointermove", moved);
      divider.removeEventListener("lostpointercapture", end);
    };
    divider.addEventListener("pointermove", moved);
    divider.addEventListener("lostpointercapture", end);
  };
  const keyDown = (index: number) => (event: KeyboardEvent) => {
    const step = { ArrowLeft: -keyStep, ArrowRight: keyStep }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(index, shares, step);
  };
  const over = (event: DragEvent) => {
    if (!onDropped || !event.dataTransfer.types.includes(draggedTerminal)) return;
    event.preventDefault();
    setDropping(true);
  };
  const drop = (event: DragEvent) => {
    setDropping(false);
    const name = event.dataTransfer.getData(draggedTerminal);
    if (!onDropped || name === "") return;
    event.preventDefault();
    onDropped(name);
  };

  return (
    <div ref={host} onDragOver={over} onDragLeave={() => setDropping(false)} onDrop={drop} className="relative flex min-h-0 min-w-0 flex-1">
      {names.map((name, index) => (
        <Fragment key={name}>
          {index > 0 && (
            // A focusable separator is a widget (WAI-ARIA 1.2, 5.3.2), which the rules below do not know.
            // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
            <div
              role="separator"
              aria-label={`Width of terminal ${names[index - 1] ?? ""}`}
              aria-orientation="vertical"
              aria-valuenow={Math.round((shares[index - 1] ?? 0) * 100)}
              // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
              tabIndex={0}
              onPointerDown={drag(index - 1)}
              onKeyDown={keyDown(index - 1)}
              onDoubleClick={() => setKept({ key: "", shares: [] })}
              className="relative z-[2] w-px shrink-0 cursor-col-resize touch-none bg-line transition-colors after:absolute after:inset-y-0 after:-right-1 after:-left-1 hover:bg-accent focus-visible:bg-accent focus-visible:outline-none"
            />
          )}
          <div
            onFocusCapture={() => onFront(name)}
            style={{ flexGrow: shares[index] ?? 1 }}
            className={`flex min-h-0 min-w-0 shrink basis-0 flex-col ${names.length > 1 ? `border-t-2 ${name === front ? "border-accent" : "border-transparent"}` : ""}`}
          >
            {children(name)}
          </div>
        </Fragment>
      ))}
      {dropping && <div aria-hidden className="pointer-events-none absolute inset-y-0 right-0 z-20 w-1/2 border-l-2 border-accent bg-accent/15" />}
    </div>
  );
}
