/** What others share with the user, as the dashboard knows it. */
import type { API } from "@/lib/api";
import type { Shared } from "@/lib/sharing";
import { Store } from "@/lib/store";

export type SharedListAPI = Pick<API, "sharedWithMe" | "leaveShare">;

export class SharedList {
  readonly state = new Store<readonly Shared[]>([]);
  readonly #api: SharedListAPI;
  /** Counts the changes made here: a list that was asked for before one of them is out of date. */
  #changes = 0;

  constructor(api: SharedListAPI) {
    this.#api = api;
  }

  async refresh(): Promise<void> {
    const before = this.#changes;
    const list = await this.#api.sharedWithMe();
    if (before === this.#changes) this.state.set(list);
  }

  async leave(id: string): Promise<void> {
    await this.#api.leaveShare(id);
    this.#changes++;
    this.state.update((list) => list.filter((shared) => shared.id !== id));
  }
}
