/** What an open file is, as those who show it read it. */
import type { ByteSource } from "@/lib/bytes";
import type { Encoding } from "./encoding";

export type DocumentContent =
  | { readonly kind: "loading" }
  /** `large`: too large to be edited here, and read in parts. Another encoding than UTF-8 is not edited either. */
  | { readonly kind: "text"; readonly readOnly: boolean; readonly large: boolean; readonly encoding: Encoding }
  | { readonly kind: "bytes"; readonly bytes: ByteSource }
  | { readonly kind: "unavailable"; readonly message: string };

/** How much of a large text is shown, in bytes. */
export interface Reading {
  readonly read: number;
  readonly busy: boolean;
  /** Why the next part could not be read, or "". */
  readonly error: string;
}

export type View = "source" | "preview";
export type SaveState = "saved" | "unsaved" | "saving" | "conflict";

export interface DocumentState {
  readonly path: string;
  readonly content: DocumentContent;
  readonly save: SaveState;
  /** The revision that the text is based on. */
  readonly revision: number;
  readonly size: number;
  /** The file is gone on the server; the text is still here. */
  readonly deleted: boolean;
  /** Why the last save did not work, or "". */
  readonly error: string;
  /** The other version, in a conflict; `readable`: it is text, and can be merged. */
  readonly theirs: { readonly revision: number; readonly text: string; readonly readable: boolean } | null;
}
