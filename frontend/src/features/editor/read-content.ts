import type { FileContent } from "@/lib/schemas";
import { binaryKind } from "@/features/viewers/kind";
import { bytesOfBase64, decodeBytes, decodeUTF8, type Decoded } from "./encoding";

/** A file's content as a text, or as the bytes that are none. */
export function readContent(file: FileContent): Decoded | Uint8Array<ArrayBuffer> {
  if (file.encoding === "utf-8") {
    return file.content.includes("\0") ? new TextEncoder().encode(file.content) : decodeUTF8(file.content);
  }
  const bytes = bytesOfBase64(file.content);
  return (binaryKind(file.path).kind === "hex" ? decodeBytes(bytes) : null) ?? bytes;
}
