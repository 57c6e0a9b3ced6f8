/** The files that were shown in a session, the last one first. */
import * as z from "zod/mini";
import type { Documents } from "@/features/editor/documents";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";

const most = 50;

export class RecentFiles {
  readonly paths: Store<readonly string[]>;
  readonly #key: string;

  constructor(session: string) {
    this.#key = `recent:${session}`;
    this.paths = new Store<readonly string[]>(typeof window === "undefined" ? [] : loadStored(this.#key, z.array(z.string()), []));
  }

  /** Notes what the editor shows until the returned function is called. */
  follow(documents: Documents): () => void {
    return documents.state.subscribe(() => {
      const path = documents.state.get().active?.path;
      if (path === undefined || path === this.paths.get()[0]) return;
      this.paths.update((paths) => [path, ...paths.filter((each) => each !== path)].slice(0, most));
      if (typeof window !== "undefined") saveStored(this.#key, this.paths.get());
    });
  }
}
