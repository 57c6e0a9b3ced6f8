import { ClipboardPaste, Copy, CopyPlus, Download, FileArchive, FilePlus, FolderPlus, FolderUp, History, Link2, Pencil, Scissors, SquareArrowOutUpRight, Trash2, Upload } from "lucide-react";
import { onApple } from "@/features/commands/keys";
import type { MenuItem } from "@/components/ui/menu";
import { parentOf } from "@/lib/paths";
import type { Item } from "@/lib/schemas";
import type { TreeActions } from "./file-tree";

/** What can be done with the paths, of which the item was clicked; without one, with the workspace itself. */
export function treeMenu(actions: TreeActions & { readonly readOnly: boolean }, item: Item | null, paths: readonly string[], pasteable: boolean): MenuItem[][] {
  const { readOnly } = actions;
  const parent = item === null ? "" : item.type === "folder" ? item.path : parentOf(item.path);
  const one = paths.length <= 1;
  const of = one ? "" : ` ${paths.length} entries`;
  const mod = onApple() ? "⌘" : "Ctrl+";
  const into: MenuItem[] = [
    { label: "New file…", icon: <FilePlus size={14} />, onSelect: () => actions.onCreate("file", parent) },
    { label: "New folder…", icon: <FolderPlus size={14} />, onSelect: () => actions.onCreate("folder", parent) },
    { label: "Upload files…", icon: <Upload size={14} />, onSelect: () => actions.onUpload("files", parent) },
    { label: "Upload a folder…", icon: <FolderUp size={14} />, onSelect: () => actions.onUpload("folder", parent) },
    { label: "Unpack a zip here…", icon: <FileArchive size={14} />, onSelect: () => actions.onUpload("zip", parent) },
  ];
  const paste: MenuItem = { label: "Paste", icon: <ClipboardPaste size={14} />, shortcut: `${mod}V`, disabled: !pasteable, onSelect: () => actions.onPaste(parent) };
  if (item === null) return readOnly ? [] : [into, [paste]];
  const open: MenuItem[][] = one && item.type === "file" ? [[{ label: "Open", icon: <SquareArrowOutUpRight size={14} />, onSelect: () => actions.onOpen(item.path) }]] : [];
  const take: MenuItem[] = [
    { label: one ? "Copy path" : "Copy paths", icon: <Link2 size={14} />, onSelect: () => actions.onCopyPath(paths) },
    {
      label: one && item.type === "file" ? "Download" : `Download${of} as zip`,
      icon: <Download size={14} />,
      disabled: one && !item.saved,
      onSelect: () => actions.onDownload(paths),
    },
  ];
  if (one && item.type === "file") take.push({ label: "History", icon: <History size={14} />, disabled: !item.saved, onSelect: () => actions.onHistory(item.path) });
  if (readOnly) return [...open, take];
  return [
    ...open,
    ...(one ? [into] : []),
    [
      { label: `Cut${of}`, icon: <Scissors size={14} />, shortcut: `${mod}X`, onSelect: () => actions.onClip(paths, true) },
      { label: `Copy${of}`, icon: <Copy size={14} />, shortcut: `${mod}C`, onSelect: () => actions.onClip(paths, false) },
      paste,
      { label: `Duplicate${of}`, icon: <CopyPlus size={14} />, onSelect: () => actions.onDuplicate(paths) },
    ],
    [...(one ? [{ label: "Rename…", icon: <Pencil size={14} />, shortcut: "F2", onSelect: () => actions.onRename(item) }] : []), ...take],
    [{ label: `Delete${of}…`, icon: <Trash2 size={14} />, danger: true, shortcut: "Del", onSelect: () => actions.onDelete(paths) }],
  ];
}
