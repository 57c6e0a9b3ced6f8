import type { ReactNode } from "react";

interface Props {
  readonly title: string;
  readonly note?: string;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}

export function Section({ title, note = "", action, children }: Props) {
  return (
    <section aria-label={title} className="mt-7">
      <div className="flex flex-wrap items-end gap-2">
        <div className="min-w-48 flex-1">
          <h2 className="text-[15px] font-semibold">{title}</h2>
          {note && <p className="text-[13px] text-muted">{note}</p>}
        </div>
        {action && <div className="flex flex-wrap gap-2">{action}</div>}
      </div>
      <div className="mt-2 overflow-hidden rounded-lg border border-line">{children}</div>
    </section>
  );
}
