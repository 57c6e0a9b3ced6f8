/** Tables as text (RFC 4180), and what its writers do besides: other separators, either line end, quotes left open. */

export interface Table {
  readonly separator: string;
  readonly rows: readonly (readonly string[])[];
  /** The most cells that a row has. */
  readonly columns: number;
}

/** The separator that divides the first lines most evenly. */
export function separatorOf(text: string, path: string): string {
  if (path.toLowerCase().endsWith(".tsv")) return "\t";
  const lines = text.slice(0, 20_000).split(/\r?\n/).slice(0, 20).filter((line) => line !== "");
  let best = ",";
  let bestScore = 0;
  for (const separator of [",", ";", "\t", "|"]) {
    const counts = lines.map((line) => line.replace(/"(?:[^"]|"")*"/g, "").split(separator).length - 1);
    const least = Math.min(...counts);
    const score = least > 0 ? least + counts.filter((count) => count === counts[0]).length / lines.length : 0;
    if (score > bestScore) [best, bestScore] = [separator, score];
  }
  return best;
}

export function parseTable(text: string, separator: string): Table {
  const rows: string[][] = [];
  let columns = 0;
  let at = 0;
  while (at < text.length) {
    const row: string[] = [];
    for (;;) {
      let cell: string;
      if (text[at] === '"') {
        [cell, at] = quoted(text, at);
      } else {
        cell = "";
      }
      const start = at;
      while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at++;
      row.push(cell + text.slice(start, at));
      if (text[at] !== separator) break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    rows.push(row);
    columns = Math.max(columns, row.length);
  }
  return { separator, rows, columns };
}

/** Reads a cell in quotes that begins at `at`; one that is never closed goes on to the end. */
function quoted(text: string, at: number): [string, number] {
  let cell = "";
  let from = at + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) return [cell + text.slice(from), text.length];
    cell += text.slice(from, quote);
    if (text[quote + 1] !== '"') return [cell, quote + 1];
    cell += '"';
    from = quote + 2;
  }
}

const sampled = 200;
const [narrowest, widest, perCharacter] = [56, 360, 7.5];

/** In pixels, by the first rows. */
export function columnWidths({ rows, columns }: Table): number[] {
  const widths = new Array<number>(columns).fill(narrowest);
  for (const row of rows.slice(0, sampled)) {
    row.forEach((cell, index) => {
      const wanted = Math.min(widest, cell.length * perCharacter + 24);
      widths[index] = Math.max(widths[index] ?? narrowest, wanted);
    });
  }
  return widths;
}

/** Whether a column's cells are numbers, which stand at the right. */
export function isNumeric({ rows }: Table, column: number): boolean {
  const cells = rows.slice(1, sampled).map((row) => row[column]?.trim() ?? "").filter((cell) => cell !== "");
  return cells.length > 0 && cells.every((cell) => /^[-+]?(\d[\d,]*)?(\.\d+)?([eE][-+]?\d+)?%?$/.test(cell));
}

/** Where each column begins. */
export function runningSums(widths: readonly number[]): number[] {
  const sums: number[] = [];
  let sum = 0;
  for (const width of widths) {
    sums.push(sum);
    sum += width;
  }
  return sums;
}
