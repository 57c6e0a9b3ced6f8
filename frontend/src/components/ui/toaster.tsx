"use client";

import { CircleAlert, Info, X } from "lucide-react";
import { useEffect } from "react";
import { useStore } from "@/hooks/use-store";
import { dismiss, showLeftMessage, toasts } from "@/lib/toasts";

export function Toaster() {
  const list = useStore(toasts);
  useEffect(showLeftMessage, []);
  return (
    <div aria-live="polite" className="pointer-events-none fixed right-4 bottom-10 z-50 max-md:bottom-22 flex w-[min(360px,calc(100vw-32px))] flex-col gap-2">
      {list.map((toast) => (
        <div
          key={toast.id}
          role={toast.kind === "error" ? "alert" : "status"}
          className="pointer-events-auto flex items-start gap-2.5 rounded-lg border border-line bg-raised py-2.5 pr-2 pl-3 text-[13px] shadow-float"
        >
          {toast.kind === "error" ? (
            <CircleAlert size={16} className="mt-0.5 shrink-0 text-bad" aria-hidden />
          ) : (
            <Info size={16} className="mt-0.5 shrink-0 text-busy" aria-hidden />
          )}
          <p className="min-w-0 flex-1 break-words">{toast.text}</p>
          {toast.action && (
            <button
              type="button"
              className="shrink-0 rounded px-1 font-medium text-accent-text hover:underline"
              onClick={() => {
                dismiss(toast.id);
                toast.action?.run();
              }}
            >
              {toast.action.label}
            </button>
          )}
          <button type="button" aria-label="Dismiss" className="rounded p-0.5 text-faint hover:text-text" onClick={() => dismiss(toast.id)}>
            <X size={14} aria-hidden />
          </button>
        </div>
      ))}
    </div>
  );
}
