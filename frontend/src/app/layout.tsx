import type { Metadata, Viewport } from "next";
import type { ReactNode } from "react";
import { Preferences } from "@/components/preferences";
import { Toaster } from "@/components/ui/toaster";
import { themeScript } from "@/lib/theme";
import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Coding Platform", template: "%s · Coding Platform" },
  description: "Workspaces in the browser: an editor, real terminals, and files that stay.",
};

export const viewport: Viewport = { width: "device-width", initialScale: 1 };

export default function RootLayout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        <script dangerouslySetInnerHTML={{ __html: themeScript }} />
      </head>
      <body>
        <Preferences />
        {children}
        <Toaster />
      </body>
    </html>
  );
}
