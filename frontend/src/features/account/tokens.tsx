"use client";

import { Copy, KeyRound } from "lucide-react";
import { useState, type SubmitEvent } from "react";
import { Button } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { Field, inputClass } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { failureText } from "@/features/session/sign-out";
import { useNow } from "@/hooks/use-now";
import { api } from "@/lib/api";
import { formatAgo, formatUntil } from "@/lib/format";
import { Problem } from "@/lib/problem";
import { inform } from "@/lib/toasts";
import { Section } from "./section";
import { useSignIns } from "./use-sign-ins";

const days = [7, 30, 90, 365] as const;

/** Tokens for programs: made, shown once, revoked. */
export function Tokens() {
  const { list, look, end } = useSignIns("tokens");
  const [making, setMaking] = useState(false);
  const now = useNow();
  return (
    <Section
      title="Tokens for programs"
      note="For the API and backend attach, as a Bearer token or BACKEND_TOKEN. They open your sessions, not this page."
      action={
        <Button small onClick={() => setMaking(true)}>
          New token
        </Button>
      }
    >
      {list?.length === 0 && <p className="px-4 py-5 text-center text-[13px] text-muted">There are none.</p>}
      <ul className="divide-y divide-line" aria-busy={list === null}>
        {(list ?? []).map((one) => (
          <li key={one.id} className="flex items-center gap-3 px-4 py-2">
            <KeyRound size={16} className="shrink-0 text-faint" aria-hidden />
            <div className="min-w-0 flex-1">
              <div className="truncate text-[14px]">
                {one.name}
                {one.read_only && <span className="ml-2 text-[12px] text-muted">looks only</span>}
              </div>
              <div className="truncate text-[12px] text-muted">
                last used {formatAgo(one.last_used_at, now)} · ends {formatUntil(one.expires_at, now)}
              </div>
            </div>
            <Button small aria-label={`Revoke ${one.name}`} onClick={() => void end(one)}>
              Revoke
            </Button>
          </li>
        ))}
      </ul>
      {making && (
        <NewToken
          onClose={() => {
            setMaking(false);
            look();
          }}
        />
      )}
    </Section>
  );
}

function NewToken({ onClose }: { readonly onClose: () => void }) {
  const [token, setToken] = useState("");
  const [name, setName] = useState("");
  const [lasts, setLasts] = useState(90);
  const [readOnly, setReadOnly] = useState(false);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const make = async () => {
    setBusy(true);
    try {
      setToken((await api.createToken({ name, expires_in: lasts * 86_400, read_only: readOnly })).token);
    } catch (error) {
      setFailure(error instanceof Problem && error.fields.name ? error.fields.name : failureText("Could not make the token", error));
    }
    setBusy(false);
  };
  if (token !== "") {
    return (
      <Dialog title="Copy your token now" onClose={onClose} size="medium">
        <p className="mt-2 text-muted">It is shown here alone. Whoever has it can use your sessions until it ends or you revoke it.</p>
        <input aria-label="The token" readOnly className={`${inputClass} mt-3 font-mono text-[13px]`} value={token} onFocus={(event) => event.target.select()} />
        <DialogActions>
          <Button
            onClick={() =>
              void navigator.clipboard.writeText(token).then(
                () => inform("Token copied."),
                (error: unknown) => setFailure(failureText("Could not copy", error)),
              )
            }
          >
            <Copy size={14} aria-hidden /> Copy
          </Button>
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    );
  }
  return (
    <Dialog title="New token" onClose={onClose}>
      <form
        className="mt-4 space-y-3"
        noValidate
        onSubmit={(event: SubmitEvent<HTMLFormElement>) => {
          event.preventDefault();
          if (!busy) void make();
        }}
      >
        <Field label="Name" hint="What it is for" maxLength={60} value={name} error={failure} onChange={(event) => setName(event.target.value)} />
        <Select label="Lasts" value={lasts} onChange={(event) => setLasts(Number(event.target.value))}>
          {days.map((each) => (
            <option key={each} value={each}>
              {each === 365 ? "a year" : `${each} days`}
            </option>
          ))}
        </Select>
        <label className="flex items-center gap-2 text-[13px]">
          <input type="checkbox" className="size-4 shrink-0 accent-accent" checked={readOnly} onChange={(event) => setReadOnly(event.target.checked)} />
          It may only look
        </label>
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            Make token
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
