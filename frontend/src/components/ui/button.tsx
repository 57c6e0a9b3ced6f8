import type { ButtonHTMLAttributes } from "react";

export type ButtonKind = "primary" | "secondary" | "ghost" | "danger";

const kinds: Readonly<Record<ButtonKind, string>> = {
  primary: "bg-accent text-on-accent font-semibold hover:bg-accent-hover",
  secondary: "border border-line-strong bg-raised text-text font-medium hover:bg-hover",
  ghost: "text-muted hover:bg-hover hover:text-text",
  danger: "bg-bad text-bg font-semibold hover:opacity-90",
};

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: ButtonKind;
  readonly small?: boolean;
}

export function Button({ kind = "secondary", small = false, className = "", type = "button", ...rest }: Props) {
  const size = small ? "h-7 px-2.5 text-[13px]" : "h-8 px-3 text-[13px]";
  return (
    <button
      type={type}
      className={`inline-flex shrink-0 items-center justify-center gap-1.5 rounded-md whitespace-nowrap transition-colors disabled:cursor-default disabled:opacity-50 ${size} ${kinds[kind]} ${className}`}
      {...rest}
    />
  );
}

interface IconProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly label: string;
}

/** A square button that shows an icon alone. */
export function IconButton({ label, className = "", type = "button", ...rest }: IconProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={`inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted transition-colors hover:bg-hover hover:text-text disabled:opacity-40 ${className}`}
      {...rest}
    />
  );
}
