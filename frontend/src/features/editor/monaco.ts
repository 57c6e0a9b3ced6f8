/** The one place that knows Monaco: loaded from this origin when the first file opens, wrapped as text buffers. */
import type * as Monaco from "monaco-editor";
import { settings } from "@/lib/settings";
import { theme } from "@/lib/theme";
import type { Document, Place, TextBuffer } from "./document";
import type { EditorView } from "./documents";
import { languageOf } from "./language";

export type MonacoAPI = typeof Monaco;

let loading: Promise<MonacoAPI> | undefined;

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
  return monaco;
}

function configure(monaco: MonacoAPI): void {
  const dark: Record<string, string> = {
    "editor.background": "#101215", "editor.foreground": "#e3e6ea", "editorLineNumber.foreground": "#59626d",
    "editorLineNumber.activeForeground": "#a0a8b3", "editor.lineHighlightBackground": "#16191d",
    "editor.lineHighlightBorder": "#00000000", "editorCursor.foreground": "#f0ad3d",
    "editor.selectionBackground": "#f0ad3d40", "editorWidget.background": "#1c2025", "editorWidget.border": "#262b32",
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
      const { fontFamily, fontSize, tabSize, insertSpaces, wordWrap } = settings.get();
      const options: Monaco.editor.IEditorOptions & Monaco.editor.IGlobalEditorOptions = {
        fontFamily: fontFamily ? `${JSON.stringify(fontFamily)}, ${usualFont}` : usualFont,
        fontSize,
        lineHeight: Math.round(fontSize * 1.54),
        wordWrap: wordWrap ? "on" : "off",
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
  /** Cursor and scroll position, while another file is shown. */
  view: Monaco.editor.ICodeEditorViewState | null = null;
  readonly #monaco: MonacoAPI;

  constructor(monaco: MonacoAPI, id: number, path: string, text: string) {
    this.#monaco = monaco;
    this.model = monaco.editor.createModel(text, languageOf(path), monaco.Uri.from({ scheme: "inmemory", path: `/${id}/${path}` }));
  }

  text(): string {
    return this.model.getValue();
  }

  setText(text: string): void {
    if (text === this.model.getValue()) return;
    // Only what differs is replaced, so that the cursor stays where the text around it did.
    const before = this.model.getValue();
    const least = Math.min(before.length, text.length);
    let start = 0;
    while (start < least && before[start] === text[start]) start++;
    let tail = 0;
    while (tail < least - start && before[before.length - 1 - tail] === text[text.length - 1 - tail]) tail++;
    const range = this.#monaco.Range.fromPositions(
      this.model.getPositionAt(start),
      this.model.getPositionAt(before.length - tail),
    );
    this.model.pushStackElement();
    this.model.pushEditOperations(null, [{ range, text: text.slice(start, text.length - tail) }], () => null);
    this.model.pushStackElement();
    // Line ends at the seams may not have come out as asked.
    if (this.model.getValue() !== text) this.model.setValue(text);
  }

  version(): number {
    return this.model.getAlternativeVersionId();
  }

  onChange(listener: () => void): () => void {
    const subscription = this.model.onDidChangeContent(listener);
    return () => subscription.dispose();
  }

  setPath(path: string): void {
    this.#monaco.editor.setModelLanguage(this.model, languageOf(path));
  }

  dispose(): void {
    this.model.dispose();
  }
}

export async function createMonacoBuffer(id: number, path: string, text: string): Promise<TextBuffer> {
  return new MonacoBuffer(await loadMonaco(), id, path, text);
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
  stickyScroll: { enabled: false },
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 10, useShadows: false },
  bracketPairColorization: { enabled: false },
  guides: { indentation: true },
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
