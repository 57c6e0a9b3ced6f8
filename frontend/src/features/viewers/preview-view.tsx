"use client";

import { baseName } from "@/lib/paths";
import { ImageView } from "./image-view";
import type { PreviewKind } from "./kind";
import { Markdown, type Surroundings } from "./markdown";
import NotebookView from "./notebook-view";
import TableView from "./table-view";

interface Props {
  readonly kind: PreviewKind;
  readonly text: string;
  readonly around: Surroundings;
}

/** A text as what it stands for. */
export default function PreviewView({ kind, text, around }: Props) {
  switch (kind) {
    case "notebook":
      return <NotebookView text={text} around={around} />;
    case "table":
      return <TableView text={text} path={around.path} />;
    case "svg":
      // As data, and in an <img>: its scripts do not run, here or when it is opened by itself.
      return <ImageView url={`data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`} name={baseName(around.path)} size={text.length} />;
    case "markdown":
      return (
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled by keyboard
        <div role="region" aria-label="Preview" tabIndex={0} className="min-h-0 flex-1 overflow-auto focus-visible:outline-offset-[-2px]">
          <div className="mx-auto max-w-3xl px-6 py-5">
            <Markdown text={text} around={around} />
          </div>
        </div>
      );
  }
}
