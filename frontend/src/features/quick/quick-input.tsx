"use client";

import { CornerDownRight, SquareChevronRight } from "lucide-react";
import { useDeferredValue, useEffect, useId, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Commands } from "@/features/commands/commands";
import { keyLabel } from "@/features/commands/keys";
import type { Place } from "@/features/editor/text-buffer";
import type { Documents } from "@/features/editor/documents";
import { FileIcon } from "@/features/files/file-icon";
import type { FileStore } from "@/features/files/file-store";
import { useStore } from "@/hooks/use-store";
import { parentOf } from "@/lib/paths";
import { Highlighted } from "./highlighted";
import { offerName, offersFor, type FileIndex, type Offer, type Offering } from "./offers";
import type { RecentFiles } from "./recent-files";

interface Props {
  /** What is typed to begin with: "" for files, ">" for commands, ":" for a line. A new object begins anew. */
  readonly asked: { readonly text: string };
  readonly commands: Commands;
  readonly files: FileStore;
  readonly documents: Documents;
  readonly recent: RecentFiles;
  readonly index: FileIndex;
  /** The user sees files; else there are only commands. */
  readonly hasFiles: boolean;
  readonly onOpen: (path: string, place: Place | null) => void;
  readonly onPlace: (place: Place) => void;
  readonly onClose: () => void;
}

const page = 10;

/** One input for files, lines and commands: the keys stay in it, the list below follows (WAI-ARIA practices, combobox). */
export function QuickInput({ asked, commands, files, documents, recent, index, hasFiles, onOpen, onPlace, onClose }: Props) {
  const { status, tree } = useStore(files.state);
  const [typed, setTyped] = useState(asked.text);
  const [chosen, setChosen] = useState(0);
  const [before, setBefore] = useState(asked);
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  if (before !== asked) {
    setBefore(asked);
    setTyped(asked.text);
    setChosen(0);
  }

  const offering = useMemo<Offering>(
    () => ({
      tree,
      index,
      recent: recent.paths.get(),
      active: documents.state.get().active?.path ?? "",
      lines: documents.view?.lines() ?? 0,
      commands,
      files: hasFiles,
    }),
    [tree, index, recent, documents, commands, hasFiles],
  );
  // What is typed is shown at once; the list may come a moment later.
  const searched = useDeferredValue(typed);
  const offers = useMemo(() => offersFor(searched, offering), [searched, offering]);
  const at = Math.min(chosen, offers.list.length - 1);

  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  useLayoutEffect(() => {
    input.current?.focus();
    input.current?.setSelectionRange(asked.text.length, asked.text.length);
  }, [asked]);
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [at, offers]);

  const accept = (offer: Offer | undefined) => {
    if (!offer) return;
    // The focus is back where it was before anything happens there.
    dialog.current?.close();
    onClose();
    if (offer.kind === "command") commands.choose(offer.command);
    else if (offer.kind === "file") onOpen(offer.item.path, offer.place);
    else onPlace(offer.place);
  };
  const keyDown = (event: KeyboardEvent) => {
    const last = offers.list.length - 1;
    const steps: Record<string, number> = {
      ArrowDown: at >= last ? 0 : at + 1,
      ArrowUp: at <= 0 ? last : at - 1,
      PageDown: Math.min(last, at + page),
      PageUp: Math.max(0, at - page),
      Home: 0,
      End: last,
    };
    const step = steps[event.key];
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") {
      // Who types quickly means what is typed by now.
      const now = searched === typed ? offers.list : offersFor(typed, offering).list;
      accept(now[searched === typed ? at : 0]);
    } else if (step !== undefined && !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey) {
      setChosen(Math.max(0, step));
    } else {
      return;
    }
    event.preventDefault();
  };

  const showsFiles = hasFiles && !searched.startsWith(">") && !searched.startsWith(":");
  const words =
    showsFiles && status === "loading" ? "The files are being listed…" : offers.list.length === 0 ? offers.none : offers.count > offers.list.length ? `The best ${offers.list.length} of ${offers.count.toLocaleString("en")}` : "";
  return (
    <dialog
      ref={dialog}
      data-takes-commands
      aria-label="Quick input"
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // Its own surface is covered by the box: a press on the dialog itself is one beside it.
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      className="mx-auto mt-[max(8px,6vh)] mb-0 max-h-none w-full max-w-[616px] overflow-visible bg-transparent px-2 text-text backdrop:bg-transparent"
    >
      <div className="flex max-h-[min(480px,70dvh)] flex-col overflow-hidden rounded-xl border border-line-strong bg-raised shadow-float">
        <div className="p-1.5">
          <input
            ref={input}
            type="text"
            role="combobox"
            aria-label="Files, lines and commands"
            aria-expanded={offers.list.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
            value={typed}
            spellCheck={false}
            autoComplete="off"
            autoCapitalize="off"
            autoCorrect="off"
            placeholder={hasFiles ? "File name; > for commands, : for a line" : "Command"}
            onChange={(event) => {
              setTyped(event.target.value);
              setChosen(0);
            }}
            onKeyDown={keyDown}
            className="h-9 w-full rounded-md border border-line bg-bg px-3 text-[14px] placeholder:text-faint focus-visible:outline-offset-[-1px]"
          />
        </div>
        <div ref={list} id={`${id}-list`} role="listbox" aria-label="Offers" className={`min-h-0 overflow-y-auto px-1.5 ${offers.list.length > 0 ? "pb-1.5" : ""}`}>
          {offers.list.map((offer, i) => (
            // The input has the keys for all of them.
            // eslint-disable-next-line jsx-a11y/click-events-have-key-events
            <div
              key={offer.kind === "file" ? offer.item.path : offer.kind === "command" ? offer.command.id : "line"}
              id={`${id}-${i}`}
              role="option"
              tabIndex={-1}
              aria-selected={i === at}
              aria-label={offerName(offer)}
              onClick={() => accept(offer)}
              onPointerDown={(event) => event.preventDefault()}
              className={`flex h-8 cursor-pointer items-center gap-2 rounded-md px-2 text-[13px] pointer-coarse:h-10 ${i === at ? "bg-active" : "hover:bg-hover"}`}
            >
              <OfferRow offer={offer} apple={commands.apple} />
            </div>
          ))}
        </div>
        <p role="status" className={words ? "border-t border-line px-3.5 py-2 text-[12px] text-muted" : "sr-only"}>
          {words || `${offers.list.length} offered`}
        </p>
      </div>
    </dialog>
  );
}

function OfferRow({ offer, apple }: { readonly offer: Offer; readonly apple: boolean }) {
  if (offer.kind === "line") {
    return (
      <>
        <CornerDownRight size={15} strokeWidth={1.75} aria-hidden className="shrink-0 text-faint" />
        <span className="truncate">{offer.text}</span>
      </>
    );
  }
  if (offer.kind === "command") {
    const { title, keys } = offer.command;
    return (
      <>
        <SquareChevronRight size={15} strokeWidth={1.75} aria-hidden className="shrink-0 text-faint" />
        <span className="min-w-0 flex-1 truncate">
          <Highlighted text={title} at={offer.at} />
        </span>
        {keys?.[0] !== undefined && <kbd className="shrink-0 font-sans text-[12px] text-muted max-sm:hidden">{keyLabel(keys[0], apple)}</kbd>}
      </>
    );
  }
  const { path, type } = offer.item;
  const folder = parentOf(path);
  return (
    <>
      <FileIcon path={path} type={type} />
      <span className="max-w-[70%] shrink-0 truncate">
        <Highlighted text={path} at={offer.at} from={folder ? folder.length + 1 : 0} />
      </span>
      <span className="min-w-0 flex-1 truncate text-[12px] text-muted">
        <Highlighted text={path} at={offer.at} to={folder.length} />
      </span>
      {offer.place && <span className="shrink-0 text-[12px] text-muted tabular-nums">line {offer.place.line}</span>}
      {!offer.place && offer.recent && <span className="shrink-0 text-[12px] text-muted max-sm:hidden">recent</span>}
    </>
  );
}
