/** What a user may do in a session: found when it is opened, and again when what is shared has changed. */
import { goToSignIn } from "@/features/session/sign-out";
import { rightsOf, type Rights } from "@/features/sharing/rights";
import { api } from "@/lib/api";
import { backoffDelay } from "@/lib/backoff";
import { Problem } from "@/lib/problem";
import type { Session } from "@/lib/schemas";
import type { SocketEnvironment } from "@/lib/socket";
import { Store } from "@/lib/store";
import { complain, leaveMessage } from "@/lib/toasts";

export function leaveForDashboard(message: string): void {
  leaveMessage(message);
  window.location.assign("/dashboard/");
}

export class Access {
  readonly session = new Store<Session | null>(null);
  /** What the user may do here; null until it is known. */
  readonly rights = new Store<Rights | null>(null);
  /** Who shares this session with the user; empty: it is the user's own, or not known yet. */
  readonly sharedBy = new Store<string>("");
  /** Why a guest has no access any more; empty: has it. */
  readonly ended = new Store<string>("");
  readonly #id: string;
  readonly #environment: SocketEnvironment;
  #left = false;

  constructor(id: string, environment: SocketEnvironment) {
    this.#id = id;
    this.#environment = environment;
  }

  /** Finds the session and the user's rights; null: there is none for this user, who has been told, or the page was left. */
  async begin(): Promise<Session | null> {
    const session = await this.#find();
    if (!session || this.#left) return null;
    const rights = rightsOf(session.access);
    this.session.set(session);
    this.rights.set(rights);
    if (!rights.owner) void this.#findOwner();
    return session;
  }

  /** The page was left: nothing is told any more. */
  leave(): void {
    this.#left = true;
  }

  /** Reads the session, as often as it takes while the server cannot be reached. */
  async #find(): Promise<Session | null> {
    for (let attempt = 1; !this.#left; attempt++) {
      try {
        return await api.session(this.#id);
      } catch (error) {
        if (attempt === 1) this.failed("Could not open the session", error);
        if (!(error instanceof Problem) || (error.status !== 0 && error.status < 500)) return null;
        const wait = backoffDelay(attempt, this.#environment.random(), this.#environment.backoff);
        await new Promise((done) => setTimeout(done, wait));
      }
    }
    return null;
  }

  async #findOwner(): Promise<void> {
    try {
      const shared = await api.sharedWithMe();
      this.sharedBy.set(shared.find(({ session }) => session.id === this.#id)?.owner ?? "");
    } catch (error) {
      this.failed("Could not tell who shares this session", error);
    }
  }

  /** What is open was opened by other rights: the page begins anew with those of now. */
  async recheck(): Promise<void> {
    try {
      const { access } = await api.session(this.#id);
      const before = this.session.get()?.access;
      if (access?.mode !== before?.mode || access?.terminal !== before?.terminal || access?.owner !== before?.owner) window.location.reload();
      else this.session.update((session) => session && { ...session, access });
    } catch (error) {
      this.failed("Could not tell what is shared", error);
    }
  }

  /** The session is not there, or not there for this user. */
  readonly gone = (): void => {
    if (this.rights.get()?.owner === false) this.ended.set("it was deleted, or is no longer shared with you");
    else leaveForDashboard("This session does not exist, or it was deleted.");
  };

  /** Tells what failed, unless that says that the user has no business here. */
  failed(attempted: string, error: unknown): void {
    if (this.#left) return;
    if (error instanceof Problem && error.status === 401) goToSignIn();
    else if (error instanceof Problem && error.status === 404) this.gone();
    else complain(attempted, error);
  }
}
