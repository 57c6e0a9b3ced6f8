"use client";

import { ChevronRight, Replace } from "lucide-react";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Place } from "@/features/editor/text-buffer";
import { FileIcon } from "@/features/files/file-icon";
import { useMedia } from "@/hooks/use-media";
import { useStore } from "@/hooks/use-store";
import { plural } from "@/lib/format";
import { baseName, parentOf } from "@/lib/paths";
import type { FoundFile, SearchQuery } from "@/lib/search";
import { expressionOf, pieceOf, replacedOf } from "./preview";
import { rowsOf, type ResultRow } from "./rows";
import type { Search } from "./search";

interface Props {
  readonly search: Search;
  readonly files: readonly FoundFile[];
  readonly searched: SearchQuery;
  /** What the matches become; null: nothing is being replaced. */
  readonly replacement: string | null;
  readonly onOpen: (path: string, place: Place | null) => void;
  readonly onReplace: (path: string) => void;
}

const overscan = 12;

/** What was found, with one tab stop: arrows move, Enter opens, Ctrl+Shift+Enter replaces in the file. */
export function ResultList({ search, files, searched, replacement, onOpen, onReplace }: Props) {
  const folded = useStore(search.folded);
  const rows = useMemo(() => rowsOf(files, folded), [files, folded]);
  const expression = useMemo(() => expressionOf(searched), [searched]);
  const rowHeight = useMedia("(pointer: coarse)") ? 36 : 24;
  const [chosen, setChosen] = useState(-1);
  const [view, setView] = useState({ top: 0, height: 1200 });
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const index = Math.min(chosen, rows.length - 1);

  useEffect(() => {
    const box = scroller.current;
    if (!box || index < 0) return;
    const top = index * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
  }, [index, rowHeight]);

  const activate = (row: ResultRow) => {
    if (row.kind === "file") {
      search.fold(row.file.path);
      return;
    }
    const { line, column, end_line, end_column } = row.match;
    onOpen(row.file.path, { line, column, endLine: end_line, endColumn: end_column });
  };
  const keyDown = (event: KeyboardEvent) => {
    const row = rows[index];
    const replaces = event.shiftKey && (event.ctrlKey || event.metaKey) && event.key === "Enter";
    if (replaces && row && replacement !== null) {
      event.preventDefault();
      onReplace(row.file.path);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / rowHeight) - 1);
    switch (event.key) {
      case "ArrowDown":
        setChosen(Math.min(index + 1, rows.length - 1));
        break;
      case "ArrowUp":
        setChosen(Math.max(index - 1, 0));
        break;
      case "PageDown":
        setChosen(Math.min(index + page, rows.length - 1));
        break;
      case "PageUp":
        setChosen(Math.max(index - page, 0));
        break;
      case "Home":
        setChosen(0);
        break;
      case "End":
        setChosen(rows.length - 1);
        break;
      case "ArrowRight":
        if (row?.kind === "file" && row.folded) search.fold(row.file.path, false);
        else setChosen(Math.min(index + 1, rows.length - 1));
        break;
      case "ArrowLeft":
        if (row?.kind === "file") search.fold(row.file.path, true);
        else if (row) setChosen(rows.findIndex((each) => each.kind === "file" && each.file === row.file));
        break;
      case "Enter":
      case " ":
        if (row) activate(row);
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  const begin = Math.max(0, Math.floor(view.top / rowHeight) - overscan);
  const end = Math.min(rows.length, Math.ceil((view.top + view.height) / rowHeight) + overscan);
  return (
    <div
      ref={scroller}
      className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto"
      onScroll={(event) => setView({ top: event.currentTarget.scrollTop, height: event.currentTarget.clientHeight })}
    >
      <div
        role="tree"
        aria-label="Search results"
        tabIndex={0}
        aria-activedescendant={index >= begin && index < end ? `${id}-${index}` : undefined}
        onKeyDown={keyDown}
        onFocus={() => {
          if (index < 0) setChosen(0);
        }}
        className="group/tree text-[13px] focus-visible:outline-none"
        style={{ paddingTop: begin * rowHeight, paddingBottom: (rows.length - end) * rowHeight }}
      >
        {rows.slice(begin, end).map((row, at) => (
          // The tree has the focus; its keys are taken there (WAI-ARIA practices, tree view).
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <div
            key={row.kind === "file" ? row.file.path : `${row.file.path}\n${row.index}`}
            id={`${id}-${begin + at}`}
            role="treeitem"
            tabIndex={-1}
            aria-level={row.kind === "file" ? 1 : 2}
            aria-selected={begin + at === index}
            aria-expanded={row.kind === "file" ? !row.folded : undefined}
            aria-label={row.kind === "file" ? `${row.file.path}, ${plural(row.file.matches.length, "match", "matches")}` : `Line ${row.match.line}: ${row.match.preview.trim()}`}
            onClick={() => {
              setChosen(begin + at);
              activate(row);
            }}
            style={{ height: rowHeight }}
            className={`group flex cursor-pointer items-center pr-2 ${
              begin + at === index ? "bg-active group-focus-visible/tree:outline-2 group-focus-visible/tree:-outline-offset-2 group-focus-visible/tree:outline-accent" : "hover:bg-hover"
            }`}
          >
            {row.kind === "file" ? (
              <FileRow row={row} replaces={replacement !== null} onReplace={() => onReplace(row.file.path)} />
            ) : (
              <MatchRow row={row} replaced={replacement === null ? undefined : replacedOf(row.match, searched, expression, replacement)} template={replacement ?? ""} />
            )}
          </div>
        ))}
      </div>
    </div>
  );
}

interface FileRowProps {
  readonly row: ResultRow & { readonly kind: "file" };
  readonly replaces: boolean;
  readonly onReplace: () => void;
}

function FileRow({ row: { file, folded }, replaces, onReplace }: FileRowProps) {
  return (
    <>
      <ChevronRight size={14} aria-hidden className={`mr-0.5 ml-1.5 shrink-0 text-faint transition-transform ${folded ? "" : "rotate-90"}`} />
      <FileIcon path={file.path} type="file" />
      <span className="ml-1.5 max-w-[70%] shrink-0 truncate" title={file.path}>
        {baseName(file.path)}
      </span>
      <span className="ml-1.5 min-w-0 flex-1 truncate text-[12px] text-muted">{parentOf(file.path)}</span>
      {replaces && (
        <button
          type="button"
          tabIndex={-1}
          aria-label={`Replace in ${file.path}`}
          title="Replace in this file (Ctrl+Shift+Enter)"
          onClick={(event) => {
            event.stopPropagation();
            onReplace();
          }}
          className="flex size-6 shrink-0 items-center justify-center rounded text-muted hover:bg-active hover:text-text"
        >
          <Replace size={14} aria-hidden />
        </button>
      )}
      <span className="ml-1 min-w-5 shrink-0 rounded-full bg-active px-1.5 text-center text-[11px] leading-[18px] text-muted tabular-nums group-aria-selected:bg-hover">
        {file.matches.length}
        {file.more ? "+" : ""}
      </span>
    </>
  );
}

interface MatchRowProps {
  readonly row: ResultRow & { readonly kind: "match" };
  /** What the match becomes; null: only the server knows; undefined: it stays. */
  readonly replaced: string | null | undefined;
  readonly template: string;
}

function MatchRow({ row, replaced, template }: MatchRowProps) {
  const { before, match, after } = useMemo(() => pieceOf(row.match), [row.match]);
  return (
    <span className="min-w-0 flex-1 truncate pl-7 font-mono text-[12px] whitespace-pre text-muted [font-variant-ligatures:none]">
      {before}
      {replaced === undefined ? (
        <mark className="rounded-xs bg-accent/30 text-text">{match}</mark>
      ) : (
        <>
          <del className="rounded-xs bg-bad/20 text-text decoration-bad">{match}</del>
          {replaced === null ? (
            <ins className="text-faint italic no-underline" title="The server works out what this becomes">
              {template}
            </ins>
          ) : (
            replaced !== "" && <ins className="rounded-xs bg-ok/25 text-text no-underline">{replaced}</ins>
          )}
        </>
      )}
      {after}
    </span>
  );
}
