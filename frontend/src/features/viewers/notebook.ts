/** Jupyter notebooks (nbformat 4; 3 has its cells in worksheets), read for showing. */
import * as z from "zod/mini";

/** Text is one string or a list of lines. */
const text = z.pipe(z.union([z.string(), z.array(z.string())]), z.transform((value) => (typeof value === "string" ? value : value.join(""))));

const bundle = z.pipe(z.record(z.string(), z.unknown()), z.transform((data) => {
  const texts = new Map<string, string>();
  for (const [type, value] of Object.entries(data)) {
    const parsed = text.safeParse(value);
    if (parsed.success) texts.set(type, parsed.data);
    else if (type.endsWith("json")) texts.set(type, JSON.stringify(value, null, 2));
  }
  return texts;
}));

const outputSchema = z.union([
  z.object({ output_type: z.literal("stream"), name: z._default(z.string(), "stdout"), text }),
  z.object({ output_type: z.enum(["display_data", "execute_result", "update_display_data"]), data: bundle }),
  z.object({ output_type: z.literal("error"), ename: z._default(z.string(), ""), evalue: z._default(z.string(), ""), traceback: z._default(z.array(z.string()), []) }),
  z.pipe(z.object({ output_type: z.string() }), z.transform(() => ({ output_type: "unknown" as const }))),
]);
export type Output = z.infer<typeof outputSchema>;

const cellSchema = z.object({
  cell_type: z.string(),
  source: z.optional(text),
  input: z.optional(text),
  execution_count: z.nullish(z.number()),
  outputs: z._default(z.array(outputSchema), []),
  attachments: z._default(z.record(z.string(), bundle), {}),
});

const notebookSchema = z.object({
  cells: z.optional(z.array(cellSchema)),
  worksheets: z.optional(z.array(z.object({ cells: z.array(cellSchema) }))),
  metadata: z._default(z.object({ language_info: z.optional(z.object({ name: z.string() })), kernelspec: z.optional(z.object({ language: z.optional(z.string()) })) }), {}),
});

export interface Cell {
  readonly kind: "markdown" | "code" | "raw";
  readonly source: string;
  readonly count: number | null;
  readonly outputs: readonly Output[];
  readonly attachments: Readonly<Record<string, ReadonlyMap<string, string>>>;
}

export interface Notebook {
  readonly language: string;
  readonly cells: readonly Cell[];
}

/** Reads a notebook; a string says why it is none. */
export function parseNotebook(source: string): Notebook | string {
  if (source.trim() === "") return { language: "python", cells: [] };
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    return `This is not a notebook: ${error instanceof Error ? error.message : String(error)}`;
  }
  const parsed = notebookSchema.safeParse(value);
  if (!parsed.success) return "This is JSON, but not a notebook.";
  const { cells, worksheets, metadata } = parsed.data;
  const all = cells ?? worksheets?.flatMap((sheet) => sheet.cells);
  if (!all) return "This is JSON, but not a notebook.";
  return {
    language: metadata.language_info?.name ?? metadata.kernelspec?.language ?? "python",
    cells: all.map((cell) => ({
      kind: cell.cell_type === "markdown" || cell.cell_type === "code" ? cell.cell_type : "raw",
      source: cell.source ?? cell.input ?? "",
      count: cell.execution_count ?? null,
      outputs: cell.outputs,
      attachments: cell.attachments,
    })),
  };
}

export type Shown =
  | { readonly kind: "image"; readonly url: string }
  | { readonly kind: "html" | "markdown" | "text" | "error"; readonly text: string };

const pictures = ["image/png", "image/jpeg", "image/gif", "image/webp"] as const;

/** The richest form of an output that can be shown without running anything. */
export function shownOf(output: Output): Shown | null {
  switch (output.output_type) {
    case "stream":
      return { kind: output.name === "stderr" ? "error" : "text", text: plain(output.text) };
    case "error":
      return { kind: "error", text: plain(output.traceback.length > 0 ? output.traceback.join("\n") : `${output.ename}: ${output.evalue}`) };
    case "unknown":
      return null;
    default:
      return richest(output.data);
  }
}

function richest(data: ReadonlyMap<string, string>): Shown | null {
  const picture = pictureOf(data);
  if (picture) return { kind: "image", url: picture };
  const html = data.get("text/html");
  if (html !== undefined) return { kind: "html", text: html };
  const markdown = data.get("text/markdown");
  if (markdown !== undefined) return { kind: "markdown", text: markdown };
  const rest = data.get("text/plain") ?? data.get("application/json") ?? data.get("text/latex");
  if (rest !== undefined) return { kind: "text", text: plain(rest) };
  const [type] = [...data.keys()];
  return type === undefined ? null : { kind: "text", text: `(${type}: not shown here)` };
}

/** The address of a picture among the forms of an output: one that is data, which an <img> draws and never runs. */
export function pictureOf(data: ReadonlyMap<string, string>): string | null {
  for (const type of pictures) {
    const content = data.get(type)?.replace(/\s/g, "");
    if (content !== undefined && /^[A-Za-z0-9+/=]*$/.test(content)) return `data:${type};base64,${content}`;
  }
  const svg = data.get("image/svg+xml");
  return svg === undefined ? null : `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
}

/** Text without the codes that colour it in a terminal; of a line that was written over, the last. */
export function plain(value: string): string {
  return value
    // eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
    .replace(/\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)/g, "")
    .split("\n")
    .map((line) => line.replace(/\r+$/, "").replace(/^[^]*\r/, ""))
    .join("\n");
}
