/** A session's recordings as the dialog shows them, newest first. */
import type { API } from "@/lib/api";
import { errorText } from "@/lib/problem";
import type { Recording } from "@/lib/sharing";
import { Store } from "@/lib/store";

export interface RecordingsState {
  readonly status: "loading" | "ready" | "failed";
  readonly recordings: readonly Recording[];
  readonly error: string;
}

export type RecordingsAPI = Pick<API, "recordings" | "stopRecording" | "deleteRecording">;

export class Recordings {
  readonly state = new Store<RecordingsState>({ status: "loading", recordings: [], error: "" });
  readonly #session: string;
  readonly #api: RecordingsAPI;
  /** Counts the changes made here: a list that was asked for before one of them is out of date. */
  #changes = 0;

  constructor(session: string, api: RecordingsAPI) {
    this.#session = session;
    this.#api = api;
  }

  /** Lists; rejects with what went wrong, which the state says too. */
  async refresh(): Promise<void> {
    const before = this.#changes;
    try {
      const recordings = await this.#api.recordings(this.#session);
      if (before === this.#changes) this.state.set({ status: "ready", recordings, error: "" });
    } catch (error) {
      this.state.update((state) => ({ ...state, status: state.status === "ready" ? "ready" : "failed", error: errorText(error) }));
      throw error;
    }
  }

  async stop(recording: Recording): Promise<void> {
    const stopped = await this.#api.stopRecording(this.#session, recording.terminal);
    this.#change((list) => list.map((each) => (each.id === stopped.id ? stopped : each)));
  }

  async remove(id: string): Promise<void> {
    await this.#api.deleteRecording(this.#session, id);
    this.#change((list) => list.filter((each) => each.id !== id));
  }

  #change(edit: (recordings: readonly Recording[]) => readonly Recording[]): void {
    this.#changes++;
    this.state.update((state) => ({ ...state, recordings: edit(state.recordings) }));
  }
}
