"use client";

import { useEffect, useState } from "react";
import { goToSignIn } from "@/features/session/sign-out";
import { api } from "@/lib/api";
import { Problem } from "@/lib/problem";
import type { User } from "@/lib/schemas";
import { complain } from "@/lib/toasts";

/** Who is signed in; null until it is known. Whoever is not is led to the sign-in. */
export function useUser(): User | null {
  const [user, setUser] = useState<User | null>(null);
  useEffect(() => {
    let left = false;
    api.me().then(
      (value) => {
        if (!left) setUser(value);
      },
      (error: unknown) => {
        if (left) return;
        if (error instanceof Problem && error.status === 401) goToSignIn();
        else complain("Could not read the account", error);
      },
    );
    return () => {
      left = true;
    };
  }, []);
  return user;
}
