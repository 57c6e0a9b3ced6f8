"use client";

import { PageShell } from "@/features/session/page-shell";
import { useUser } from "@/hooks/use-user";
import { SettingsForm } from "./settings-form";

export function SettingsPage() {
  const user = useUser();
  return (
    <PageShell user={user}>
      <h1 className="text-[20px] leading-7 font-semibold tracking-tight">Settings</h1>
      <p className="mb-5 text-[13px] text-muted">They take effect as you choose, and are the same on all your devices.</p>
      <SettingsForm />
    </PageShell>
  );
}
