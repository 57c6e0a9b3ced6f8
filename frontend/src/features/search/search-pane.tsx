"use client";

import { ChevronsDownUp, RefreshCw, X } from "lucide-react";
import { useMemo, useRef, useState, type ReactNode } from "react";
import { Button, IconButton } from "@/components/ui/button";
import { Confirm } from "@/components/ui/confirm";
import type { Place } from "@/features/editor/text-buffer";
import type { FileStore } from "@/features/files/file-store";
import { report } from "@/features/session/sign-out";
import { useStore } from "@/hooks/use-store";
import { plural } from "@/lib/format";
import type { ReplaceAnswer, SearchAnswer } from "@/lib/search";
import { inform } from "@/lib/toasts";
import { ResultList } from "./result-list";
import type { Search } from "./search";
import { SearchForm } from "./search-form";

interface Props {
  readonly search: Search;
  readonly files: FileStore;
  /** Looks only: nothing is replaced. */
  readonly readOnly: boolean;
  readonly onOpen: (path: string, place: Place | null) => void;
}

/** Searches in all saved files, and replaces what is found. */
export function SearchPane({ search, files, readOnly, onOpen }: Props) {
  const { running, answer, searched } = useStore(search.state);
  const query = useStore(search.query);
  const replacing = useStore(search.replacing) && !readOnly;
  const replacement = useStore(search.replacement);
  const { tree } = useStore(files.state);
  const [counted, setCounted] = useState<ReplaceAnswer | null>(null);
  const [left, setLeft] = useState<ReplaceAnswer["files"]>([]);
  const section = useRef<HTMLElement>(null);
  // What is shown answers the query as it stands, and there is something.
  const canReplace = replacing && !running && searched === query && answer !== null && answer.matches > 0;
  const older = useMemo(() => answer?.files.some(({ path, revision }) => tree.get(path)?.revision !== revision) === true, [answer, tree]);

  const askReplaceAll = () => {
    search.count().then(setCounted, (error: unknown) => report("Could not replace", error));
  };
  const replace = async (path?: string) => {
    try {
      const done = await search.replace(path);
      const notDone = done.files.filter(({ reason }) => reason !== "");
      setLeft(notDone);
      const places = done.files.filter(({ reason }) => reason === "").reduce((sum, { matches }) => sum + matches, 0);
      inform(`Replaced ${plural(places, "match", "matches")} in ${plural(done.replaced, "file")}${done.truncated ? "; the time was over before all files were looked at" : ""}.`);
    } catch (error) {
      report("Could not replace", error);
    }
  };

  return (
    <section ref={section} aria-label="Search" className="flex min-h-0 w-full min-w-0 flex-1 flex-col bg-panel">
      <div className="flex h-9 shrink-0 items-center pr-1 pl-3">
        <h2 className="flex-1 text-[12px] font-semibold text-muted">Search</h2>
        <IconButton label="Search again" disabled={query.text === ""} onClick={() => void search.run()}>
          <RefreshCw size={14} aria-hidden className={running ? "spin" : ""} />
        </IconButton>
        <IconButton label="Clear the search" disabled={query.text === ""} onClick={() => search.clear()}>
          <X size={15} aria-hidden />
        </IconButton>
        <IconButton label="Fold all results" disabled={answer === null || answer.files.length === 0} onClick={() => search.foldAll()}>
          <ChevronsDownUp size={15} aria-hidden />
        </IconButton>
      </div>
      <SearchForm
        search={search}
        readOnly={readOnly}
        canReplace={canReplace}
        onReplaceAll={askReplaceAll}
        onDown={() => section.current?.querySelector<HTMLElement>("[role=tree]")?.focus()}
      />
      <Summary search={search} older={older && !running} />
      {left.length > 0 && (
        <div role="alert" className="mx-3 mb-2 rounded-md border border-line bg-raised px-2.5 py-2 text-[12px] text-muted">
          <div className="flex items-center">
            <p className="flex-1 font-medium text-warn">{plural(left.length, "file")} left as before</p>
            <IconButton label="Dismiss" className="size-6" onClick={() => setLeft([])}>
              <X size={13} aria-hidden />
            </IconButton>
          </div>
          <ul className="max-h-32 overflow-y-auto">
            {left.map(({ path, reason }) => (
              <li key={path} className="break-words">
                {path}: {reason}
              </li>
            ))}
          </ul>
        </div>
      )}
      {answer !== null && searched !== null && answer.files.length > 0 && (
        <ResultList search={search} files={answer.files} searched={searched} replacement={replacing ? replacement : null} onOpen={onOpen} onReplace={(path) => void replace(path)} />
      )}
      {counted && (
        <Confirm title="Replace in all files?" action="Replace all" onClose={() => setCounted(null)} onConfirm={() => replace()}>
          <p className="break-words">
            {plural(counted.matches, "match", "matches")} in {plural(counted.files.length, "file")}
            {counted.truncated ? ", and perhaps more," : ""} will become {replacement === "" ? "nothing" : <code className="rounded-xs bg-hover px-1 font-mono text-[12px] text-text">{replacement}</code>}.
          </p>
          <p className="mt-2">The files&rsquo; history keeps them as they are now.</p>
        </Confirm>
      )}
    </section>
  );
}

/** How far the search is, in words. */
function Summary({ search, older }: { readonly search: Search; readonly older: boolean }) {
  const { running, answer, error } = useStore(search.state);
  const { text, include, exclude } = useStore(search.query);
  let words: ReactNode = "";
  if (running && answer === null) words = "Searching…";
  else if (error !== "") words = "";
  else if (answer !== null && answer.matches > 0) words = foundWords(answer);
  else if (answer !== null) words = answer.searched === 0 ? "There is no file to search in." : `Nothing found in ${plural(answer.searched, "file")}.`;
  else if (text === "") words = "Searches in all saved files of this session.";
  const nothing = answer?.matches === 0 && !running;
  return (
    <div className="shrink-0 px-3 pb-2 text-[12px] leading-4 text-muted empty:hidden">
      <p role="status">{words}</p>
      {answer !== null && answer.skipped > 0 && (
        <p className="mt-0.5" title="Files that are not text, larger than 5 MB, or not saved">
          {plural(answer.skipped, "file")} left out: not text, over 5 MB or not saved.
        </p>
      )}
      {nothing && (include !== "" || exclude !== "") && (
        <Button small className="mt-2" onClick={() => search.change({ include: "", exclude: "" })}>
          Search in all files
        </Button>
      )}
      {older && (
        <p className="mt-0.5">
          Files have changed since.{" "}
          <button type="button" className="font-medium text-accent-text hover:underline" onClick={() => void search.run()}>
            Search again
          </button>
        </p>
      )}
    </div>
  );
}

function foundWords({ matches, files, truncated }: SearchAnswer): string {
  const found = `${plural(matches, "match", "matches")} in ${plural(files.length, "file")}`;
  return truncated ? `${found}; there may be more. Search for something longer, or in fewer files.` : found;
}
