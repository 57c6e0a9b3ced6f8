"use client";

import { useId, type SelectHTMLAttributes } from "react";
import { inputClass } from "./field";

interface Props extends SelectHTMLAttributes<HTMLSelectElement> {
  readonly label: string;
  readonly error?: string;
}

/** The browser's own list to choose from, with its label. */
export function Select({ label, error = "", children, ...rest }: Props) {
  const id = useId();
  return (
    <div className="min-w-0">
      <label htmlFor={id} className="mb-1 block text-[13px] font-medium">
        {label}
      </label>
      <select id={id} className={`${inputClass} pr-1 pl-2`} aria-invalid={error ? true : undefined} aria-describedby={error ? `${id}-note` : undefined} {...rest}>
        {children}
      </select>
      {error && (
        <p id={`${id}-note`} className="mt-1 text-[12px] leading-4 text-bad">
          {error.charAt(0).toUpperCase() + error.slice(1)}
        </p>
      )}
    </div>
  );
}
