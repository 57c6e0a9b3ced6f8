/** What shows a file that the text editor does not, or does not alone. By the name: a wrong one shows nothing, and runs nothing. */
import { extensionOf } from "@/lib/paths";

export type BinaryKind = "image" | "pdf" | "audio" | "video" | "hex";
export type PreviewKind = "markdown" | "notebook" | "table" | "svg";

const types: Readonly<Record<string, readonly [BinaryKind, string]>> = {
  png: ["image", "image/png"], jpg: ["image", "image/jpeg"], jpeg: ["image", "image/jpeg"], gif: ["image", "image/gif"],
  webp: ["image", "image/webp"], bmp: ["image", "image/bmp"], ico: ["image", "image/x-icon"], avif: ["image", "image/avif"],
  pdf: ["pdf", "application/pdf"],
  mp3: ["audio", "audio/mpeg"], wav: ["audio", "audio/wav"], ogg: ["audio", "audio/ogg"], oga: ["audio", "audio/ogg"],
  flac: ["audio", "audio/flac"], m4a: ["audio", "audio/mp4"], opus: ["audio", "audio/ogg"],
  mp4: ["video", "video/mp4"], webm: ["video", "video/webm"], mov: ["video", "video/mp4"], ogv: ["video", "video/ogg"],
};

/** The browser takes pictures, sounds, films and PDFs only as a whole: larger ones are not fetched, in bytes. */
export const mostPlayedBytes = 64 << 20;
/** So are notebooks and drawings, and Markdown: what is shown of them is made of all of it. Tables are shown as far as they are read. */
export const mostPreviewedBytes = 32 << 20;

/** How bytes that are no text are shown, and the media type for that: never one that a browser runs. */
export function binaryKind(path: string): { readonly kind: BinaryKind; readonly type: string } {
  const [kind, type] = types[extensionOf(path)] ?? ["hex", "application/octet-stream"];
  return { kind, type };
}

const previews: Readonly<Record<string, PreviewKind>> = {
  md: "markdown", markdown: "markdown", ipynb: "notebook", csv: "table", tsv: "table", svg: "svg",
};

/** What a text can be shown as besides its source, or null. */
export function previewKind(path: string): PreviewKind | null {
  return previews[extensionOf(path)] ?? null;
}

/** Whether the preview is what is meant by opening the file, and the source the exception. */
export function previewFirst(path: string): boolean {
  const kind = previewKind(path);
  return kind === "notebook" || kind === "table" || binaryKind(path).kind !== "hex";
}

/** A notebook is edited as JSON on purpose alone; the others are written by hand. */
export const previewLabels: Readonly<Record<PreviewKind, string>> = { markdown: "Preview", notebook: "Notebook", table: "Table", svg: "Image" };
