/** Which panes are shown. On a narrow screen it is one at a time; on others the sides open and close. */
import * as z from "zod/mini";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";

export type Side = "files" | "search" | "history";
export type Pane = Side | "editor" | "terminal";

export interface LayoutState {
  /** What the left side shows; it remembers that while it is closed. */
  readonly side: Side;
  readonly sideOpen: boolean;
  readonly terminalOpen: boolean;
  /** The one of a narrow screen. */
  readonly pane: Pane;
}

const storedSchema = z.object({ side: z.enum(["files", "search", "history"]), sideOpen: z.boolean(), terminalOpen: z.boolean() });
const key = "layout";

export class Layout {
  readonly state: Store<LayoutState>;

  constructor() {
    const initial = { side: "files", sideOpen: true, terminalOpen: true } as const;
    const stored = typeof window === "undefined" ? initial : loadStored(key, storedSchema, initial);
    this.state = new Store<LayoutState>({ ...stored, pane: "editor" });
  }

  /** Brings a pane into sight, on screens of either kind. */
  show(pane: Pane): void {
    if (pane === "files" || pane === "search" || pane === "history") this.#set({ pane, side: pane, sideOpen: true });
    else if (pane === "terminal") this.#set({ pane, terminalOpen: true });
    else this.#set({ pane });
  }

  /** Shows a side, or closes it when it is shown. */
  toggleSide(side: Side = this.state.get().side): void {
    const { side: now, sideOpen } = this.state.get();
    this.#set({ side, sideOpen: !(sideOpen && now === side) });
  }

  toggleTerminal(): void {
    this.#set({ terminalOpen: !this.state.get().terminalOpen });
  }

  /** Arranges the panes as another device has them; what a narrow screen shows is its own. */
  arrange(panes: Pick<LayoutState, "side" | "sideOpen" | "terminalOpen">): void {
    this.#set({ side: panes.side, sideOpen: panes.sideOpen, terminalOpen: panes.terminalOpen });
  }

  #set(change: Partial<LayoutState>): void {
    this.state.update((state) => ({ ...state, ...change }));
    const { side, sideOpen, terminalOpen } = this.state.get();
    if (typeof window !== "undefined") saveStored(key, { side, sideOpen, terminalOpen });
  }
}
