"use client";

import { Link2Off, Users } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { Brand } from "@/components/brand";
import { ThemeToggle } from "@/components/theme-toggle";
import { Button } from "@/components/ui/button";
import { api } from "@/lib/api";
import { Problem, errorText } from "@/lib/problem";
import type { User } from "@/lib/schemas";
import type { Shared } from "@/lib/sharing";
import { shareWords } from "./rights";
import { forgetToken, takeToken } from "./token";

type State =
  | { readonly kind: "looking" }
  | { readonly kind: "signed_out" }
  | { readonly kind: "asking"; readonly token: string; readonly user: User; readonly error: string; readonly busy: boolean }
  | { readonly kind: "accepted"; readonly shared: Shared }
  /** No link at all, or one that does not work (any more). */
  | { readonly kind: "dead" }
  | { readonly kind: "failed"; readonly error: string };

/** What can be done with a token. */
async function stateOf(token: string): Promise<State> {
  if (token === "") return { kind: "dead" };
  try {
    return { kind: "asking", token, user: await api.me(), error: "", busy: false };
  } catch (error) {
    return error instanceof Problem && error.status === 401 ? { kind: "signed_out" } : { kind: "failed", error: errorText(error) };
  }
}

/** Where the link of a share leads. */
export function AcceptPage() {
  const [state, setState] = useState<State>({ kind: "looking" });

  useEffect(() => {
    let left = false;
    const look = () => {
      void stateOf(takeToken()).then((next) => {
        if (!left) setState(next);
      });
    };
    const again = () => {
      // Our own change of the address is no new link.
      if (window.location.hash !== "") look();
    };
    window.addEventListener("hashchange", again);
    look();
    return () => {
      left = true;
      window.removeEventListener("hashchange", again);
    };
  }, []);

  const accept = async (asking: Extract<State, { kind: "asking" }>) => {
    setState({ ...asking, busy: true, error: "" });
    try {
      const shared = await api.acceptShare(asking.token);
      forgetToken();
      setState({ kind: "accepted", shared });
      window.location.replace(`/workspace/?id=${encodeURIComponent(shared.session.id)}`);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) {
        forgetToken();
        setState({ kind: "dead" });
      } else if (error instanceof Problem && error.status === 401) {
        setState({ kind: "signed_out" });
      } else {
        setState({ ...asking, busy: false, error: errorText(error) });
      }
    }
  };

  return (
    <div className="flex min-h-full flex-col bg-panel">
      <header className="flex h-14 items-center justify-between px-5">
        <Brand />
        <ThemeToggle />
      </header>
      <main className="flex flex-1 items-start justify-center px-4 pt-[10vh] pb-16">
        <div className="w-full max-w-[420px] rounded-xl border border-line bg-raised p-7 shadow-float">{content()}</div>
      </main>
    </div>
  );

  function content(): ReactNode {
    switch (state.kind) {
      case "looking":
        return (
          <p role="status" className="text-muted">
            Opening the link…
          </p>
        );
      case "signed_out":
        return (
          <Words icon={<Users size={22} aria-hidden />} title="A session is shared with you" text="Sign in to open it. You come back here afterwards.">
            <LinkButton href="/login/?next=/share/" primary>
              Sign in
            </LinkButton>
            <LinkButton href="/register/?next=/share/">Create an account</LinkButton>
          </Words>
        );
      case "asking":
        return (
          <Words
            icon={<Users size={22} aria-hidden />}
            title="A session is shared with you"
            text={`Accept it as ${state.user.username}: its owner sees your name, and when you are there. It is then listed among your sessions until it ends or you leave it.`}
          >
            {state.error !== "" && (
              <p role="alert" className="w-full rounded-md border border-bad/40 bg-bad/10 px-3 py-2 text-[13px] text-bad">
                {state.error.charAt(0).toUpperCase() + state.error.slice(1)}
              </p>
            )}
            <Button kind="primary" disabled={state.busy} onClick={() => void accept(state)}>
              {state.busy ? "Opening…" : "Accept and open"}
            </Button>
            <LinkButton href="/dashboard/">Not now</LinkButton>
          </Words>
        );
      case "accepted":
        return (
          <Words icon={<Users size={22} aria-hidden />} title={`“${state.shared.session.name}” by ${state.shared.owner}`} text={`${shareWords(state.shared)}. Opening it…`}>
            <LinkButton href={`/workspace/?id=${encodeURIComponent(state.shared.session.id)}`}>Open</LinkButton>
          </Words>
        );
      case "dead":
        return (
          <Words
            icon={<Link2Off size={22} aria-hidden />}
            title="This link does not work"
            text="It was revoked, has expired, or is not complete. Check that all of it was copied, or ask whoever sent it for a new one."
          >
            <LinkButton href="/dashboard/">Go to your sessions</LinkButton>
          </Words>
        );
      case "failed":
        return (
          <Words icon={<Link2Off size={22} aria-hidden />} title="The link could not be opened" text={state.error}>
            <Button kind="primary" onClick={() => void stateOf(takeToken()).then(setState)}>
              Try again
            </Button>
          </Words>
        );
    }
  }
}

function Words({ icon, title, text, children }: { readonly icon: ReactNode; readonly title: string; readonly text: string; readonly children: ReactNode }) {
  return (
    <>
      <span className="text-accent-text">{icon}</span>
      <h1 className="mt-2 text-[20px] leading-7 font-semibold tracking-tight break-words">{title}</h1>
      <p className="mt-1 text-[13px] text-muted">{text}</p>
      <div className="mt-5 flex flex-wrap gap-2">{children}</div>
    </>
  );
}

function LinkButton({ href, primary = false, children }: { readonly href: string; readonly primary?: boolean; readonly children: ReactNode }) {
  const look = primary ? "bg-accent font-semibold text-on-accent hover:bg-accent-hover" : "border border-line-strong font-medium hover:bg-hover";
  return (
    <a href={href} className={`inline-flex h-8 items-center rounded-md px-3 text-[13px] ${look}`}>
      {children}
    </a>
  );
}
