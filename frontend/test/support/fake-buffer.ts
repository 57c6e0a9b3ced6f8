import type { LineEnds, TextBuffer } from "@/features/editor/text-buffer";

/** A text without an editor. Each change has a version of its own. */
export class FakeBuffer implements TextBuffer {
  #text: string;
  #version = 1;
  readonly #listeners = new Set<() => void>();
  disposed = false;

  constructor(text: string) {
    this.#text = text;
  }
  text(): string {
    return this.#text;
  }
  setText(text: string): void {
    this.#text = text;
    this.#version++;
    for (const listener of this.#listeners) listener();
  }
  append(text: string): void {
    this.setText(this.#text + text);
  }
  lines(): number {
    return this.#text.split("\n").length;
  }
  version(): number {
    return this.#version;
  }
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  onFacts(listener: () => void): () => void {
    return this.onChange(listener);
  }
  language = "plaintext";
  setLanguage(id: string): void {
    this.language = id;
  }
  get lineEnds(): LineEnds {
    return this.#text.includes("\r\n") ? "CRLF" : "LF";
  }
  setLineEnds(lineEnds: LineEnds): void {
    this.setText(this.#text.replace(/\r?\n/g, lineEnds === "CRLF" ? "\r\n" : "\n"));
  }
  setPath(): void {
    // The fake has no language.
  }
  dispose(): void {
    this.disposed = true;
  }
}
