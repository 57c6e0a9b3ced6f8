import { Braces, File, FileCode, FileImage, FileLock, FileSymlink, FileText, Folder, FolderOpen } from "lucide-react";
import { languageOf } from "@/features/editor/language";
import { binaryKind } from "@/features/viewers/kind";
import type { ItemType } from "@/lib/schemas";

interface Props {
  readonly path: string;
  readonly type: ItemType;
  readonly open?: boolean;
}

export function FileIcon({ path, type, open = false }: Props) {
  const look = { size: 15, strokeWidth: 1.75, className: "shrink-0 text-faint", "aria-hidden": true } as const;
  if (type === "folder") return open ? <FolderOpen {...look} /> : <Folder {...look} />;
  if (type === "symlink") return <FileSymlink {...look} />;
  if (type === "special") return <FileLock {...look} />;
  if (binaryKind(path).kind === "image") return <FileImage {...look} />;
  const language = languageOf(path);
  if (language === "json" || language === "ini" || language === "yaml") return <Braces {...look} />;
  if (language === "markdown") return <FileText {...look} />;
  return language === "plaintext" ? <File {...look} /> : <FileCode {...look} />;
}
