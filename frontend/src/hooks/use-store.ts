"use client";

import { useSyncExternalStore } from "react";
import type { Store } from "@/lib/store";

/** The present value of a store; the component renders again when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}
