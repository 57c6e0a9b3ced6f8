"use client";

import { useEffect, useRef } from "react";
import { languageOf } from "@/features/editor/language";
import { loadMonaco } from "@/features/editor/monaco";

/** Code that is read, coloured as the editor would. `language` is a name or a file's extension. */
export function CodeBlock({ code, language }: { readonly code: string; readonly language: string }) {
  const host = useRef<HTMLElement>(null);
  useEffect(() => {
    const element = host.current;
    if (!element || language === "") return;
    let left = false;
    void loadMonaco().then(async (monaco) => {
      const known = languageOf(`x.${language}`);
      const id = known === "plaintext" ? language : known;
      if (!monaco.languages.getLanguages().some((each) => each.id === id)) return;
      // Monaco escapes the text that it colours.
      const html = await monaco.editor.colorize(code, id, { tabSize: 4 });
      if (!left) element.innerHTML = html;
    });
    return () => {
      left = true;
      element.textContent = code;
    };
  }, [code, language]);
  return (
    // It may be wider than the page, and is scrolled by keyboard then.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <pre tabIndex={0}>
      <code ref={host}>{code}</code>
    </pre>
  );
}
