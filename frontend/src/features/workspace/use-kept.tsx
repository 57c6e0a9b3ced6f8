"use client";

import { useMemo } from "react";
import { useStore } from "@/hooks/use-store";
import type { Item } from "@/lib/schemas";
import type { Workspace } from "./workspace";

/** The files that are in the environment alone. Ignored ones are left out on purpose: the tree says so, it is no warning. */
export function useKept(workspace: Workspace): readonly Item[] {
  const { tree } = useStore(workspace.files.state);
  return useMemo(() => [...tree.values()].filter((item) => !item.saved && item.unsaved_reason !== "ignored"), [tree]);
}
