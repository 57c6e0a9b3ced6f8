"use client";

import { useEffect, useLayoutEffect, useRef, type KeyboardEvent, type ReactNode } from "react";
import { createPortal } from "react-dom";

export interface MenuItem {
  readonly label: string;
  readonly onSelect: () => void;
  readonly icon?: ReactNode;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  readonly shortcut?: string;
}

interface Props {
  readonly label: string;
  /** Where its corner is, in the window's pixels; `end` hangs it from its right corner. */
  readonly at: { readonly x: number; readonly y: number; readonly end?: boolean };
  /** Groups of entries, divided by lines. */
  readonly groups: readonly (readonly MenuItem[])[];
  readonly header?: ReactNode;
  readonly onClose: () => void;
}

/** A menu at a point. Arrows move, Escape and a click outside close; the focus goes back to where it was. */
export function Menu({ label, at, groups, header, onClose }: Props) {
  const ref = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const menu = ref.current;
    if (!menu) return;
    const { width, height } = menu.getBoundingClientRect();
    const x = at.end ? at.x - width : at.x;
    menu.style.left = `${Math.max(8, Math.min(x, window.innerWidth - width - 8))}px`;
    menu.style.top = `${Math.max(8, Math.min(at.y, window.innerHeight - height - 8))}px`;
  }, [at]);

  useEffect(() => {
    const before = document.activeElement;
    // A menu without entries still has Escape.
    (ref.current?.querySelector<HTMLElement>("[role=menuitem]:not(:disabled)") ?? ref.current)?.focus();
    return () => {
      if (before instanceof HTMLElement && (document.activeElement === null || document.activeElement === document.body)) before.focus();
    };
  }, []);

  useEffect(() => {
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !ref.current?.contains(event.target)) onClose();
    };
    window.addEventListener("pointerdown", outside, true);
    window.addEventListener("blur", onClose);
    return () => {
      window.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("blur", onClose);
    };
  }, [onClose]);

  const keyDown = (event: KeyboardEvent) => {
    const items = [...(ref.current?.querySelectorAll<HTMLElement>("[role=menuitem]:not(:disabled)") ?? [])];
    const index = items.findIndex((item) => item === document.activeElement);
    const steps: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1 + items.length, Home: 0, End: items.length - 1 };
    const step = steps[event.key];
    if (event.key === "Escape" || event.key === "Tab") onClose();
    else if (step !== undefined && items.length > 0) items[step % items.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return createPortal(
    <div
      ref={ref}
      role="menu"
      aria-label={label}
      tabIndex={-1}
      onKeyDown={keyDown}
      className="fixed z-50 max-h-[calc(100dvh-16px)] min-w-44 overflow-y-auto focus-visible:outline-none rounded-lg border border-line bg-raised p-1 text-[13px] shadow-float"
    >
      {header && <div className={`px-2 pt-1 pb-2 ${groups.length > 0 ? "mb-1 border-b border-line" : ""}`}>{header}</div>}
      {groups.map((group, index) => (
        <div key={index} role="group" className={index > 0 ? "mt-1 border-t border-line pt-1" : ""}>
          {group.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              disabled={item.disabled}
              onClick={() => {
                onClose();
                item.onSelect();
              }}
              className={`flex h-7 w-full items-center gap-2 rounded-md px-2 text-left pointer-coarse:h-9 hover:bg-hover focus-visible:bg-hover focus-visible:outline-none disabled:opacity-40 ${item.danger ? "text-bad" : ""}`}
            >
              <span className="flex w-4 justify-center text-faint" aria-hidden>
                {item.icon}
              </span>
              <span className="flex-1">{item.label}</span>
              {item.shortcut && <span className="pl-4 text-[12px] text-muted pointer-coarse:hidden">{item.shortcut}</span>}
            </button>
          ))}
        </div>
      ))}
    </div>,
    document.body,
  );
}
