/** The one place that knows Monaco: loaded from this origin when the first file opens, wrapped as text buffers. */
import type * as Monaco from "monaco-editor";
import { settings } from "@/lib/settings";
import { theme } from "@/lib/theme";
import { diffLines } from "@/lib/diff";
import type { Document } from "./document";
import type { LineEnds, Place, TextBuffer } from "./text-buffer";
import type { EditorView } from "./documents";
import type { Indentation } from "./format";
import { languageOf } from "./language";
import { persistently } from "./persist";

export type MonacoAPI = typeof Monaco;

let loading: Promise<MonacoAPI> | undefined;
let loaded: MonacoAPI | undefined;

/** Loads the editor once; a failed load is tried again at the next call. */
export function loadMonaco(): Promise<MonacoAPI> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

const workers: Readonly<Record<string, string>> = {
  json: "json", css: "css", scss: "css", less: "css", html: "html", handlebars: "html", razor: "html",
  javascript: "ts", typescript: "ts",
};

async function load(): Promise<MonacoAPI> {
  Object.assign(window, {
    MonacoEnvironment: {
      getWorker: (_: string, label: string) => new Worker(`/monaco/${workers[label] ?? "editor"}.worker.js`, { name: label }),
      // For its modules that come when they are needed: scripts/build-monaco.mjs has them ask here.
      persistently,
    },
  });
  const css = document.createElement("link");
  css.rel = "stylesheet";
  css.href = "/monaco/editor.css";
  const styled = new Promise<void>((resolve, reject) => {
    css.onload = () => resolve();
    css.onerror = () => reject(new Error("The editor could not be loaded."));
  });
  document.head.append(css);
  // scripts/build-monaco.mjs makes it; Next does not bundle it.
  const address = "/monaco/editor.js";
  const monaco = (await import(/* webpackIgnore: true */ address)) as MonacoAPI;
  await styled;
  configure(monaco);
  loaded = monaco;
  return monaco;
}

function configure(monaco: MonacoAPI): void {
  const dark: Record<string, string> = {
    "editor.background": "#101215", "editor.foreground": "#e3e6ea", "editorLineNumber.foreground": "#59626d",
    "editorLineNumber.activeForeground": "#a0a8b3", "editor.lineHighlightBackground": "#16191d",
    "editor.lineHighlightBorder": "#00000000", "editorCursor.foreground": "#f0ad3d",
    "editor.selectionBackground": "#f0ad3d40", "editorWidget.background": "#1c2025", "editorWidget.border": "#262b32",
    "menu.background": "#1c2025", "menu.foreground": "#e3e6ea", "menu.border": "#262b32", "menu.separatorBackground": "#262b32",
    "menu.selectionBackground": "#2a3038", "menu.selectionForeground": "#e3e6ea",
    "editorGutter.background": "#101215", "editorIndentGuide.background1": "#22272d", "focusBorder": "#f0ad3d",
    "scrollbarSlider.background": "#3d444e80", "editorOverviewRuler.border": "#00000000",
    "editorBracketHighlight.foreground1": "#a0a8b3", "editorBracketHighlight.foreground2": "#c3a5d6",
    "editorBracketHighlight.foreground3": "#7cc5d9", "editorBracketHighlight.unexpectedBracket.foreground": "#f2736b",
    "diffEditor.insertedLineBackground": "#4cc27d1c", "diffEditor.insertedTextBackground": "#4cc27d26",
    "diffEditor.removedLineBackground": "#f2736b1c", "diffEditor.removedTextBackground": "#f2736b26",
  };
  const light: Record<string, string> = {
    "editor.background": "#ffffff", "editor.foreground": "#191c20", "editorLineNumber.foreground": "#a0a7b0",
    "editorLineNumber.activeForeground": "#545d68", "editor.lineHighlightBackground": "#f5f6f7",
    "editor.lineHighlightBorder": "#00000000", "editorCursor.foreground": "#b06a00",
    "editor.selectionBackground": "#f3c97a80", "editorWidget.background": "#ffffff", "editorWidget.border": "#dcdfe3",
    "menu.background": "#ffffff", "menu.foreground": "#191c20", "menu.border": "#dcdfe3", "menu.separatorBackground": "#dcdfe3",
    "menu.selectionBackground": "#e9ebee", "menu.selectionForeground": "#191c20",
    "editorIndentGuide.background1": "#e9ebee", "focusBorder": "#b06a00", "editorOverviewRuler.border": "#00000000",
    "editorBracketHighlight.foreground1": "#545d68", "editorBracketHighlight.foreground2": "#7a4a96",
    "editorBracketHighlight.foreground3": "#146f86", "editorBracketHighlight.unexpectedBracket.foreground": "#c2322b",
    "diffEditor.insertedLineBackground": "#1a7f4518", "diffEditor.insertedTextBackground": "#1a7f4522",
    "diffEditor.removedLineBackground": "#c2322b14", "diffEditor.removedTextBackground": "#c2322b22",
  };
  monaco.editor.defineTheme("platform-dark", {
    base: "vs-dark", inherit: true, colors: dark,
    rules: [
      { token: "comment", foreground: "7d8794", fontStyle: "italic" }, { token: "keyword", foreground: "e79ac0" },
      { token: "string", foreground: "9fce8b" }, { token: "number", foreground: "f0ad3d" },
      { token: "type", foreground: "7cc5d9" }, { token: "delimiter", foreground: "a0a8b3" },
    ],
  });
  monaco.editor.defineTheme("platform-light", {
    base: "vs", inherit: true, colors: light,
    rules: [
      { token: "comment", foreground: "6a7380", fontStyle: "italic" }, { token: "keyword", foreground: "a8306f" },
      { token: "string", foreground: "3a7a26" }, { token: "number", foreground: "8f5400" },
      { token: "type", foreground: "146f86" },
    ],
  });
  monaco.editor.defineTheme("platform-contrast", { base: "hc-black", inherit: true, colors: { "editor.background": "#000000", "focusBorder": "#ffff00" }, rules: [] });
  followSettings(monaco);
  const follow = () => monaco.editor.setTheme(`platform-${theme.get()}`);
  follow();
  theme.subscribe(follow);
  // One file is not a project: what it imports cannot be resolved in the browser, so only syntax is checked.
  const diagnostics = { noSemanticValidation: true, noSyntaxValidation: false, noSuggestionDiagnostics: true };
  monaco.typescript.typescriptDefaults.setDiagnosticsOptions(diagnostics);
  monaco.typescript.javascriptDefaults.setDiagnosticsOptions(diagnostics);
}

/** Gives every editor what the user has chosen, at once and later on. */
function followSettings(monaco: MonacoAPI): void {
  monaco.editor.onDidCreateEditor((editor) => {
    const apply = () => {
      const { fontFamily, fontSize, tabSize, insertSpaces, wordWrap, minimap } = settings.get();
      const options: Monaco.editor.IEditorOptions & Monaco.editor.IGlobalEditorOptions = {
        fontFamily: fontFamily ? `${JSON.stringify(fontFamily)}, ${usualFont}` : usualFont,
        fontSize,
        lineHeight: Math.round(fontSize * 1.54),
        wordWrap: wordWrap ? "on" : "off",
        minimap: { enabled: minimap },
        // The page's only: a file that is indented otherwise stays so.
        tabSize,
        insertSpaces,
      };
      editor.updateOptions(options);
    };
    apply();
    const stop = settings.subscribe(apply);
    editor.onDidDispose(stop);
  });
}

const usualFont = '"JetBrains Mono Variable", ui-monospace, monospace';

/** An editor's model as the text of a document. */
export class MonacoBuffer implements TextBuffer {
  readonly model: Monaco.editor.ITextModel;
  /** Cursor and scroll position by group, while another file is shown there. */
  readonly views = new Map<number, Monaco.editor.ICodeEditorViewState | null>();
  readonly #monaco: MonacoAPI;
  readonly #plain: boolean;

  constructor(monaco: MonacoAPI, id: number, path: string, text: string, plain: boolean) {
    this.#monaco = monaco;
    this.#plain = plain;
    this.model = monaco.editor.createModel(text, plain ? "plaintext" : languageOf(path), monaco.Uri.from({ scheme: "inmemory", path: `/${id}/${path}` }));
    const { detectIndentation, insertSpaces, tabSize } = settings.get();
    if (detectIndentation) this.model.detectIndentation(insertSpaces, tabSize);
    else this.model.updateOptions({ insertSpaces, tabSize, indentSize: "tabSize" });
  }

  text(): string {
    return this.model.getValue();
  }

  setText(text: string): void {
    const { model } = this;
    // The editor gives all lines one end: what differs in that alone is the same text to it.
    const after = text.split(/\r\n|\r|\n/);
    const before = model.getLinesContent();
    const hunks = diffLines(before, after);
    const lineEnds = lineEndsOf(text);
    if (lineEnds !== null && lineEnds !== this.lineEnds) this.setLineEnds(lineEnds);
    if (hunks.length === 0) return;
    const eol = model.getEOL();
    // Only the lines that differ are replaced, so that cursor, folds and marks stay where the text around them did.
    const edits = hunks.map(({ aStart, aEnd, bStart, bEnd }) => {
      const lines = after.slice(bStart, bEnd);
      if (aEnd < before.length) return { range: new this.#monaco.Range(aStart + 1, 1, aEnd + 1, 1), text: lines.map((line) => line + eol).join("") };
      // Up to the end of the text: what divides it from the line before goes with it.
      const from = aStart === 0 ? { line: 1, column: 1 } : { line: aStart, column: (before[aStart - 1]?.length ?? 0) + 1 };
      const last = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
      return { range: new this.#monaco.Range(from.line, from.column, last.line, last.column), text: aStart === 0 ? lines.join(eol) : lines.map((line) => eol + line).join("") };
    });
    const keepers = this.#monaco.editor.getEditors().filter((editor) => editor.getModel() === model).map(keepScroll);
    model.pushStackElement();
    model.pushEditOperations(null, edits, () => null);
    model.pushStackElement();
    for (const restore of keepers) restore();
  }

  append(text: string): void {
    const { model } = this;
    const line = model.getLineCount();
    const column = model.getLineMaxColumn(line);
    model.applyEdits([{ range: new this.#monaco.Range(line, column, line, column), text }]);
  }

  lines(): number {
    return this.model.getLineCount();
  }

  version(): number {
    return this.model.getAlternativeVersionId();
  }

  onChange(listener: () => void): () => void {
    const subscription = this.model.onDidChangeContent(listener);
    return () => subscription.dispose();
  }

  onFacts(listener: () => void): () => void {
    const subscriptions = [this.model.onDidChangeLanguage(listener), this.model.onDidChangeOptions(listener), this.model.onDidChangeContent(listener)];
    return () => subscriptions.forEach((each) => each.dispose());
  }

  setPath(path: string): void {
    if (!this.#plain) this.setLanguage(languageOf(path));
  }

  get language(): string {
    return this.model.getLanguageId();
  }

  setLanguage(id: string): void {
    this.#monaco.editor.setModelLanguage(this.model, id);
  }

  get lineEnds(): LineEnds {
    return this.model.getEOL() === "\r\n" ? "CRLF" : "LF";
  }

  setLineEnds(lineEnds: LineEnds): void {
    const { EndOfLineSequence } = this.#monaco.editor;
    this.model.pushEOL(lineEnds === "CRLF" ? EndOfLineSequence.CRLF : EndOfLineSequence.LF);
  }

  dispose(): void {
    this.model.dispose();
  }
}

/** The languages that a text can be shown in; none before the editor is there. */
export function languageIDs(): string[] {
  return [...new Set((loaded?.languages.getLanguages() ?? []).map(({ id }) => id))].sort();
}

export function indentationIn({ buffer }: Document): Indentation {
  return buffer instanceof MonacoBuffer ? buffer.model.getOptions() : { insertSpaces: true, tabSize: 4 };
}

/** "spaces 4" or "tabs 8". */
export function indentationOf(document: Document): string {
  const { insertSpaces, tabSize } = indentationIn(document);
  return `${insertSpaces ? "spaces" : "tabs"} ${tabSize}`;
}

export function setIndentation({ buffer }: Document, indentation: string): void {
  const [what, size] = indentation.split(" ");
  if (buffer instanceof MonacoBuffer) buffer.model.updateOptions({ insertSpaces: what === "spaces", tabSize: Number(size), indentSize: "tabSize" });
}

export async function createMonacoBuffer(id: number, path: string, text: string, plain: boolean): Promise<TextBuffer> {
  return new MonacoBuffer(await loadMonaco(), id, path, text, plain);
}

/** Which end most lines have; null: there is but one line. */
function lineEndsOf(text: string): LineEnds | null {
  const all = text.split("\n").length - 1;
  if (all === 0) return null;
  return (text.split("\r\n").length - 1) * 2 > all ? "CRLF" : "LF";
}

/** Marks the line at the top; the returned function has it there again after lines above it came or went. */
function keepScroll(editor: Monaco.editor.ICodeEditor): () => void {
  const line = editor.getVisibleRanges()[0]?.startLineNumber ?? 1;
  const within = editor.getScrollTop() - editor.getTopForLineNumber(line);
  const atTop = editor.getScrollTop() === 0;
  const mark = editor.createDecorationsCollection([{ range: { startLineNumber: line, startColumn: 1, endLineNumber: line, endColumn: 1 }, options: {} }]);
  return () => {
    const now = mark.getRange(0)?.startLineNumber ?? line;
    mark.clear();
    if (!atTop && now !== line) editor.setScrollTop(editor.getTopForLineNumber(now) + within);
  };
}

/** What every editor of the page has in common. */
export const editorOptions: Monaco.editor.IStandaloneEditorConstructionOptions = {
  automaticLayout: true,
  // A textarea, which every assistive technology and input method knows.
  editContext: false,
  fontFamily: usualFont,
  fontSize: 13,
  lineHeight: 20,
  fontLigatures: false,
  minimap: { enabled: false },
  padding: { top: 8, bottom: 8 },
  scrollBeyondLastLine: false,
  smoothScrolling: false,
  renderLineHighlight: "line",
  renderWhitespace: "selection",
  overviewRulerBorder: false,
  lineNumbersMinChars: 4,
  fixedOverflowWidgets: true,
  // The editor's menu takes its colours and its border from styles of the page, which do not reach into a shadow.
  useShadowDOM: false,
  stickyScroll: { enabled: false },
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  bracketPairColorization: { enabled: false },
  guides: { indentation: true },
};

/** What a large text goes without. */
export const lightOptions: Monaco.editor.IEditorOptions & Monaco.editor.IGlobalEditorOptions = {
  folding: false, wordBasedSuggestions: "off", occurrencesHighlight: "off", selectionHighlight: false, matchBrackets: "never", links: false, renderLineHighlight: "none",
};
export const fullOptions: Monaco.editor.IEditorOptions & Monaco.editor.IGlobalEditorOptions = {
  folding: true, wordBasedSuggestions: "matchingDocuments", occurrencesHighlight: "singleFile", selectionHighlight: true, matchBrackets: "always", links: true, renderLineHighlight: "line",
};

/** Selects a place and shows it in the middle. What lies behind the end of the text is the end. */
export function goTo(editor: Monaco.editor.IStandaloneCodeEditor, { line, column = 1, endLine, endColumn }: Place): void {
  const model = editor.getModel();
  if (!model) return;
  const range = model.validateRange({ startLineNumber: line, startColumn: column, endLineNumber: endLine ?? line, endColumn: endColumn ?? column });
  editor.setSelection(range);
  editor.revealRangeInCenter(range);
  editor.focus();
}

/** Puts the cursor where it was, without taking the focus. */
export function putCursor(editor: Monaco.editor.IStandaloneCodeEditor, { line, column }: Place & { readonly column: number }): void {
  const position = editor.getModel()?.validatePosition({ lineNumber: line, column });
  if (!position) return;
  editor.setPosition(position);
  editor.revealPositionInCenterIfOutsideViewport(position);
}

export function viewOf(editor: Monaco.editor.IStandaloneCodeEditor, document: Document): EditorView {
  return {
    document,
    focus: () => editor.focus(),
    place: () => {
      const position = editor.getPosition();
      return { line: position?.lineNumber ?? 1, column: position?.column ?? 1 };
    },
    lines: () => editor.getModel()?.getLineCount() ?? 1,
    selected: () => {
      const selection = editor.getSelection();
      if (!selection || selection.startLineNumber !== selection.endLineNumber) return "";
      return editor.getModel()?.getValueInRange(selection) ?? "";
    },
    actions: () =>
      editor
        .getSupportedActions()
        .filter((action) => action.label !== "" && action.isSupported())
        .map((action) => ({ id: action.id, label: action.label, run: () => void action.run() })),
  };
}
