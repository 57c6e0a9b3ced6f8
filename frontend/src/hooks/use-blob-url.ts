import { useEffect, useState } from "react";

/** An address of bytes for as long as the component is there. `type` is one that browsers show and do not run. */
export function useBlobURL(bytes: Uint8Array<ArrayBuffer>, type: string): string | null {
  const [made, setMade] = useState<{ readonly bytes: Uint8Array; readonly url: string } | null>(null);
  useEffect(() => {
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    let left = false;
    queueMicrotask(() => {
      if (!left) setMade({ bytes, url });
    });
    return () => {
      left = true;
      URL.revokeObjectURL(url);
    };
  }, [bytes, type]);
  return made?.bytes === bytes ? made.url : null;
}
