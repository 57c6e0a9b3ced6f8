import type { Page } from "@playwright/test";

/** figure prints one measured line. */
export function figure(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(72)} ${value}\n`);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

const ms = (n: number) => `${n.toFixed(1)} ms`;

/** frames is how long each frame of the page took, in ms, while something was done. */
export async function frames(page: Page, work: () => Promise<void>): Promise<number[]> {
  await page.evaluate(() => {
    const state = { times: [] as number[], on: true };
    (window as unknown as { __frames: typeof state }).__frames = state;
    let last = performance.now();
    const next = (now: number) => {
      state.times.push(now - last);
      last = now;
      if (state.on) requestAnimationFrame(next);
    };
    requestAnimationFrame((now) => {
      last = now;
      requestAnimationFrame(next);
    });
  });
  await work();
  return page.evaluate(() => {
    const state = (window as unknown as { __frames: { times: number[]; on: boolean } }).__frames;
    state.on = false;
    return state.times;
  });
}

export function frameFigure(what: string, times: readonly number[]): void {
  const late = times.filter((t) => t > 34).length;
  figure(what, `p50 ${ms(quantile(times, 0.5))}, p95 ${ms(quantile(times, 0.95))}, ${times.length} frames, ${late} over 34 ms`);
}

/** heap is what the page's script holds after a collection, in MB. */
export async function heap(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize / 1e6;
}

/** held is what the page's scripts hold, in MB, without V8's own: what it compiles for functions that are used a lot grows for a long time. */
export async function held(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  const chunks: string[] = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await session.detach();
  const { snapshot: { meta }, nodes } = JSON.parse(chunks.join("")) as {
    readonly snapshot: { readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly [readonly string[]] } };
    readonly nodes: readonly number[];
  };
  const [type, size] = [meta.node_fields.indexOf("type"), meta.node_fields.indexOf("self_size")];
  const own = new Set(["array", "closure", "concatenated string", "number", "object", "regexp", "sliced string", "string", "symbol"]);
  let sum = 0;
  for (let at = 0; at < nodes.length; at += meta.node_fields.length) {
    if (own.has(meta.node_types[0][nodes[at + type] ?? -1] ?? "")) sum += nodes[at + size] ?? 0;
  }
  return sum / 1e6;
}
