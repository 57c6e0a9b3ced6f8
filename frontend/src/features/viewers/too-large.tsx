import { FileWarning } from "lucide-react";
import { formatBytes } from "@/lib/format";

interface Props {
  readonly size: number;
  /** What is shown at most, in bytes. */
  readonly most: number;
  /** What can be looked at instead are the bytes; else the text. */
  readonly bytes?: boolean;
  readonly download: string;
}

/** A file that is more than its viewer takes. */
export function TooLarge({ size, most, bytes = false, download }: Props) {
  return (
    <div className="flex flex-1 flex-col items-center justify-center p-6 text-center">
      <FileWarning size={24} aria-hidden className="text-faint" />
      <h2 className="mt-2 font-semibold">Too large to show here</h2>
      <p className="mt-1 max-w-md text-[13px] text-muted">
        This file has {formatBytes(size)}; up to {formatBytes(most)} are shown as what they are. Its {bytes ? "bytes" : "source"} can be read with the button above.
      </p>
      <a className="mt-3 text-[13px] font-medium text-accent-text hover:underline" href={download}>
        Download ({formatBytes(size)})
      </a>
    </div>
  );
}
