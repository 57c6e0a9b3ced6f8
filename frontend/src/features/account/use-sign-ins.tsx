"use client";

import { useCallback, useEffect, useState } from "react";
import { report } from "@/features/session/sign-out";
import { api } from "@/lib/api";
import type { SignIn, SignInKind } from "@/lib/account";

/** The sign-ins, or the tokens; null until they are known. */
export function useSignIns(kind: SignInKind): { readonly list: readonly SignIn[] | null; readonly look: () => void; readonly end: (one: SignIn) => Promise<void> } {
  const [list, setList] = useState<readonly SignIn[] | null>(null);
  const look = useCallback(() => {
    api.signIns(kind).then(setList, (error: unknown) => report("Could not read the account", error));
  }, [kind]);
  useEffect(look, [look]);
  const end = useCallback(
    async (one: SignIn) => {
      try {
        await api.endSignIn(kind, one.id);
        setList((all) => all?.filter(({ id }) => id !== one.id) ?? null);
      } catch (error) {
        report(kind === "tokens" ? "Could not revoke the token" : "Could not end the sign-in", error);
      }
    },
    [kind],
  );
  return { list, look, end };
}
