"use client";

import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { useBlobURL } from "@/hooks/use-blob-url";
import type { ByteSource } from "@/lib/bytes";
import { formatBytes } from "@/lib/format";
import { baseName } from "@/lib/paths";
import { errorText } from "@/lib/problem";
import { HexView } from "./hex-view";
import { ImageView } from "./image-view";
import { binaryKind, mostPlayedBytes } from "./kind";
import { isFramed, MediaView, PDFView } from "./media-view";
import { TooLarge } from "./too-large";

interface Props {
  readonly path: string;
  readonly revision: number;
  readonly bytes: ByteSource;
  /** Shows the bytes themselves, whatever they are. */
  readonly raw: boolean;
  readonly download: string;
}

/** A file that is no text, by what its name says that it is. */
export default function BinaryView({ path, revision, bytes, raw, download }: Props) {
  const { kind } = binaryKind(path);
  if (raw || kind === "hex") return <HexView bytes={bytes} download={download} />;
  if (kind === "pdf" && isFramed(download)) return <PDFView key={`${revision} ${download}`} name={baseName(path)} url={download} />;
  if (bytes.whole) return <WholeView path={path} bytes={bytes.whole} download={download} />;
  if (bytes.size > mostPlayedBytes) return <TooLarge size={bytes.size} most={mostPlayedBytes} bytes download={download} />;
  return <FetchedView path={path} source={bytes} download={download} />;
}

/** Fetches all of a file that the browser shows only as a whole. */
function FetchedView({ path, source, download }: { readonly path: string; readonly source: ByteSource; readonly download: string }) {
  const [got, setGot] = useState<{ readonly source: ByteSource; readonly bytes: Uint8Array<ArrayBuffer> | null; readonly error: string } | null>(null);
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const gone = new AbortController();
    source.read(0, source.size, gone.signal).then(
      (bytes) => setGot({ source, bytes, error: "" }),
      (failure: unknown) => {
        if (!gone.signal.aborted) setGot({ source, bytes: null, error: errorText(failure) });
      },
    );
    return () => gone.abort();
  }, [source, tries]);
  if (got?.source === source && got.bytes) return <WholeView path={path} bytes={got.bytes} download={download} />;
  if (got?.source === source) {
    return (
      <div className="p-6 text-[13px] text-muted">
        <p role="alert">{got.error}</p>
        <Button className="mt-3" onClick={() => setTries(tries + 1)}>
          Try again
        </Button>
      </div>
    );
  }
  return (
    <p role="status" className="pulse p-6 text-[13px] text-muted">
      Loading {formatBytes(source.size)}…
    </p>
  );
}

interface WholeProps {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly download: string;
}

function WholeView({ path, bytes, download }: WholeProps) {
  const { kind, type } = binaryKind(path);
  if (kind === "image") return <BytesAsImage bytes={bytes} type={type} name={baseName(path)} />;
  return kind === "hex" ? null : <MediaView key={path} kind={kind} type={type} bytes={bytes} name={baseName(path)} download={download} />;
}

function BytesAsImage({ bytes, type, name }: { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string; readonly name: string }) {
  const url = useBlobURL(bytes, type);
  return url === null ? null : <ImageView key={url} url={url} name={name} size={bytes.length} />;
}
