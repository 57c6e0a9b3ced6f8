"use client";

import { Link2, UserRound } from "lucide-react";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { failureText, report } from "@/features/session/sign-out";
import { useNow } from "@/hooks/use-now";
import { useStore } from "@/hooks/use-store";
import { api } from "@/lib/api";
import { formatAgo, formatUntil, plural } from "@/lib/format";
import type { Share } from "@/lib/sharing";
import { shareWords } from "./rights";
import { ShareForm } from "./share-form";
import { Shares } from "./shares";

interface Props {
  readonly session: string;
  readonly name: string;
  readonly terminals: readonly string[];
  /** The terminal that it was opened from; empty: the whole workspace. */
  readonly terminal: string;
  readonly onClose: () => void;
}

/** Gives others access to a session, and takes it back. */
export function ShareDialog({ session, name, terminals, terminal, onClose }: Props) {
  const [shares] = useState(() => new Shares(session, api));
  const [revoking, setRevoking] = useState<Share | null>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    shares.refresh().catch((error: unknown) => report("Could not list what is shared", error));
  }, [shares]);
  return (
    <>
      <Dialog title={name === "" ? "Share this session" : `Share “${name}”`} size="medium" onClose={onClose}>
        <ShareForm shares={shares} terminals={terminals} terminal={terminal} />
        <Active
          shares={shares}
          failure={failure}
          onRevoke={(share) => {
            setFailure("");
            setRevoking(share);
          }}
        />
        <DialogActions>
          <Button onClick={onClose}>Done</Button>
        </DialogActions>
      </Dialog>
      {revoking && (
        <Confirm
          title={revoking.kind === "link" ? "Revoke this link?" : `Revoke the access of ${revoking.username ?? "this user"}?`}
          action="Revoke"
          onClose={() => setRevoking(null)}
          onConfirm={() => shares.revoke(revoking.id).catch((error: unknown) => setFailure(failureText("It is not revoked", error)))}
        >
          {revoking.kind === "link" && revoking.accepted.length > 0
            ? `It ends for ${revoking.accepted.map(({ username }) => username).join(", ")} at once, and the link no longer works.`
            : revoking.kind === "link"
              ? "Nobody has opened it, and nobody can any more."
              : "What they have open is closed at once."}
        </Confirm>
      )}
    </>
  );
}

function Active({ shares, failure, onRevoke }: { readonly shares: Shares; readonly failure: string; readonly onRevoke: (share: Share) => void }) {
  const { status, shares: list, error } = useStore(shares.state);
  const now = useNow();
  return (
    <section aria-label="Shared now" className="mt-6 border-t border-line pt-4">
      <h3 className="text-[13px] font-semibold">Shared now</h3>
      {failure !== "" && (
        <p role="alert" className="mt-1 text-[13px] text-bad">
          {failure}
        </p>
      )}
      {status === "loading" && <div role="status" aria-label="Loading shares" className="pulse mt-3 h-3 w-40 rounded bg-hover" />}
      {status === "failed" && (
        <p className="mt-2 text-[13px] text-bad">
          {error}{" "}
          <button type="button" className="font-medium text-accent-text hover:underline" onClick={() => void shares.refresh().catch((failure: unknown) => report("Could not list what is shared", failure))}>
            Try again
          </button>
        </p>
      )}
      {status === "ready" && list.length === 0 && <p className="mt-1 text-[13px] text-muted">Nobody else has access to this session.</p>}
      <ul className="mt-1 max-h-64 overflow-y-auto">
        {list.map((share) => (
          <li key={share.id} className="flex items-center gap-3 border-t border-line py-2 first:border-t-0">
            <span className="text-faint" aria-hidden>
              {share.kind === "link" ? <Link2 size={16} /> : <UserRound size={16} />}
            </span>
            <div className="min-w-0 flex-1 leading-5">
              <p className="truncate text-[13px] font-medium">{share.kind === "link" ? `Link, made ${formatAgo(share.created_at, now)}` : share.username}</p>
              <p className="text-[12px] text-muted">
                {shareWords(share)}. Ends <time dateTime={share.expires_at} title={new Date(share.expires_at).toLocaleString()}>{formatUntil(share.expires_at, now)}</time>.
              </p>
              {share.kind === "link" && (
                <p className="text-[12px] break-words text-muted">
                  {share.accepted.length === 0 ? "Nobody has opened it yet." : `Opened by ${plural(share.accepted.length, "user")}: ${share.accepted.map(({ username }) => username).join(", ")}`}
                </p>
              )}
            </div>
            <Button small onClick={() => onRevoke(share)} aria-label={share.kind === "link" ? `Revoke the link, ${shareWords(share)}` : `Revoke the access of ${share.username ?? ""}`}>
              Revoke
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}
