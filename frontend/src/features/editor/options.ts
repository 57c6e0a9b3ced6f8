/** How the editor looks and behaves, by the user's choice. Kept in this browser, and followed by all its tabs at once. */
import type * as Monaco from "monaco-editor";
import * as z from "zod/mini";
import { loadStored, saveStored } from "@/lib/storage";
import { Store } from "@/lib/store";

const key = "editor-options";
export const tabSizes = [2, 3, 4, 8] as const;
export const editorFontSizes = { least: 8, most: 32, usual: 13 } as const;

const schema = z.object({
  fontSize: z._default(z.int().check(z.gte(editorFontSizes.least), z.lte(editorFontSizes.most)), editorFontSizes.usual),
  /** Columns, where a file does not show its own. */
  tabSize: z._default(z.union([z.literal(2), z.literal(3), z.literal(4), z.literal(8)]), 4),
  insertSpaces: z._default(z.boolean(), true),
  /** Takes spaces or tabs, and how many, from what is in the file. */
  detectIndentation: z._default(z.boolean(), true),
  wordWrap: z._default(z.boolean(), false),
  minimap: z._default(z.boolean(), false),
});

export type EditorOptions = z.infer<typeof schema>;
export const defaultOptions: EditorOptions = schema.parse({});
export const editorSettings = new Store<EditorOptions>(defaultOptions);

/** Reads what is kept and follows other tabs, until the returned function is called. */
export function watchOptions(): () => void {
  const read = () => editorSettings.set(loadStored(key, schema, defaultOptions));
  const onStorage = (event: StorageEvent) => {
    if (event.key === key || event.key === null) read();
  };
  read();
  window.addEventListener("storage", onStorage);
  return () => window.removeEventListener("storage", onStorage);
}

export function changeOptions(change: Partial<EditorOptions>): void {
  const next = schema.safeParse({ ...editorSettings.get(), ...change });
  if (!next.success) return;
  editorSettings.set(next.data);
  saveStored(key, next.data);
}

/** As Monaco's options. */
export function monacoOptions({ fontSize, wordWrap, minimap }: EditorOptions): Monaco.editor.IEditorOptions {
  return { fontSize, lineHeight: Math.round(fontSize * 1.54), wordWrap: wordWrap ? "on" : "off", minimap: { enabled: minimap } };
}
