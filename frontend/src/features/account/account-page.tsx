"use client";

import { useState, type SubmitEvent } from "react";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { PageShell } from "@/features/session/page-shell";
import { useUser } from "@/hooks/use-user";
import { api } from "@/lib/api";
import { Problem, errorText } from "@/lib/problem";
import { inform } from "@/lib/toasts";
import { Section } from "./section";
import { SignIns } from "./sign-ins";
import { Tokens } from "./tokens";

export function AccountPage() {
  const user = useUser();
  return (
    <PageShell user={user}>
      <h1 className="text-[20px] leading-7 font-semibold tracking-tight">Account</h1>
      <Section title="Profile">
        <dl className="grid grid-cols-[96px_minmax(0,1fr)] gap-y-1.5 px-4 py-3 text-[14px]">
          <dt className="text-muted">Name</dt>
          <dd className="break-words">{user?.username ?? "…"}</dd>
          <dt className="text-muted">Email</dt>
          <dd className="break-words">{user?.email ?? "…"}</dd>
        </dl>
      </Section>
      <Password />
      <SignIns />
      <Tokens />
    </PageShell>
  );
}

function Password() {
  const [busy, setBusy] = useState(false);
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  const change = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const text = (name: string) => {
      const value = data.get(name);
      return typeof value === "string" ? value : "";
    };
    setBusy(true);
    setErrors({});
    try {
      await api.changePassword(text("current_password"), text("password"));
      form.reset();
      inform("Your password is changed. All other sign-ins have ended.");
    } catch (error) {
      const fields = error instanceof Problem ? error.fields : {};
      setErrors(Object.keys(fields).length > 0 ? fields : { password: errorText(error) });
    }
    setBusy(false);
  };
  return (
    <Section title="Password" note="A new one signs you out everywhere but here. Tokens for programs stay.">
      <form
        className="grid gap-3 px-4 py-3 sm:grid-cols-[1fr_1fr_auto] sm:items-start"
        onSubmit={(event: SubmitEvent<HTMLFormElement>) => {
          event.preventDefault();
          if (!busy) void change(event.currentTarget);
        }}
        noValidate
      >
        <Field label="Present password" name="current_password" type="password" autoComplete="current-password" required error={errors.current_password ?? ""} />
        <Field label="New password" name="password" type="password" autoComplete="new-password" required error={errors.password ?? ""} />
        <Button type="submit" className="h-9 sm:mt-6" disabled={busy}>
          Change
        </Button>
      </form>
    </Section>
  );
}
