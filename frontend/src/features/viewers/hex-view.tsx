"use client";

import { useEffect, useMemo, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { useStore } from "@/hooks/use-store";
import type { ByteSource } from "@/lib/bytes";
import { formatBytes } from "@/lib/format";
import { Blocks } from "./blocks";
import { hexRow, parseOffset, perRow } from "./hex";
import { useRows } from "./use-rows";

const rowHeight = 20;

/** Bytes, sixteen a row: only the rows that are seen exist, and only their blocks are fetched. */
export function HexView({ bytes, download }: { readonly bytes: ByteSource; readonly download: string }) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useRows(box, Math.ceil(bytes.size / perRow), rowHeight);
  const [wrong, setWrong] = useState(false);
  const blocks = useMemo(() => new Blocks(bytes), [bytes]);
  const { error } = useStore(blocks.state);
  useEffect(() => blocks.open(), [blocks]);
  useEffect(() => blocks.want(rows.first * perRow, rows.end * perRow), [blocks, rows.first, rows.end]);
  const shown = Array.from({ length: rows.end - rows.first }, (_, index) => {
    const start = (rows.first + index) * perRow;
    return hexRow(blocks.at(start, Math.min(start + perRow, bytes.size)), start);
  });
  const go = (text: string) => {
    const offset = parseOffset(text, bytes.size);
    setWrong(offset === null && text.trim() !== "");
    if (offset !== null && box.current) box.current.scrollTop = rows.offsetOf(Math.floor(offset / perRow));
  };
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex min-h-9 shrink-0 flex-wrap items-center gap-x-3 gap-y-1 border-b border-line bg-panel px-3 py-1 text-[13px] text-muted">
        <span>Not text: {formatBytes(bytes.size)}</span>
        <label className="ml-auto flex items-center gap-2">
          Offset
          <input
            type="text"
            placeholder="0x1f0"
            aria-invalid={wrong}
            onChange={(event) => go(event.target.value)}
            className={`h-7 w-24 rounded-md border bg-bg px-2 font-mono text-[12px] text-text ${wrong ? "border-bad" : "border-line-strong"}`}
          />
        </label>
        <a className="font-medium text-accent-text hover:underline" href={download}>
          Download
        </a>
      </div>
      {error !== "" && (
        <div role="alert" className="flex shrink-0 items-center gap-2 border-b border-line bg-panel px-3 py-1 text-[13px] text-bad">
          {error}
          <Button small className="ml-auto" onClick={() => blocks.retry()}>
            Try again
          </Button>
        </div>
      )}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled by keyboard */}
      <div ref={box} role="region" aria-label="Bytes" tabIndex={0} onScroll={rows.onScroll} className="min-h-0 flex-1 overflow-auto bg-bg font-mono text-[12.5px] leading-5 focus-visible:outline-offset-[-2px]">
        <div className="relative min-w-max" style={{ height: rows.height, width: "76ch" }}>
          {shown.map(({ offset, hex, text }, index) => (
            <div key={offset} className="absolute flex gap-6 px-3 whitespace-pre" style={{ top: rows.top + index * rowHeight }}>
              <span className="text-faint">{offset}</span>
              <span>{hex}</span>
              <span className="text-muted">{text}</span>
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
