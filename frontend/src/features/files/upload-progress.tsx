"use client";

import { X } from "lucide-react";
import { IconButton } from "@/components/ui/button";
import { useStore } from "@/hooks/use-store";
import { formatBytes, plural } from "@/lib/format";
import type { Uploads } from "./uploads";

/** How far the uploads are, what was refused and why. */
export function UploadProgress({ uploads }: { readonly uploads: Uploads }) {
  const { files, filesDone, bytes, bytesDone, failed, running, cancelled } = useStore(uploads.state);
  if (files === 0 || (!running && failed.length === 0)) return null;
  const part = bytes > 0 ? bytesDone / bytes : filesDone / files;
  return (
    <div className="shrink-0 border-t border-line px-3 py-2 text-[12px]">
      {running && (
        <>
          <div className="flex items-center">
            <p role="status" className="min-w-0 flex-1 truncate text-muted">
              {cancelled ? "Cancelling…" : `Uploading ${filesDone + 1 > files ? files : filesDone + 1} of ${plural(files, "file")}, ${formatBytes(bytesDone)} of ${formatBytes(bytes)}`}
            </p>
            <IconButton label="Cancel the upload" className="size-6" disabled={cancelled} onClick={() => uploads.cancel()}>
              <X size={14} aria-hidden />
            </IconButton>
          </div>
          <div role="progressbar" aria-label="Upload" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)} className="mt-1 h-1 overflow-hidden rounded bg-hover">
            <div className="h-full bg-accent" style={{ width: `${part * 100}%` }} />
          </div>
        </>
      )}
      {failed.length > 0 && (
        <div role="alert" className={running ? "mt-2" : ""}>
          <div className="flex items-center">
            <p className="flex-1 font-medium text-bad">{plural(failed.length, "file was", "files were")} not uploaded</p>
            {!running && (
              <IconButton label="Dismiss" className="size-6" onClick={() => uploads.dismiss()}>
                <X size={14} aria-hidden />
              </IconButton>
            )}
          </div>
          <ul className="max-h-32 overflow-y-auto text-muted">
            {failed.map(({ path, reason }) => (
              <li key={path} className="break-words">
                {path}: {reason}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
