"use client";

import { LayoutGrid, LogOut, Settings, UserRound } from "lucide-react";
import { useCallback, useState } from "react";
import { signOut } from "@/features/session/sign-out";
import type { User } from "@/lib/schemas";
import { Menu } from "./ui/menu";

interface Props {
  readonly user: User | null;
  readonly onDashboard?: () => void;
}

export function UserMenu({ user, onDashboard }: Props) {
  const [at, setAt] = useState<{ x: number; y: number; end: boolean } | null>(null);
  const close = useCallback(() => setAt(null), []);
  const name = user?.username ?? "";
  return (
    <>
      <button
        type="button"
        aria-label="Account"
        aria-haspopup="menu"
        aria-expanded={at !== null}
        title={name}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          setAt({ x: box.right, y: box.bottom + 4, end: true });
        }}
        className="flex size-7 shrink-0 items-center justify-center rounded-full bg-active text-[12px] font-semibold text-text uppercase hover:bg-line-strong"
      >
        {name.slice(0, 1) || "·"}
      </button>
      {at && (
        <Menu
          label="Account"
          at={at}
          onClose={close}
          header={
            <div className="max-w-60">
              <div className="truncate font-medium">{name}</div>
              <div className="truncate text-[12px] text-muted">{user?.email}</div>
            </div>
          }
          groups={[
            onDashboard ? [{ label: "All sessions", icon: <LayoutGrid size={14} />, onSelect: onDashboard }] : [],
            [
              { label: "Settings", icon: <Settings size={14} />, onSelect: () => window.location.assign("/settings/") },
              { label: "Account", icon: <UserRound size={14} />, onSelect: () => window.location.assign("/account/") },
            ],
            [{ label: "Sign out", icon: <LogOut size={14} />, onSelect: () => void signOut() }],
          ].filter((group) => group.length > 0)}
        />
      )}
    </>
  );
}
