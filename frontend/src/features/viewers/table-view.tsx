"use client";

import { useMemo, useRef } from "react";
import { plural } from "@/lib/format";
import { columnWidths, isNumeric, parseTable, runningSums, separatorOf } from "./csv";
import { useRows } from "./use-rows";

const rowHeight = 26;
const headHeight = 28;

/** Text with separators as a table: only the cells that are seen exist. */
export default function TableView({ text, path }: { readonly text: string; readonly path: string }) {
  const table = useMemo(() => parseTable(text, separatorOf(text, path)), [text, path]);
  const widths = useMemo(() => columnWidths(table), [table]);
  const numeric = useMemo(() => widths.map((_, column) => isNumeric(table, column)), [table, widths]);
  const lefts = useMemo(() => runningSums(widths), [widths]);
  const box = useRef<HTMLDivElement>(null);
  const [head = [], ...body] = table.rows;
  const rows = useRows(box, body.length, rowHeight);

  if (table.rows.length === 0) return <p className="p-6 text-[13px] text-muted">This table is empty.</p>;
  const gutter = 16 + String(table.rows.length).length * 8;
  const seen = widths.map((_, column) => column).filter((column) => (lefts[column] ?? 0) + (widths[column] ?? 0) > rows.scrollLeft - 200 && (lefts[column] ?? 0) < rows.scrollLeft + rows.width + 200);
  const total = (lefts.at(-1) ?? 0) + (widths.at(-1) ?? 0) + gutter;
  const cell = (column: number) => ({ left: gutter + (lefts[column] ?? 0), width: widths[column] });

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- scrolled by keyboard */}
      <div ref={box} tabIndex={0} onScroll={rows.onScroll} role="table" aria-label="Table" aria-rowcount={table.rows.length} aria-colcount={table.columns} className="min-h-0 flex-1 overflow-auto font-mono text-[12.5px] focus-visible:outline-offset-[-2px]">
        <div role="rowgroup" className="sticky top-0 z-[1] border-b border-line-strong bg-panel" style={{ height: headHeight, width: total, minWidth: "100%" }}>
          <div role="row" aria-rowindex={1} className="relative font-semibold" style={{ height: headHeight }}>
            {seen.map((column) => (
              <div key={column} role="columnheader" aria-colindex={column + 1} title={head[column]} className={`absolute truncate px-2 leading-7 ${numeric[column] ? "text-right" : ""}`} style={cell(column)}>
                {head[column]}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: rows.height, width: total, minWidth: "100%" }}>
          {body.slice(rows.first, rows.end).map((row, index) => {
            const number = rows.first + index + 2;
            return (
              <div key={number} role="row" aria-rowindex={number} className="absolute inset-x-0 border-b border-line hover:bg-hover" style={{ top: rows.top + index * rowHeight, height: rowHeight }}>
                <span aria-hidden className="absolute left-0 pr-2 text-right leading-[25px] text-faint" style={{ width: gutter }}>
                  {number}
                </span>
                {seen.map((column) => (
                  <div key={column} role="cell" aria-colindex={column + 1} title={row[column]} className={`absolute truncate px-2 leading-[25px] whitespace-pre ${numeric[column] ? "text-right" : ""}`} style={cell(column)}>
                    {row[column]}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      <p className="shrink-0 border-t border-line bg-panel px-3 text-[12px] leading-6 text-muted">
        {plural(body.length, "row")}, {plural(table.columns, "column")}
      </p>
    </div>
  );
}
