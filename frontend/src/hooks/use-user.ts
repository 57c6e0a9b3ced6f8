"use client";

import { useEffect, useState } from "react";
import { followAccount } from "@/features/session/account";
import { goToSignIn, signedIn } from "@/features/session/sign-out";
import { api } from "@/lib/api";
import { Problem } from "@/lib/problem";
import type { User } from "@/lib/schemas";
import { complain } from "@/lib/toasts";

/** Who is signed in; null until it is known. Whoever is not is led to the sign-in. */
export function useUser(): User | null {
  const [user, setUser] = useState<User | null>(null);
  useEffect(() => {
    let left = false;
    let unfollow: (() => void) | undefined;
    api.me().then(
      (value) => {
        if (left) return;
        signedIn();
        setUser(value);
        unfollow = followAccount(value.id);
      },
      (error: unknown) => {
        if (left) return;
        if (error instanceof Problem && error.status === 401) goToSignIn();
        else complain("Could not read the account", error);
      },
    );
    return () => {
      left = true;
      unfollow?.();
    };
  }, []);
  return user;
}
