/** What a document asks of the editor that shows it, and places in a text. */

/** The editable text, as the editor's model gives it. */
export interface TextBuffer {
  text(): string;
  /** Replaces the text, and keeps the cursor and the undo history. */
  setText(text: string): void;
  /** Adds to the end, which is no edit that could be undone. */
  append(text: string): void;
  /** How many lines it has. */
  lines(): number;
  /** A number for the present text: undoing an edit brings the former one back. */
  version(): number;
  onChange(listener: () => void): () => void;
  setPath(path: string): void;
  /** Calls after a change of the text, its language, its line ends or its indentation. */
  onFacts(listener: () => void): () => void;
  /** The language that it is shown in, by the editor's ID. */
  readonly language: string;
  setLanguage(id: string): void;
  readonly lineEnds: LineEnds;
  /** Changes all of them: an edit like any other. */
  setLineEnds(lineEnds: LineEnds): void;
  dispose(): void;
}

export type LineEnds = "LF" | "CRLF";

/** A place in a text: lines and columns from 1, columns in UTF-16 code units. With an end it is what lies between. */
export interface Place {
  readonly line: number;
  readonly column?: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}
