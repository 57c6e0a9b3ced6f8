"use client";

import type { ReactNode } from "react";
import { Brand } from "@/components/brand";
import { ThemeToggle } from "@/components/theme-toggle";
import { UserMenu } from "@/components/user-menu";
import type { User } from "@/lib/schemas";

/** A page of the account: the bar above, and a column. */
export function PageShell({ user, width = "max-w-3xl", children }: { readonly user: User | null; readonly width?: string; readonly children: ReactNode }) {
  return (
    <div className="min-h-full">
      <header className="sticky top-0 z-10 border-b border-line bg-panel">
        <div className={`mx-auto flex h-12 ${width} items-center gap-2 px-4`}>
          <div className="flex flex-1 items-center">
            <a href="/dashboard/" aria-label="Coding Platform: all sessions" className="rounded-md">
              <Brand />
            </a>
          </div>
          <ThemeToggle />
          <UserMenu user={user} />
        </div>
      </header>
      <main className={`mx-auto ${width} px-4 pt-8 pb-16`}>{children}</main>
    </div>
  );
}
