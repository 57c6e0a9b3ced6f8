/** What a session's owner has given out, as the dialog shows it. */
import type { API, NewShare } from "@/lib/api";
import { errorText } from "@/lib/problem";
import type { Share } from "@/lib/sharing";
import { Store } from "@/lib/store";

export interface SharesState {
  readonly status: "loading" | "ready" | "failed";
  readonly shares: readonly Share[];
  readonly error: string;
}

export type SharesAPI = Pick<API, "shares" | "share" | "revokeShare">;

export class Shares {
  readonly state = new Store<SharesState>({ status: "loading", shares: [], error: "" });
  readonly #session: string;
  readonly #api: SharesAPI;
  /** Counts the changes made here: a list that was asked for before one of them is out of date. */
  #changes = 0;

  constructor(session: string, api: SharesAPI) {
    this.#session = session;
    this.#api = api;
  }

  /** Lists; rejects with what went wrong, which the state says too. */
  async refresh(): Promise<void> {
    const before = this.#changes;
    try {
      const shares = await this.#api.shares(this.#session);
      if (before === this.#changes) this.state.set({ status: "ready", shares, error: "" });
    } catch (error) {
      this.state.update((state) => ({ ...state, status: state.status === "ready" ? "ready" : "failed", error: errorText(error) }));
      throw error;
    }
  }

  /** Shares; the answer has a link's address, which the list does not keep. */
  async add(wanted: NewShare): Promise<Share> {
    const share = await this.#api.share(this.#session, wanted);
    this.#change((shares) => [{ ...share, url: null }, ...shares.filter(({ id }) => id !== share.id)]);
    return share;
  }

  async revoke(id: string): Promise<void> {
    await this.#api.revokeShare(this.#session, id);
    this.#change((shares) => shares.filter((share) => share.id !== id));
  }

  #change(edit: (shares: readonly Share[]) => readonly Share[]): void {
    this.#changes++;
    this.state.update((state) => ({ ...state, shares: edit(state.shares) }));
  }
}

/** What the form of a new share holds. */
export interface ShareForm {
  readonly who: "link" | "user";
  /** A username or an email address. */
  readonly name: string;
  /** A terminal's name; empty: the whole workspace. */
  readonly terminal: string;
  readonly mode: "view" | "write";
  /** In seconds. */
  readonly expires: number;
}

export const expiries = [
  { seconds: 3600, label: "1 hour" },
  { seconds: 86_400, label: "1 day" },
  { seconds: 7 * 86_400, label: "7 days" },
  { seconds: 30 * 86_400, label: "30 days" },
  { seconds: 90 * 86_400, label: "90 days" },
] as const;

/** The request that the form makes: a name with an @ is an email address, which no username has. */
export function newShare({ who, name, terminal, mode, expires }: ShareForm): NewShare {
  const wanted = name.trim();
  return {
    mode,
    expires_in: expires,
    ...(terminal === "" ? {} : { terminal }),
    ...(who === "link" ? {} : wanted.includes("@") ? { email: wanted } : { username: wanted }),
  };
}
