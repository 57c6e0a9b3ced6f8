"use client";

import { Minus, Plus, Scan } from "lucide-react";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { IconButton } from "@/components/ui/button";
import { formatBytes } from "@/lib/format";
import { stepZoom } from "./zoom";

interface Props {
  readonly url: string;
  readonly name: string;
  readonly size: number;
}

/** A picture: fitted, or as large as is asked for by buttons, keys (+ - 0) and the wheel with Ctrl. */
export function ImageView({ url, name, size }: Props) {
  /** Null: fitted, and not above its own size. */
  const [zoom, setZoom] = useState<number | null>(null);
  const [natural, setNatural] = useState<{ width: number; height: number } | null>(null);
  const [broken, setBroken] = useState(false);
  const image = useRef<HTMLImageElement>(null);
  const now = () => zoom ?? (image.current && natural ? image.current.width / natural.width : 1);
  const step = (by: 1 | -1) => setZoom(stepZoom(now(), by));
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = box.current;
    // React listens to wheels passively, which cannot keep the browser from zooming its page.
    const listener = (event: WheelEvent) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      step(event.deltaY < 0 ? 1 : -1);
    };
    element?.addEventListener("wheel", listener, { passive: false });
    return () => element?.removeEventListener("wheel", listener);
  });
  const keyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") step(1);
    else if (event.key === "-") step(-1);
    else if (event.key === "0") setZoom(null);
    else return;
    event.preventDefault();
  };
  if (broken) return <p className="p-6 text-[13px] text-muted">The browser cannot draw this picture ({formatBytes(size)}).</p>;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex, jsx-a11y/no-noninteractive-element-interactions -- scrolled and zoomed by keyboard */}
      <div ref={box} role="region" aria-label="Picture" tabIndex={0} onKeyDown={keyDown} className="flex min-h-0 flex-1 overflow-auto bg-panel p-4 focus-visible:outline-offset-[-2px]">
        {/* eslint-disable-next-line @next/next/no-img-element -- a picture of the workspace has nothing to optimise */}
        <img
          ref={image}
          src={url}
          alt={name}
          onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => setNatural({ width, height })}
          onError={() => setBroken(true)}
          style={zoom === null || !natural ? undefined : { width: natural.width * zoom, height: natural.height * zoom }}
          className={`checkered m-auto ${zoom === null ? "max-h-full max-w-full object-contain" : "max-w-none shrink-0"} ${zoom !== null && zoom >= 2 ? "[image-rendering:pixelated]" : ""}`}
        />
      </div>
      <div className="flex h-8 shrink-0 items-center gap-1 border-t border-line bg-panel px-2 text-[12px] text-muted">
        <IconButton label="Smaller" onClick={() => step(-1)}>
          <Minus size={14} />
        </IconButton>
        <span className="w-12 text-center tabular-nums" role="status" aria-label="Size of the picture">
          {zoom === null ? "Fit" : `${Math.round(zoom * 100)} %`}
        </span>
        <IconButton label="Larger" onClick={() => step(1)}>
          <Plus size={14} />
        </IconButton>
        <IconButton label="Fit" onClick={() => setZoom(null)}>
          <Scan size={14} />
        </IconButton>
        <span className="ml-auto tabular-nums">
          {natural && `${natural.width} × ${natural.height}, `}
          {formatBytes(size)}
        </span>
      </div>
    </div>
  );
}
