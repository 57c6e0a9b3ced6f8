import { api } from "@/lib/api";
import { Problem, errorText } from "@/lib/problem";
import { complain } from "@/lib/toasts";

/** Leaves for the sign-in, and comes back here after it. */
export function goToSignIn(): void {
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login/?next=${encodeURIComponent(here)}`);
}

/** The page to go to after a sign-in: one of our own, whatever the address says. */
export function pageAfterSignIn(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "";
  // "//host" and "/\host" would lead elsewhere.
  return /^\/(?![/\\])/.test(next) ? next : "/dashboard/";
}

export async function signOut(): Promise<void> {
  try {
    await api.logout();
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) {
      complain("Could not sign out", error);
      return;
    }
  }
  window.location.assign("/login/");
}

/** The words for a failure within a dialog; one that says that the user is signed out leads to the sign-in instead. */
export function failureText(attempted: string, error: unknown): string {
  if (error instanceof Problem && error.status === 401) goToSignIn();
  return `${attempted}: ${errorText(error)}`;
}

/** Shows a failure; one that says that the user is signed out leads to the sign-in instead. */
export function report(attempted: string, error: unknown): void {
  if (error instanceof Problem && error.status === 401) goToSignIn();
  else complain(attempted, error);
}
