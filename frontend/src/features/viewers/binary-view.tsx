"use client";

import { baseName } from "@/lib/paths";
import { HexView } from "./hex-view";
import { ImageView } from "./image-view";
import { binaryKind } from "./kind";
import { MediaView } from "./media-view";
import { useBlobURL } from "@/hooks/use-blob-url";

interface Props {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Shows the bytes themselves, whatever they are. */
  readonly raw: boolean;
  readonly download: string;
}

/** A file that is no text, by what its name says that it is. */
export default function BinaryView({ path, bytes, raw, download }: Props) {
  const { kind, type } = binaryKind(path);
  if (raw || kind === "hex") return <HexView bytes={bytes} download={download} />;
  if (kind === "image") return <BytesAsImage bytes={bytes} type={type} name={baseName(path)} />;
  return <MediaView key={path} kind={kind} type={type} bytes={bytes} name={baseName(path)} download={download} />;
}

function BytesAsImage({ bytes, type, name }: { readonly bytes: Uint8Array<ArrayBuffer>; readonly type: string; readonly name: string }) {
  const url = useBlobURL(bytes, type);
  return url === null ? null : <ImageView key={url} url={url} name={name} size={bytes.length} />;
}
