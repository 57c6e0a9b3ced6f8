"use client";

import { Moon, Sun } from "lucide-react";
import { useEffect } from "react";
import { useStore } from "@/hooks/use-store";
import { chooseTheme, theme, watchTheme } from "@/lib/theme";
import { IconButton } from "./ui/button";

export function ThemeToggle() {
  const now = useStore(theme);
  useEffect(watchTheme, []);
  const next = now === "dark" ? "light" : "dark";
  return (
    <IconButton label={`Switch to the ${next} theme`} onClick={() => chooseTheme(next)}>
      {now === "dark" ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
    </IconButton>
  );
}
