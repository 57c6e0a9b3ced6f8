/** How large the panes beside dividers are, in pixels by the divider's key. This browser remembers them; layout-sync carries them to others. */
import * as z from "zod/mini";
import { loadStored, saveStored } from "./storage";
import { Store } from "./store";

export const splitSizesSchema = z.record(z.string(), z.number().check(z.nonnegative(), z.maximum(100_000)));
export type SplitSizes = Readonly<z.infer<typeof splitSizesSchema>>;

const key = "splits";

export const splitSizes = new Store<SplitSizes>(typeof window === "undefined" ? {} : loadStored(key, splitSizesSchema, {}));
splitSizes.subscribe(() => saveStored(key, splitSizes.get()));
