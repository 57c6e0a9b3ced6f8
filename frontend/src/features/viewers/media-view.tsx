"use client";

import { FileText } from "lucide-react";
import { useState } from "react";
import { formatBytes } from "@/lib/format";
import type { BinaryKind } from "./kind";
import { useBlobURL } from "@/hooks/use-blob-url";

interface Props {
  readonly kind: Extract<BinaryKind, "pdf" | "audio" | "video">;
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly name: string;
  readonly download: string;
}

/** What the browser itself plays or lays out. The bytes are given a type that is no page, whatever they hold. */
export function MediaView({ kind, type, bytes, name, download }: Props) {
  const url = useBlobURL(bytes, type);
  const [broken, setBroken] = useState(false);
  if (url === null) return null;
  if (kind === "pdf" && navigator.pdfViewerEnabled) return <PDFView name={name} url={url} />;
  return (
    <div className="flex min-h-0 flex-1 flex-col items-center justify-center gap-3 overflow-auto bg-panel p-6 text-center">
      {/* What is in a workspace comes without captions. */}
      {/* eslint-disable jsx-a11y/media-has-caption */}
      {kind === "audio" && !broken && <audio controls src={url} aria-label={name} onError={() => setBroken(true)} className="w-full max-w-md" />}
      {kind === "video" && !broken && <video controls src={url} aria-label={name} onError={() => setBroken(true)} className="max-h-full max-w-full" />}
      {/* eslint-enable jsx-a11y/media-has-caption */}
      {(kind === "pdf" || broken) && (
        <>
          <FileText size={24} aria-hidden className="text-faint" />
          <p className="max-w-md text-[13px] text-muted">{kind === "pdf" ? "This browser has no viewer for PDF." : "The browser cannot play this."}</p>
        </>
      )}
      <a className="text-[13px] font-medium text-accent-text hover:underline" href={download}>
        Download ({formatBytes(bytes.length)})
      </a>
    </div>
  );
}

/** The browser's own viewer, which shows the end of the address as the name. */
export function PDFView({ name, url }: { readonly name: string; readonly url: string }) {
  return <iframe title={name} src={url} className="min-h-0 flex-1 border-0 bg-panel" />;
}

/** Whether the server shows a PDF to a frame of the page: it has to be told by the browser that a frame asks. */
export function isFramed(url: string): boolean {
  return navigator.pdfViewerEnabled && isSecureContext && new URL(url, location.href).origin === location.origin;
}
