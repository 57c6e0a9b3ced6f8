"use client";

import { useEffect, useMemo, useRef, type PointerEvent } from "react";

/** How long a finger stays before that means something, in milliseconds, and how far it may move, in pixels. */
const holdMs = 500;
const slackPx = 10;

interface Hold {
  readonly handlers: {
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerMove: (event: PointerEvent) => void;
    readonly onPointerUp: () => void;
    readonly onPointerCancel: () => void;
  };
  /** Whether the click that comes now is the end of a hold, and means nothing. */
  was(): boolean;
}

/** Calls back when a finger stays where it is: not every browser makes a contextmenu event of that. */
export function useHold(held: (event: PointerEvent) => void): Hold {
  const callback = useRef(held);
  useEffect(() => {
    callback.current = held;
  });
  const state = useRef<{ timer?: ReturnType<typeof setTimeout>; x: number; y: number; done: boolean }>({ x: 0, y: 0, done: false });
  useEffect(() => {
    const { current } = state;
    return () => clearTimeout(current.timer);
  }, []);
  return useMemo(() => {
    const stop = () => clearTimeout(state.current.timer);
    return {
      handlers: {
        onPointerDown: (event) => {
          stop();
          const timer = event.pointerType === "touch" ? setTimeout(() => {
            state.current.done = true;
            callback.current(event);
          }, holdMs) : undefined;
          state.current = { ...(timer === undefined ? {} : { timer }), x: event.clientX, y: event.clientY, done: false };
        },
        onPointerMove: (event) => {
          if (Math.hypot(event.clientX - state.current.x, event.clientY - state.current.y) > slackPx) stop();
        },
        onPointerUp: stop,
        onPointerCancel: stop,
      },
      was: () => state.current.done,
    };
  }, []);
}
