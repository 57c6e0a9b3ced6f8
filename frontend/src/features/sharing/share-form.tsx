"use client";

import { Check, CircleCheck, Copy } from "lucide-react";
import { useId, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { Field, inputClass } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { useStore } from "@/hooks/use-store";
import { Problem, errorText } from "@/lib/problem";
import type { Share } from "@/lib/sharing";
import { expiries, newShare, type ShareForm as Values, type Shares } from "./shares";

interface Props {
  readonly shares: Shares;
  /** Those that can be shared alone, and the one that is meant at first; empty: the whole workspace. */
  readonly terminals: readonly string[];
  readonly terminal: string;
}

interface Failure {
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}
const noFailure: Failure = { fields: {}, text: "" };
/** The fields of the request that the form has a place for. */
const known = ["username", "email", "terminal", "mode", "expires_in"];

/** Makes a share. A link is shown here, once: the server keeps only its digest. */
export function ShareForm({ shares, terminals, terminal }: Props) {
  const [values, setValues] = useState<Values>({ who: "link", name: "", terminal, mode: "view", expires: 7 * 86_400 });
  const [failure, setFailure] = useState(noFailure);
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<Share | null>(null);
  const { shares: list } = useStore(shares.state);
  const stands = made !== null && list.some(({ id }) => id === made.id);
  const set = (change: Partial<Values>) => {
    setValues((before) => ({ ...before, ...change }));
    setFailure(noFailure);
  };
  const choices = terminal !== "" && !terminals.includes(terminal) ? [terminal, ...terminals] : terminals;

  const submit = async () => {
    setBusy(true);
    setFailure(noFailure);
    setMade(null);
    try {
      setMade(await shares.add(newShare(values)));
      setValues((before) => ({ ...before, name: "" }));
    } catch (error) {
      if (error instanceof Problem) {
        // Nobody of that name is the one thing that can be missing here.
        const fields = error.status === 404 && values.who === "user" && Object.keys(error.fields).length === 0 ? { username: error.message } : error.fields;
        setFailure({ fields, text: known.some((field) => fields[field]) ? "" : error.message });
      } else {
        setFailure({ fields: {}, text: errorText(error) });
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <form
      className="mt-4 space-y-4"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void submit();
      }}
    >
      {failure.text && (
        <p role="alert" className="rounded-md border border-bad/40 bg-bad/10 px-3 py-2 text-[13px] text-bad">
          {failure.text}
        </p>
      )}
      <fieldset>
        <legend className="mb-1 text-[13px] font-medium">With</legend>
        <div className="grid gap-2 sm:grid-cols-2">
          <Choice name="who" label="Anyone with the link" hint="Once signed in" checked={values.who === "link"} onChoose={() => set({ who: "link" })} />
          <Choice name="who" label="One user" hint="By username or email" checked={values.who === "user"} onChoose={() => set({ who: "user" })} />
        </div>
      </fieldset>
      {values.who === "user" && (
        <Field
          label="Username or email"
          name="username"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={values.name}
          error={failure.fields.username ?? failure.fields.email ?? ""}
          onChange={(event) => set({ name: event.target.value })}
        />
      )}
      <div className="grid gap-3 sm:grid-cols-3">
        <Select label="What" value={values.terminal} error={failure.fields.terminal ?? ""} onChange={(event) => set({ terminal: event.target.value })}>
          <option value="">Whole workspace</option>
          {choices.map((name) => (
            <option key={name} value={name}>
              Terminal {name}
            </option>
          ))}
        </Select>
        <Select label="May" value={values.mode} error={failure.fields.mode ?? ""} onChange={(event) => set({ mode: event.target.value === "write" ? "write" : "view" })}>
          <option value="view">View only</option>
          <option value="write">View and write</option>
        </Select>
        <Select label="Ends after" value={values.expires} error={failure.fields.expires_in ?? ""} onChange={(event) => set({ expires: Number(event.target.value) })}>
          {expiries.map(({ seconds, label }) => (
            <option key={seconds} value={seconds}>
              {label}
            </option>
          ))}
        </Select>
      </div>
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="min-w-0 flex-1 basis-60 text-[12px] leading-4 text-muted">{meaning(values)}</p>
        <Button kind="primary" type="submit" disabled={busy || (values.who === "user" && values.name.trim() === "")}>
          {values.who === "link" ? "Create link" : "Share"}
        </Button>
      </div>
      {stands && made.url && <MadeLink key={made.id} url={made.url} />}
      {stands && made.kind === "user" && (
        <p role="status" className="flex items-center gap-2 rounded-md border border-line bg-panel px-3 py-2 text-[13px]">
          <CircleCheck size={16} className="shrink-0 text-ok" aria-hidden />
          Shared with {made.username}: it is on their dashboard now.
        </p>
      )}
    </form>
  );
}

/** What the share that is being made lets people do. */
function meaning({ terminal, mode }: Values): string {
  if (terminal !== "") return mode === "write" ? "They type into this terminal as you do: it reaches every file of the session." : "They see this terminal, and nothing else of the session.";
  return mode === "write" ? "They change files and run programs as you do." : "They see the files and the terminals, and change nothing.";
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly checked: boolean;
  readonly onChoose: () => void;
}

function Choice({ name, label, hint, checked, onChoose }: ChoiceProps) {
  const id = useId();
  return (
    <label className={`flex cursor-pointer items-center gap-2.5 rounded-md border px-3 py-2 ${checked ? "border-accent bg-accent/10" : "border-line-strong"}`}>
      <input type="radio" name={name} checked={checked} onChange={onChoose} aria-labelledby={id} aria-describedby={`${id}-hint`} className="size-4 shrink-0 accent-accent-text" />
      <span className="min-w-0 leading-4">
        <span id={id} className="block text-[13px] font-medium">
          {label}
        </span>
        <span id={`${id}-hint`} className="block text-[12px] text-muted">
          {hint}
        </span>
      </span>
    </label>
  );
}

function MadeLink({ url }: { readonly url: string }) {
  const input = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<"no" | "yes" | "refused">("no");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(url);
      setCopied("yes");
    } catch {
      // Not allowed, or not a secure page: what is selected can be copied by hand.
      input.current?.select();
      setCopied("refused");
    }
  };
  return (
    <div className="rounded-md border border-line bg-panel p-3">
      <label className="block text-[13px] font-medium" htmlFor="made-link">
        The link
      </label>
      <div className="mt-1.5 flex gap-2">
        <input ref={input} id="made-link" readOnly value={url} onFocus={(event) => event.target.select()} className={`${inputClass} min-w-0 font-mono text-[12px]`} />
        <Button kind="primary" className="h-9" onClick={() => void copy()}>
          {copied === "yes" ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
          {copied === "yes" ? "Copied" : "Copy"}
        </Button>
      </div>
      <p role="status" className="mt-1.5 text-[12px] text-muted">
        {copied === "refused" ? "The browser does not allow it: the link is selected, copy it by hand." : "Copy it now: it is not shown again."}
      </p>
    </div>
  );
}
