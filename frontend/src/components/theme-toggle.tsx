"use client";

import { Moon, Sun } from "lucide-react";
import { useStore } from "@/hooks/use-store";
import { changeSettings } from "@/lib/settings";
import { theme } from "@/lib/theme";
import { IconButton } from "./ui/button";

export function ThemeToggle() {
  const now = useStore(theme);
  const next = now === "light" ? "dark" : "light";
  return (
    <IconButton label={`Switch to the ${next} theme`} onClick={() => changeSettings({ theme: next })}>
      {now === "light" ? <Moon size={16} aria-hidden /> : <Sun size={16} aria-hidden />}
    </IconButton>
  );
}
