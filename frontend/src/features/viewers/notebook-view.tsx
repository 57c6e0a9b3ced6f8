"use client";

import { useMemo } from "react";
import { CodeBlock } from "./code-block";
import { InertHTML } from "./inert-html";
import { Markdown, type Surroundings } from "./markdown";
import { parseNotebook, pictureOf, shownOf, type Cell, type Output } from "./notebook";

interface Props {
  readonly text: string;
  readonly around: Surroundings;
}

/** A notebook as it was saved: nothing in it runs, neither its code nor what its outputs hold. */
export default function NotebookView({ text, around }: Props) {
  const notebook = useMemo(() => parseNotebook(text), [text]);
  if (typeof notebook === "string") {
    return <p className="p-6 text-[13px] text-muted">{notebook} Its source can be edited as text.</p>;
  }
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled by keyboard
    <div role="region" aria-label="Notebook" tabIndex={0} className="min-h-0 flex-1 overflow-auto focus-visible:outline-offset-[-2px]">
      <div className="mx-auto max-w-4xl space-y-3 px-4 py-5">
        {notebook.cells.length === 0 && <p className="text-[13px] text-muted">This notebook has no cells.</p>}
        {notebook.cells.map((cell, index) => (
          <NotebookCell key={index} cell={cell} language={notebook.language} around={around} />
        ))}
      </div>
    </div>
  );
}

function NotebookCell({ cell, language, around }: { readonly cell: Cell; readonly language: string; readonly around: Surroundings }) {
  const own = useMemo<Surroundings>(() => {
    const attachments = new Map<string, string>();
    for (const [name, data] of Object.entries(cell.attachments)) {
      const url = pictureOf(data);
      if (url) attachments.set(name, url);
    }
    return { ...around, attachments };
  }, [cell, around]);
  if (cell.kind === "markdown") return <Markdown text={cell.source} around={own} />;
  return (
    <div className="grid grid-cols-[3rem_minmax(0,1fr)] gap-x-2 max-sm:grid-cols-1">
      <span className="pt-2 text-right font-mono text-[12px] text-faint max-sm:hidden">{cell.kind === "code" ? `[${cell.count ?? " "}]` : ""}</span>
      <div className="prose">
        <CodeBlock code={cell.source} language={cell.kind === "code" ? language : ""} />
      </div>
      {cell.outputs.map((output, index) => (
        <div key={index} className="col-start-2 mt-1 min-w-0 max-sm:col-start-1">
          <CellOutput output={output} around={own} />
        </div>
      ))}
    </div>
  );
}

function CellOutput({ output, around }: { readonly output: Output; readonly around: Surroundings }) {
  const shown = shownOf(output);
  if (!shown) return null;
  switch (shown.kind) {
    case "image":
      // eslint-disable-next-line @next/next/no-img-element -- data has nothing to optimise
      return <img src={shown.url} alt="Output" className="max-w-full rounded bg-white" />;
    case "html":
      return (
        <div className="prose scroll">
          <InertHTML html={shown.text} />
        </div>
      );
    case "markdown":
      return <Markdown text={shown.text} around={around} />;
    default:
      return (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled by keyboard
        <pre tabIndex={0} className={`max-h-96 overflow-auto font-mono text-[13px] leading-5 whitespace-pre ${shown.kind === "error" ? "border-l-2 border-bad pl-3" : ""}`}>
          {shown.text}
        </pre>
      );
  }
}
