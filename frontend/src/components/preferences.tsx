"use client";

import { useEffect } from "react";
import { watchSettings } from "@/lib/settings";
import { watchTheme } from "@/lib/theme";

/** Every page follows what the user has chosen. */
export function Preferences() {
  useEffect(watchSettings, []);
  useEffect(watchTheme, []);
  return null;
}
