/** Formats an open file, by the settings of its workspace. */
import { inform } from "@/lib/toasts";
import type { Document } from "./document";
import { canFormat, formatLine, formatText } from "./format";
import { languageLabel } from "./language";
import { indentationIn } from "./monaco";
import { prettierSettings } from "./prettierrc";

/**
 * Formats the file if this page can. Answers the command line that does it in the file's environment where that is what it
 * takes; null: nothing is left to do. Rejects with what is wrong with the text or the settings, in one line.
 */
export async function formatDocument(file: Document, exists: (path: string) => boolean, read: (path: string) => Promise<string>): Promise<string | null> {
  const { buffer } = file;
  const { content } = file.state.get();
  if (!buffer || content.kind !== "text" || content.readOnly) return null;
  if (!canFormat(buffer.language)) {
    const line = formatLine(file.path);
    if (line === null) inform(`Nothing here formats ${languageLabel(buffer.language)}.`);
    return line;
  }
  const wanted = await prettierSettings(file.path, exists, read);
  try {
    const formatted = await formatText(buffer.language, buffer.text(), indentationIn(file), wanted);
    if (formatted !== null) buffer.setText(formatted);
  } catch (error) {
    // Prettier shows the place in the text below its first line.
    throw new Error(error instanceof Error ? (error.message.split("\n")[0] ?? "") : "Prettier failed", { cause: error });
  }
  return null;
}
