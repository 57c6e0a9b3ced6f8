"use client";

import { Pin, X } from "lucide-react";
import { useCallback, useRef, useState, type DragEvent, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { Menu } from "@/components/ui/menu";
import { FileIcon } from "@/features/files/file-icon";
import { useInSight } from "@/hooks/use-in-sight";
import { useStore } from "@/hooks/use-store";
import { baseName, parentOf } from "@/lib/paths";
import type { Document } from "./document";
import { mostGroups, type Documents, type TabGroup } from "./documents";
import { dragOf, dragType, placeAt, readDrag } from "./tab-drag";

interface Props {
  readonly documents: Documents;
  readonly group: TabGroup;
  /** What the tabs are called: the only ones, or the second of two. */
  readonly label: string;
  readonly onClose: (tabs: readonly Document[]) => void;
  /** What stands behind the tabs. */
  readonly children: ReactNode;
}

export function EditorTabs({ documents, group, label, onClose, children }: Props) {
  const { tabs, active } = group;
  const { tabs: all, groups } = useStore(documents.state);
  const [menu, setMenu] = useState<{ tab: Document; x: number; y: number } | null>(null);
  /** Before which tab a dragged one would be put. */
  const [target, setTarget] = useState<number | null>(null);
  const closeMenu = useCallback(() => setMenu(null), []);

  const keyDown = (event: KeyboardEvent) => {
    if (!active || event.ctrlKey || event.metaKey || event.altKey) return;
    const index = tabs.indexOf(active);
    const steps: Record<string, number> = { ArrowLeft: index - 1 + tabs.length, ArrowRight: index + 1, Home: 0, End: tabs.length - 1 };
    const step = steps[event.key];
    const sideways = event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight");
    if (event.key === "Delete") {
      onClose([active]);
    } else if (sideways) {
      documents.move(active, group.id, group.id, index + (event.key === "ArrowLeft" ? -1 : 1));
    } else if (step !== undefined) {
      const next = tabs[step % tabs.length];
      if (next) documents.activate(next, group.id);
      event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[step % tabs.length]?.focus();
    } else {
      return;
    }
    event.preventDefault();
  };
  const over = (event: DragEvent<HTMLElement>) => {
    if (!event.dataTransfer.types.includes(dragType)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    const boxes = [...event.currentTarget.querySelectorAll("[role=tab]")].map((tab) => tab.getBoundingClientRect());
    setTarget(placeAt(boxes, event.clientX));
  };
  const drop = (event: DragEvent<HTMLElement>) => {
    setTarget(null);
    const dragged = readDrag(event.dataTransfer.getData(dragType));
    const tab = all.find(({ id }) => id === dragged?.document);
    if (!dragged || !tab || target === null) return;
    event.preventDefault();
    const from = dragged.group === group.id ? tabs.indexOf(tab) : -1;
    // Taken out first, the tab no longer counts among those before the place.
    documents.move(tab, dragged.group, group.id, from >= 0 && from < target ? target - 1 : target);
  };
  if (tabs.length === 0) return null;
  return (
    <div className="flex h-9 shrink-0 border-b border-line bg-panel">
      {/* The tabs have the focus; their keys are taken here (WAI-ARIA practices, tabs). */}
      <div
        role="tablist"
        tabIndex={-1}
        aria-label={label}
        onKeyDown={keyDown}
        onDragOver={over}
        onDragLeave={() => setTarget(null)}
        onDrop={drop}
        className="flex min-w-0 flex-1 overflow-x-auto overflow-y-hidden [scrollbar-width:none]"
      >
        {tabs.map((tab, index) => (
          <EditorTab
            key={tab.id}
            tab={tab}
            group={group}
            // Of two files with one name each says where it is.
            folder={all.some((other) => other !== tab && baseName(other.path) === baseName(tab.path)) ? parentOf(tab.path) || "/" : ""}
            mark={target === index ? "before" : target === tabs.length && index === tabs.length - 1 ? "after" : ""}
            onSelect={() => documents.activate(tab, group.id)}
            onKeep={() => documents.keep(tab)}
            onUnpin={() => documents.pin(tab, group.id, false)}
            onMenu={(event) => {
              event.preventDefault();
              const { left, bottom } = event.currentTarget.getBoundingClientRect();
              // The keyboard's menu key has no place.
              setMenu({ tab, x: event.clientX || left, y: event.clientY || bottom });
            }}
            onClose={() => onClose([tab])}
          />
        ))}
      </div>
      {children}
      {menu && <TabMenu documents={documents} group={group} groups={groups} tab={menu.tab} at={menu} onCloseTabs={onClose} onClose={closeMenu} />}
    </div>
  );
}

interface MenuProps {
  readonly documents: Documents;
  readonly group: TabGroup;
  readonly groups: readonly TabGroup[];
  readonly tab: Document;
  readonly at: { readonly x: number; readonly y: number };
  readonly onCloseTabs: (tabs: readonly Document[]) => void;
  readonly onClose: () => void;
}

function TabMenu({ documents, group, groups, tab, at, onCloseTabs, onClose }: MenuProps) {
  const close = (which: "others" | "right" | "saved" | "all") => {
    const tabs = documents.several(tab, group.id, which);
    return { onSelect: () => onCloseTabs(tabs), disabled: tabs.length === 0 };
  };
  const pinned = group.pinned.has(tab);
  const next = groups[(groups.findIndex(({ id }) => id === group.id) + 1) % groups.length];
  return (
    <Menu
      label={tab.path}
      at={at}
      groups={[
        [
          { label: "Close", onSelect: () => onCloseTabs([tab]) },
          { label: "Close Others", ...close("others") },
          { label: "Close to the Right", ...close("right") },
          { label: "Close Saved", ...close("saved") },
          { label: "Close All", ...close("all") },
        ],
        [
          { label: pinned ? "Unpin" : "Pin", onSelect: () => documents.pin(tab, group.id, !pinned) },
          { label: "Keep Open", disabled: group.preview !== tab, onSelect: () => documents.keep(tab) },
        ],
        [
          {
            label: "Split Right",
            disabled: groups.length >= mostGroups,
            onSelect: () => {
              documents.activate(tab, group.id);
              documents.split();
            },
          },
          { label: "Move to the Next Group", disabled: groups.length < 2, onSelect: () => next && documents.move(tab, group.id, next.id, next.tabs.length) },
        ],
      ]}
      onClose={onClose}
    />
  );
}

interface TabProps {
  readonly tab: Document;
  readonly group: TabGroup;
  readonly folder: string;
  readonly mark: "before" | "after" | "";
  readonly onSelect: () => void;
  readonly onKeep: () => void;
  readonly onUnpin: () => void;
  readonly onMenu: (event: MouseEvent<HTMLElement>) => void;
  readonly onClose: () => void;
}

function EditorTab({ tab, group, folder, mark, onSelect, onKeep, onUnpin, onMenu, onClose }: TabProps) {
  const { path, save, deleted } = useStore(tab.state);
  const ref = useRef<HTMLButtonElement>(null);
  const selected = tab === group.active;
  const pinned = group.pinned.has(tab);
  const preview = group.preview === tab;
  const unsaved = save !== "saved";
  const words = [save === "conflict" ? "conflict" : unsaved ? "unsaved" : deleted ? "deleted" : "", pinned ? "pinned" : "", preview ? "preview" : ""].filter((word) => word !== "");
  useInSight(ref, selected);
  return (
    <button
      ref={ref}
      type="button"
      role="tab"
      draggable
      aria-selected={selected}
      aria-controls={selected ? `editor-panel-${group.id}` : undefined}
      aria-label={[baseName(path), ...words].join(", ")}
      tabIndex={selected ? 0 : -1}
      title={path}
      onClick={onSelect}
      onDoubleClick={onKeep}
      onContextMenu={onMenu}
      onDragStart={(event) => {
        event.dataTransfer.setData(dragType, dragOf(group.id, tab.id));
        event.dataTransfer.effectAllowed = "move";
      }}
      onAuxClick={(event) => {
        if (event.button === 1) onClose();
      }}
      className={`group relative flex max-w-52 shrink-0 items-center gap-1.5 border-r border-line pr-1.5 pl-3 text-[13px] focus-visible:outline-offset-[-2px] ${pinned ? "" : "min-w-24"} ${
        selected ? "bg-bg text-text before:absolute before:inset-x-0 before:top-0 before:h-0.5 before:bg-accent" : "text-muted hover:bg-hover"
      }`}
    >
      {mark && <span aria-hidden className={`absolute inset-y-0 w-0.5 bg-accent ${mark === "before" ? "left-0" : "right-0"}`} />}
      <FileIcon path={path} type="file" />
      <span className={`truncate ${deleted ? "line-through" : ""} ${preview ? "italic" : ""}`}>{baseName(path)}</span>
      {folder && <span className="truncate text-[12px] text-faint">{folder}</span>}
      {/* The Delete key closes too; the pointer has this. */}
      <span
        aria-hidden
        title={pinned ? "Unpin" : undefined}
        onClick={(event) => {
          event.stopPropagation();
          if (pinned) onUnpin();
          else onClose();
        }}
        className="ml-auto flex size-5 shrink-0 items-center justify-center rounded text-faint hover:bg-active hover:text-text"
      >
        {unsaved && <span className={`size-2 rounded-full group-hover:hidden ${save === "conflict" ? "bg-bad" : "bg-accent"}`} />}
        {pinned ? (
          <Pin size={13} className={unsaved ? "hidden group-hover:block" : ""} />
        ) : (
          <X size={14} className={unsaved ? "hidden group-hover:block" : selected ? "" : "opacity-0 group-hover:opacity-100"} />
        )}
      </span>
    </button>
  );
}
