/**
 * Hands a terminal's output on in its order, and so much with each frame of the page as leaves the frame its time. What
 * comes while there is room goes on at once: what is typed is echoed without delay, and a flood waits, unacknowledged.
 *
 * How much there is room for is learnt from the frames themselves: one that came late halves it, each that came in time
 * adds a little. A terminal that does not have the keys gives way further than one that has.
 */

/** In bytes for each frame. */
const most = 128 << 10;
const leastInFront = 64 << 10;
const leastBeside = 4 << 10;
const growth = 256;
/** A frame that took longer than this came late, in milliseconds. */
const late = 20;

export interface PacerOptions {
  /** Calls back before the next frame is drawn, with the time in milliseconds. */
  readonly frame: (next: (now: number) => void) => void;
  /** Whether the terminal has the keys. */
  readonly inFront: () => boolean;
  /** Whether the page is out of sight: then there are no frames to wait for. */
  readonly hidden: () => boolean;
}

interface Work {
  readonly size: number;
  readonly run: () => void;
}

export class Pacer {
  readonly #options: PacerOptions;
  #queue: Work[] = [];
  #room = most;
  #spent = 0;
  #asked = false;
  /** When the last frame was, if output was handed on with it. */
  #before: number | undefined;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  /** Does work that stands for so many bytes, in its turn. */
  add(size: number, run: () => void): void {
    this.#queue.push({ size, run });
    this.#drain();
  }

  #drain(): void {
    for (;;) {
      const [next] = this.#queue;
      if (!next || !this.#fits(next.size)) break;
      this.#queue.shift();
      this.#spent += next.size;
      next.run();
    }
    if (this.#spent > 0 || this.#queue.length > 0) this.#ask();
  }

  /** What is larger than a frame's room goes on with a frame of its own. */
  #fits(size: number): boolean {
    return size === 0 || this.#spent === 0 || this.#spent + size <= this.#room || this.#options.hidden();
  }

  #ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#options.frame((now) => {
      this.#asked = false;
      this.#learn(now);
      const worked = this.#spent > 0;
      this.#spent = 0;
      this.#before = worked ? now : undefined;
      this.#drain();
    });
  }

  #learn(now: number): void {
    if (this.#before === undefined) return;
    const least = this.#options.inFront() ? leastInFront : leastBeside;
    const next = now - this.#before > late ? this.#room / 2 : this.#room + growth;
    this.#room = Math.max(least, Math.min(most, next));
  }
}
