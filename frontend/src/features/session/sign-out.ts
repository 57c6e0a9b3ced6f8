import { api } from "@/lib/api";
import { Problem, errorText } from "@/lib/problem";
import { complain } from "@/lib/toasts";

/** Somebody was signed in on this page: who is led to the sign-in then was signed out meanwhile. */
let entered = false;
/** The user is signing out here, and need not be told. */
let leaving = false;

export function signedIn(): void {
  entered = true;
}

/** Leaves for the sign-in, and comes back here after it. */
export function goToSignIn(): void {
  if (leaving) return;
  const here = window.location.pathname + window.location.search;
  window.location.assign(`/login/?next=${encodeURIComponent(here)}${entered ? "&ended=1" : ""}`);
}

/** Whether the sign-in is shown because one has ended elsewhere. */
export function hasEnded(search: string): boolean {
  return new URLSearchParams(search).has("ended");
}

/** The page to go to after a sign-in: one of our own, whatever the address says. */
export function pageAfterSignIn(search: string): string {
  const next = new URLSearchParams(search).get("next") ?? "";
  // "//host" and "/\host" would lead elsewhere.
  return /^\/(?![/\\])/.test(next) ? next : "/dashboard/";
}

/** Ends the sign-in of this browser, or with `everywhere` of all. */
export async function signOut(everywhere = false): Promise<void> {
  leaving = true;
  try {
    await (everywhere ? api.signOutEverywhere(false) : api.logout());
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) {
      leaving = false;
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
