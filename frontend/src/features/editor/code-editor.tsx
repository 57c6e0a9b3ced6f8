"use client";

import type * as Monaco from "monaco-editor";
import { useEffect, useRef } from "react";
import type { Document } from "./document";
import type { Documents } from "./documents";
import { isProse } from "./language";
import { editorOptions, fullOptions, goTo, lightOptions, loadMonaco, MonacoBuffer, putCursor, viewOf } from "./monaco";

interface Props {
  readonly document: Document;
  readonly documents: Documents;
  /** The group of tabs that it is in. */
  readonly group: number;
  readonly readOnly: boolean;
  /** Without what costs more the longer the text is. */
  readonly light: boolean;
  readonly onCursor: (line: number, column: number) => void;
}

/** One editor for all tabs of a group: it changes its model with the document, and keeps each one's cursor and scroll. */
export function CodeEditor({ document: doc, documents, group, readOnly, light, onCursor }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Monaco.editor.IStandaloneCodeEditor | null>(null);

  // One effect is one shown document: it makes the editor on the first, and leaves the view behind at the end.
  useEffect(() => {
    let left = false;
    let undo: (() => void) | undefined;
    void loadMonaco().then((monaco) => {
      const { buffer } = doc;
      if (left || !host.current || !(buffer instanceof MonacoBuffer)) return;
      editor.current ??= monaco.editor.create(host.current, { ...editorOptions, model: null });
      const shown = editor.current;
      shown.setModel(buffer.model);
      // Prose has such letters: what looks like another one is no trap there.
      const mark = () => shown.updateOptions({ unicodeHighlight: { ambiguousCharacters: !isProse(buffer.language) } });
      mark();
      const marks = buffer.onFacts(mark);
      const view = buffer.views.get(group);
      if (view) shown.restoreViewState(view);
      else if (doc.cursor) putCursor(shown, doc.cursor);
      const report = () => {
        const position = shown.getPosition();
        if (!position) return;
        doc.cursor = { line: position.lineNumber, column: position.column };
        onCursor(position.lineNumber, position.column);
      };
      report();
      const subscription = shown.onDidChangeCursorPosition(report);
      const arrive = () => {
        const place = doc.place.get();
        if (!place) return;
        doc.place.set(null);
        // In a large text the line may have to be read first.
        void doc.reach(place).then(() => {
          if (!left) goTo(shown, place);
          else if (!doc.place.get()) doc.place.set(place); // for who shows it next
        });
      };
      // Who comes near to the end of what is read of a large text is shown more.
      const scrolled = shown.onDidScrollChange(({ scrollTop, scrollHeight, scrollTopChanged }) => {
        if (scrollTopChanged && scrollTop + 2 * shown.getLayoutInfo().height > scrollHeight && doc.reading.get().error === "") void doc.more();
      });
      arrive();
      const stop = doc.place.subscribe(arrive);
      documents.setView(group, viewOf(shown, doc));
      undo = () => {
        stop();
        marks();
        documents.setView(group, null);
        subscription.dispose();
        scrolled.dispose();
        buffer.views.set(group, shown.saveViewState());
      };
    });
    return () => {
      left = true;
      undo?.();
    };
  }, [doc, documents, group, onCursor]);

  useEffect(() => {
    let left = false;
    void loadMonaco().then(() => {
      if (!left) editor.current?.updateOptions({ readOnly, ariaLabel: doc.path, ...(light ? lightOptions : fullOptions) });
    });
    return () => {
      left = true;
    };
  }, [doc, readOnly, light]);

  useEffect(
    () => () => {
      editor.current?.dispose();
      editor.current = null;
    },
    [],
  );

  return <div ref={host} className="min-h-0 min-w-0 flex-1" />;
}
