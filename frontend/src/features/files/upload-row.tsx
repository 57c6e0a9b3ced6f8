"use client";

import { TriangleAlert, X } from "lucide-react";
import { Button, IconButton } from "@/components/ui/button";
import { Dialog, DialogActions } from "@/components/ui/dialog";
import { useStore } from "@/hooks/use-store";
import { formatBytes, plural } from "@/lib/format";
import type { Question, Uploads } from "./uploads";

/** What is on its way, and what did not arrive. */
export function UploadRow({ uploads }: { readonly uploads: Uploads }) {
  const { files, done, bytes, sent, failures, busy } = useStore(uploads.state);
  const question = useStore(uploads.question);
  return (
    <>
      {busy && (
        <div role="group" aria-label="Upload" className="shrink-0 border-t border-line px-3 py-2 text-[12px]">
          <div className="flex items-center gap-2">
            <div className="min-w-0 flex-1 leading-4">
              <p className="truncate font-medium">{files === 1 ? "Uploading" : `Uploading ${Math.min(done + 1, files)} of ${files}`}</p>
              <p className="truncate text-muted">
                {formatBytes(sent)} of {formatBytes(bytes)}
              </p>
            </div>
            <Button small onClick={() => uploads.cancel()}>
              Cancel
            </Button>
          </div>
          <progress aria-label="Uploaded" value={bytes === 0 ? done : sent} max={bytes === 0 ? files : bytes} className="upload mt-1.5 block h-1 w-full" />
        </div>
      )}
      {failures.length > 0 && (
        <section aria-label="Not uploaded" className="flex max-h-48 shrink-0 flex-col border-t border-line text-[12px]">
          <div className="flex items-center gap-1.5 pt-1 pr-1 pl-3">
            <TriangleAlert size={14} aria-hidden className="shrink-0 text-bad" />
            <p role="alert" className="flex-1 font-medium">
              {plural(failures.length, "file was", "files were")} not uploaded
            </p>
            {failures.some(({ job }) => job !== null) && (
              <Button small kind="ghost" onClick={() => uploads.retry()}>
                Try again
              </Button>
            )}
            <IconButton label="Dismiss" onClick={() => uploads.dismiss()}>
              <X size={14} aria-hidden />
            </IconButton>
          </div>
          {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by keyboard */}
          <ul tabIndex={0} aria-label="Files that were not uploaded" className="min-h-0 overflow-auto px-3 pb-2">
            {failures.map(({ path, text }, index) => (
              <li key={index} className="pt-1">
                <p className="truncate font-medium" title={path}>
                  {path}
                </p>
                <p className="text-muted">{text}</p>
              </li>
            ))}
          </ul>
        </section>
      )}
      {question && <ExistingDialog question={question} />}
    </>
  );
}

function ExistingDialog({ question: { existing, total, answer } }: { readonly question: Question }) {
  return (
    <Dialog title={existing.length === 1 ? "One file exists already" : `${existing.length} files exist already`} onClose={() => answer(null)}>
      <p className="mt-2 text-muted">{total === 1 ? "It has the name of the one that you upload." : `Of the ${total} that you upload, these are there by the same name:`}</p>
      <ul className="mt-2 text-[13px]">
        {existing.slice(0, 5).map((path) => (
          <li key={path} className="truncate" title={path}>
            {path}
          </li>
        ))}
        {existing.length > 5 && <li className="text-muted">and {existing.length - 5} more</li>}
      </ul>
      <DialogActions>
        <Button onClick={() => answer("skip")}>Skip</Button>
        <Button onClick={() => answer("keep")}>Keep both</Button>
        <Button kind="primary" onClick={() => answer("replace")}>
          Replace
        </Button>
      </DialogActions>
    </Dialog>
  );
}
