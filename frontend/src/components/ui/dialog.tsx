"use client";

import { useId, useLayoutEffect, useRef, type ReactNode } from "react";
import { createPortal } from "react-dom";

interface Props {
  readonly title: string;
  readonly children: ReactNode;
  readonly onClose: () => void;
  readonly size?: keyof typeof widths;
}

const widths = { small: "max-w-md", medium: "max-w-xl", wide: "max-w-5xl" } as const;

/**
 * A modal dialog: the browser's own, which keeps the focus inside and gives it back. It hangs from the page, not from the
 * pane that asks: one that is put out of sight meanwhile would take it along, and the page would stay blocked.
 */
export function Dialog({ title, children, onClose, size = "small" }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return createPortal(
    <dialog
      ref={ref}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      className={`m-auto w-[calc(100vw-32px)] rounded-xl border border-line bg-raised p-0 text-text shadow-float ${widths[size]}`}
    >
      <div className="p-5">
        <h2 id={id} className="text-[15px] font-semibold">
          {title}
        </h2>
        {children}
      </div>
    </dialog>,
    document.body,
  );
}

export function DialogActions({ children }: { readonly children: ReactNode }) {
  return <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>;
}
