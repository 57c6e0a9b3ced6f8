"use client";

import { useEffect, useRef, useState } from "react";

interface Props {
  readonly initial: string;
  readonly depth: number;
  /** Of a row, in pixels. */
  readonly height: number;
  /** Why a name cannot be used, or "". */
  readonly validate: (name: string) => string;
  readonly onSubmit: (name: string) => void;
  /** It was left. */
  readonly onCancel: () => void;
  readonly onEscape: () => void;
}

/** The field in the tree for a new name. Enter takes it, Escape and leaving it do not. */
export function NameInput({ initial, depth, height, validate, onSubmit, onCancel, onEscape }: Props) {
  const [name, setName] = useState(initial);
  const [touched, setTouched] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const error = touched ? validate(name) : "";
  useEffect(() => {
    const field = input.current;
    if (!field) return;
    field.focus();
    // The name without its extension is what is mostly changed.
    const dot = initial.lastIndexOf(".");
    field.setSelectionRange(0, dot > 0 ? dot : initial.length);
  }, [initial]);
  return (
    <div className="relative pr-2" style={{ height, paddingLeft: 26 + depth * 12 }}>
      <input
        ref={input}
        aria-label="Name"
        aria-invalid={error ? true : undefined}
        value={name}
        spellCheck={false}
        autoComplete="off"
        className="h-full w-full rounded-sm border border-accent bg-bg px-1.5 text-[13px] outline-none aria-invalid:border-bad"
        onChange={(event) => {
          setName(event.target.value);
          setTouched(true);
        }}
        onBlur={onCancel}
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") {
            onEscape();
          } else if (event.key === "Enter") {
            setTouched(true);
            if (name === initial) onEscape();
            else if (!validate(name)) onSubmit(name);
          }
        }}
      />
      {error && (
        <p role="alert" className="absolute right-2 left-[26px] z-10 mt-0.5 rounded-sm border border-bad/50 bg-raised px-1.5 py-1 text-[12px] leading-4 text-bad shadow-float">
          {error}
        </p>
      )}
    </div>
  );
}
