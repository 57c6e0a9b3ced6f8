"use client";

import { Search } from "lucide-react";
import { useId, useState, type ReactNode } from "react";
import { Button } from "@/components/ui/button";
import { inputClass } from "@/components/ui/field";
import { useStore } from "@/hooks/use-store";
import {
  changeSettings, changeTerminal, cursorStyles, fontSizes, resetSettings, scrollbackLines, settings, tabSizes, type Settings, type TerminalSettings,
} from "@/lib/settings";
import type { ThemeChoice } from "@/lib/theme";

interface Row {
  readonly title: string;
  readonly note?: string;
  /** Words that it is also found by. */
  readonly words?: string;
  readonly control: (id: string) => ReactNode;
}

const themes: readonly (readonly [ThemeChoice, string])[] = [
  ["system", "As the system has it"], ["light", "Light"], ["dark", "Dark"], ["contrast", "High contrast"],
];

/** All choices, found by their words. Each takes effect as it is made. */
export function SettingsForm() {
  const now = useStore(settings);
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLowerCase().split(/\s+/);
  const sections = rowsOf(now)
    .map(([title, rows]) => [title, rows.filter((row) => wanted.every((word) => `${title} ${row.title} ${row.note ?? ""} ${row.words ?? ""}`.toLowerCase().includes(word)))] as const)
    .filter(([, rows]) => rows.length > 0);
  return (
    <div>
      <div className="flex gap-2">
        <label className="flex h-9 min-w-0 flex-1 items-center gap-2 rounded-md border border-line-strong px-2 text-faint focus-within:outline-2 focus-within:outline-accent">
          <Search size={15} aria-hidden />
          <span className="sr-only">Search settings</span>
          <input type="search" className="w-full min-w-0 bg-transparent text-[14px] text-text outline-none placeholder:text-faint" placeholder="Search settings" value={query} onChange={(event) => setQuery(event.target.value)} />
        </label>
        <Button className="h-9" onClick={resetSettings}>
          Reset all
        </Button>
      </div>
      {sections.map(([title, rows]) => (
        <section key={title} aria-label={title} className="mt-6">
          <h2 className="text-[13px] font-semibold text-muted">{title}</h2>
          <div className="mt-2 divide-y divide-line overflow-hidden rounded-lg border border-line">
            {rows.map((row) => (
              <Line key={row.title} row={row} />
            ))}
          </div>
        </section>
      ))}
      {sections.length === 0 && <p className="py-10 text-center text-muted">No setting has these words.</p>}
    </div>
  );
}

function Line({ row: { title, note, control } }: { readonly row: Row }) {
  const id = useId();
  return (
    <div className="flex min-h-12 flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2">
      <label htmlFor={id} className="min-w-40 flex-1">
        <span className="block text-[14px]">{title}</span>
        {note && <span className="block text-[12px] leading-4 text-muted">{note}</span>}
      </label>
      {control(id)}
    </div>
  );
}

const narrow = `${inputClass} max-w-48`;

function choice<T extends string | number>(value: T, options: readonly (readonly [T, string])[], choose: (value: T) => void) {
  return function Choice(id: string) {
    return (
      <select
        id={id}
        className={narrow}
        value={value}
        onChange={(event) => {
          const chosen = options.find(([each]) => String(each) === event.target.value);
          if (chosen) choose(chosen[0]);
        }}
      >
        {options.map(([each, label]) => (
          <option key={each} value={each}>
            {label}
          </option>
        ))}
      </select>
    );
  };
}

function check(value: boolean, choose: (on: boolean) => void) {
  return function Check(id: string) {
    return <input id={id} type="checkbox" className="size-5 accent-accent" checked={value} onChange={(event) => choose(event.target.checked)} />;
  };
}

function size(value: number, choose: (size: number) => void) {
  return function Size(id: string) {
    return (
      <input
        id={id}
        type="number"
        className={narrow}
        min={fontSizes.least}
        max={fontSizes.most}
        // What is being typed may be no size yet: it is chosen when it is one.
        defaultValue={value}
        key={value}
        onChange={(event) => {
          const next = event.target.valueAsNumber;
          if (Number.isInteger(next) && next >= fontSizes.least && next <= fontSizes.most) choose(next);
        }}
      />
    );
  };
}

function rowsOf(now: Settings): (readonly [string, readonly Row[]])[] {
  const { terminal } = now;
  const flag = (name: keyof { [K in keyof TerminalSettings as TerminalSettings[K] extends boolean ? K : never]: true }) =>
    check(terminal[name], (on) => changeTerminal({ [name]: on }));
  return [
    ["Appearance", [{ title: "Theme", words: "colour color dark light mode", control: choice(now.theme, themes, (theme) => changeSettings({ theme })) }]],
    [
      "Editor",
      [
        {
          title: "Font",
          note: "A font that this device has. Empty: JetBrains Mono.",
          words: "family",
          control: (id) => <input id={id} className={narrow} maxLength={100} spellCheck={false} placeholder="JetBrains Mono" value={now.fontFamily} onChange={(event) => changeSettings({ fontFamily: event.target.value })} />,
        },
        { title: "Font size", note: "In pixels.", control: size(now.fontSize, (fontSize) => changeSettings({ fontSize })) },
        {
          title: "Tab size",
          note: "Where a file does not say otherwise.",
          words: "indent spaces",
          control: choice(now.tabSize, tabSizes.map((each) => [each, String(each)] as const), (tabSize) => changeSettings({ tabSize })),
        },
        { title: "Indent with spaces", words: "tabs", control: check(now.insertSpaces, (insertSpaces) => changeSettings({ insertSpaces })) },
        {
          title: "Indentation of the file",
          note: "Taken from what is in it, where that shows one.",
          words: "detect indent tabs spaces",
          control: check(now.detectIndentation, (detectIndentation) => changeSettings({ detectIndentation })),
        },
        { title: "Minimap", note: "The whole file, small, beside the text.", words: "overview", control: check(now.minimap, (minimap) => changeSettings({ minimap })) },
        { title: "Wrap long lines", words: "word wrap", control: check(now.wordWrap, (wordWrap) => changeSettings({ wordWrap })) },
        { title: "Save by itself", note: "A moment after the last key.", words: "autosave auto save", control: check(now.autosave, (autosave) => changeSettings({ autosave })) },
      ],
    ],
    [
      "Terminal",
      [
        { title: "Font size", note: "In pixels.", control: size(terminal.fontSize, (fontSize) => changeTerminal({ fontSize })) },
        { title: "Cursor", words: "style shape", control: choice(terminal.cursorStyle, cursorStyles.map((each) => [each, `${each.charAt(0).toUpperCase()}${each.slice(1)}`] as const), (cursorStyle) => changeTerminal({ cursorStyle })) },
        { title: "The cursor blinks", control: flag("cursorBlink") },
        { title: "Lines kept", note: "Above the screen.", words: "scrollback history", control: choice(terminal.scrollback, scrollbackLines.map((each) => [each, each.toLocaleString("en")] as const), (scrollback) => changeTerminal({ scrollback })) },
        { title: "Copy what is selected", words: "clipboard", control: flag("copyOnSelect") },
        { title: "Ask before several lines are pasted", note: "Where each would run.", words: "paste", control: flag("askBeforePaste") },
        { title: "Programs may put text on the clipboard", note: "OSC 52. They can never read it.", control: flag("programsCopy") },
        { title: "Say the output to screen readers", words: "accessibility", control: flag("screenReader") },
        { title: "Draw with the graphics card", words: "webgl gpu", control: flag("webgl") },
      ],
    ],
  ];
}
