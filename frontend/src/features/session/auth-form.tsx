"use client";

import { useState, useSyncExternalStore, type SubmitEvent, type ReactNode } from "react";
import { Brand } from "@/components/brand";
import { ThemeToggle } from "@/components/theme-toggle";
import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { api } from "@/lib/api";
import { Problem, errorText } from "@/lib/problem";
import { hasEnded, pageAfterSignIn } from "./sign-out";

/** The page around a form: the mark, the form, and one line that leads to the other form. */
function AuthPage({ title, lead, children, other }: { title: string; lead: string; children: ReactNode; other: ReactNode }) {
  return (
    <div className="flex min-h-full flex-col bg-panel">
      <header className="flex h-14 items-center justify-between px-5">
        <Brand />
        <ThemeToggle />
      </header>
      <main className="flex flex-1 items-start justify-center px-4 pt-[10vh] pb-16">
        <div className="w-full max-w-[380px]">
          <div className="rounded-xl border border-line bg-raised p-7 shadow-float">
            <h1 className="text-[20px] leading-7 font-semibold tracking-tight">{title}</h1>
            <p className="mt-1 text-[13px] text-muted">{lead}</p>
            {children}
          </div>
          <p className="mt-4 text-center text-[13px] text-muted">{other}</p>
        </div>
      </main>
    </div>
  );
}

function FormError({ text }: { readonly text: string }) {
  if (!text) return null;
  return (
    <p role="alert" className="rounded-md border border-bad/40 bg-bad/10 px-3 py-2 text-[13px] text-bad">
      {text}
    </p>
  );
}

interface Failure {
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}
const noFailure: Failure = { fields: {}, text: "" };

/** What went wrong, at the fields where the server names one of them. */
function failureOf(error: unknown, known: readonly string[]): Failure {
  if (!(error instanceof Problem)) return { fields: {}, text: errorText(error) };
  const shown = Object.keys(error.fields).some((field) => known.includes(field));
  return { fields: error.fields, text: shown ? "" : error.message };
}

/** The query of the page's address; "" while the page is being built. */
function useQuery(): string {
  return useSyncExternalStore(
    () => () => undefined,
    () => window.location.search,
    () => "",
  );
}

/** To the other form, which leads on to the same page as this one. */
function OtherForm({ href, children }: { readonly href: string; readonly children: ReactNode }) {
  const search = useQuery();
  return (
    <a className="font-medium text-accent-text underline-offset-2 hover:underline" href={href + search}>
      {children}
    </a>
  );
}

/** Submits once at a time, then leaves for the page that was asked for. */
function useSubmit(known: readonly string[], send: (data: FormData) => Promise<unknown>, after: () => Promise<string> = () => Promise.resolve(pageAfterSignIn(window.location.search))) {
  const [failure, setFailure] = useState(noFailure);
  const [busy, setBusy] = useState(false);
  const submit = async (form: HTMLFormElement) => {
    setBusy(true);
    setFailure(noFailure);
    try {
      await send(new FormData(form));
      window.location.assign(await after());
    } catch (error) {
      const next = failureOf(error, known);
      setFailure(next);
      setBusy(false);
      const field = known.find((name) => next.fields[name]);
      form.querySelector<HTMLInputElement>(`[name="${field ?? known[0] ?? ""}"]`)?.focus();
    }
  };
  return {
    failure,
    busy,
    onSubmit: (event: SubmitEvent<HTMLFormElement>) => {
      event.preventDefault();
      if (!busy) void submit(event.currentTarget);
    },
  };
}

function textOf(data: FormData, name: string): string {
  const value = data.get(name);
  return typeof value === "string" ? value : "";
}

export function SignInForm() {
  const ended = hasEnded(useQuery());
  const { failure, busy, onSubmit } = useSubmit(["username", "password"], (data) =>
    api.login({ username: textOf(data, "username").trim(), password: textOf(data, "password") }),
  );
  return (
    <AuthPage
      title="Sign in"
      lead={ended ? "You were signed out. Sign in to go on where you were; edits that were not saved are kept in this browser." : "Your sessions are where you left them."}
      other={
        <>
          New here?{" "}
          <OtherForm href="/register/">Create an account</OtherForm>
        </>
      }
    >
      <form className="mt-6 space-y-4" onSubmit={onSubmit} noValidate>
        <FormError text={failure.text} />
        <Field label="Username" name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required error={failure.fields.username ?? ""} />
        <Field label="Password" name="password" type="password" autoComplete="current-password" required error={failure.fields.password ?? ""} />
        <Button kind="primary" type="submit" className="h-9 w-full" disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </Button>
      </form>
    </AuthPage>
  );
}

/** Who has just come wants to write: the way goes straight into a first session, unless it was to lead elsewhere. */
async function firstPage(): Promise<string> {
  const wanted = pageAfterSignIn(window.location.search);
  if (wanted !== "/dashboard/") return wanted;
  try {
    const { id } = await api.createSession("My first session");
    await api.ensureDefault(id);
    return `/workspace/?id=${id}`;
  } catch {
    // The list of sessions offers to make one, and says what is wrong.
    return wanted;
  }
}

export function RegisterForm() {
  const { failure, busy, onSubmit } = useSubmit(["username", "email", "password"], (data) =>
    api.register({
      username: textOf(data, "username").trim(),
      email: textOf(data, "email").trim(),
      password: textOf(data, "password"),
    }),
    firstPage,
  );
  return (
    <AuthPage
      title="Create your account"
      lead="An editor, a real terminal, and files that stay."
      other={
        <>
          Have an account?{" "}
          <OtherForm href="/login/">Sign in</OtherForm>
        </>
      }
    >
      <form className="mt-6 space-y-4" onSubmit={onSubmit} noValidate>
        <FormError text={failure.text} />
        <Field label="Username" name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required error={failure.fields.username ?? ""} />
        <Field label="Email" name="email" type="email" autoComplete="email" required error={failure.fields.email ?? ""} />
        <Field label="Password" name="password" type="password" autoComplete="new-password" required error={failure.fields.password ?? ""} />
        <Button kind="primary" type="submit" className="h-9 w-full" disabled={busy}>
          {busy ? "Creating…" : "Create account"}
        </Button>
      </form>
    </AuthPage>
  );
}
