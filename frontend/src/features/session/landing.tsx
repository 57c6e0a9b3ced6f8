import { FileCheck, Play, Share2, SquareTerminal } from "lucide-react";
import type { ReactNode } from "react";
import { Brand } from "@/components/brand";
import { ThemeToggle } from "@/components/theme-toggle";

const link = "inline-flex h-10 items-center gap-2 rounded-md px-4 text-[14px] font-semibold";

/** What this is, for who has not signed in, and the way in. */
export function Landing() {
  return (
    <div className="min-h-full">
      <header className="mx-auto flex h-14 max-w-5xl items-center justify-between px-4">
        <Brand />
        <div className="flex items-center gap-2">
          <ThemeToggle />
          <a href="/login/" className={`${link} h-8! text-muted hover:bg-hover hover:text-text`}>
            Sign in
          </a>
        </div>
      </header>
      <main className="mx-auto max-w-5xl px-4 pt-[8vh] pb-16">
        <h1 className="max-w-2xl text-[32px] leading-10 font-semibold tracking-tight sm:text-[40px] sm:leading-[48px]">Write code and run it, here in the browser.</h1>
        <p className="mt-4 max-w-xl text-[16px] leading-6 text-muted">An editor, a real Linux terminal with Python and Node.js, and files that are saved as you type. Close the laptop: all of it is there when you come back.</p>
        <div className="mt-7 flex flex-wrap gap-3">
          <a href="/register/" className={`${link} bg-accent text-on-accent hover:bg-accent-hover`}>
            <Play size={15} fill="currentColor" aria-hidden />
            Start coding
          </a>
          <a href="/login/" className={`${link} border border-line-strong hover:bg-hover`}>
            Sign in
          </a>
        </div>
        <ul className="mt-14 grid gap-6 sm:grid-cols-3">
          <Point icon={<SquareTerminal size={18} aria-hidden />} title="A terminal that stays">
            Programs go on while you are away, and every window shows the same shell.
          </Point>
          <Point icon={<FileCheck size={18} aria-hidden />} title="Nothing is lost">
            Every version of every file is kept for a while. A deletion can be undone.
          </Point>
          <Point icon={<Share2 size={18} aria-hidden />} title="Share what you see">
            Give a session, or one terminal, to others by a link: to look at, or to work in.
          </Point>
        </ul>
      </main>
    </div>
  );
}

function Point({ icon, title, children }: { readonly icon: ReactNode; readonly title: string; readonly children: ReactNode }) {
  return (
    <li className="rounded-lg border border-line bg-panel p-4">
      <span className="text-accent-text">{icon}</span>
      <h2 className="mt-2 text-[14px] font-semibold">{title}</h2>
      <p className="mt-1 text-[13px] text-muted">{children}</p>
    </li>
  );
}
