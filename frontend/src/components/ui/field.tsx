"use client";

import { useId, type InputHTMLAttributes } from "react";

interface Props extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  readonly hint?: string;
  readonly error?: string;
}

export const inputClass =
  "h-9 w-full rounded-md border border-line-strong bg-bg px-3 text-[14px] text-text placeholder:text-faint focus-visible:outline-offset-0 aria-invalid:border-bad";

export function Field({ label, hint = "", error = "", ...rest }: Props) {
  const id = useId();
  const note = error || hint;
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-[13px] font-medium">
        {label}
      </label>
      <input
        id={id}
        className={inputClass}
        aria-invalid={error ? true : undefined}
        aria-describedby={note ? `${id}-note` : undefined}
        {...rest}
      />
      {note && (
        <p id={`${id}-note`} className={`mt-1 text-[12px] leading-4 ${error ? "text-bad" : "text-muted"}`}>
          {note.charAt(0).toUpperCase() + note.slice(1)}
        </p>
      )}
    </div>
  );
}
