/**
 * Plays a recording into a screen. Knows neither React nor xterm.
 *
 *   paused ──play──▶ playing ──end──▶ paused at the end ──play──▶ playing from the start
 *
 * A step back draws everything from the start again, since a terminal has no way back. Such a jump is waited for; of
 * further ones meanwhile, only the last counts.
 */
import { Store } from "@/lib/store";
import type { Cast } from "./cast";

export interface PlayerScreen {
  /** Clears the screen, after all that was written before. */
  reset(): void;
  size(cols: number, rows: number): void;
  write(text: string, done: () => void): void;
}

export interface PlayerState {
  readonly playing: boolean;
  /** In seconds. */
  readonly time: number;
  readonly speed: number;
}

export const speeds = [0.5, 1, 1.5, 2, 4, 8] as const;
/** How often the time is told anew while nothing is printed, in milliseconds. */
const tickMs = 100;

export class Player {
  readonly cast: Cast;
  readonly state: Store<PlayerState>;
  readonly #screen: PlayerScreen;
  readonly #now: () => number;
  /** The next event to draw, and the time that the screen shows. */
  #next = 0;
  #drawn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The moment, in milliseconds, and the time in the recording from which the present one is counted. */
  #since = 0;
  #from = 0;
  #jumping = false;
  #wanted: number | undefined;
  #disposed = false;

  /** `now`: a clock in milliseconds that never goes back. */
  constructor(cast: Cast, screen: PlayerScreen, now: () => number = () => performance.now()) {
    this.cast = cast;
    this.#screen = screen;
    this.#now = now;
    this.state = new Store<PlayerState>({ playing: false, time: 0, speed: 1 });
    screen.reset();
    screen.size(cast.cols, cast.rows);
    this.#draw(0);
  }

  /** The most rows that the terminal had. */
  get rows(): number {
    return this.cast.events.reduce((most, event) => (event.kind === "size" ? Math.max(most, event.rows) : most), this.cast.rows);
  }

  play(): void {
    if (this.state.get().playing || this.#disposed) return;
    if (this.state.get().time >= this.cast.duration) this.seek(0);
    this.#anchor(this.state.get().time);
    this.state.update((state) => ({ ...state, playing: true }));
    this.#schedule();
  }

  pause(): void {
    clearTimeout(this.#timer);
    this.state.update((state) => ({ ...state, playing: false }));
  }

  toggle(): void {
    if (this.state.get().playing) this.pause();
    else this.play();
  }

  setSpeed(speed: number): void {
    this.#anchor(this.state.get().time);
    this.state.update((state) => ({ ...state, speed }));
    if (this.state.get().playing) this.#schedule();
  }

  /** Jumps, within the recording's bounds. It goes on playing if it did. */
  seek(time: number): void {
    const to = Math.max(0, Math.min(time, this.cast.duration));
    this.#anchor(to);
    this.state.update((state) => ({ ...state, time: to }));
    if (this.#jumping) {
      this.#wanted = to;
      return;
    }
    if (to < this.#drawn) this.#restart();
    this.#jumping = true;
    this.#draw(to, () => {
      this.#jumping = false;
      const wanted = this.#wanted;
      this.#wanted = undefined;
      if (!this.#disposed && wanted !== undefined) this.seek(wanted);
    });
    if (this.state.get().playing) this.#schedule();
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
  }

  #anchor(time: number): void {
    this.#since = this.#now();
    this.#from = time;
  }

  #restart(): void {
    this.#next = 0;
    this.#screen.reset();
    this.#screen.size(this.cast.cols, this.cast.rows);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const { time, speed } = this.state.get();
    const upcoming = this.cast.events[this.#next]?.time ?? this.cast.duration;
    const wait = Math.max(0, ((upcoming - time) * 1000) / speed);
    this.#timer = setTimeout(() => this.#tick(), Math.min(tickMs, wait));
  }

  #tick(): void {
    const { speed } = this.state.get();
    const time = Math.min(this.cast.duration, this.#from + ((this.#now() - this.#since) / 1000) * speed);
    if (!this.#jumping) this.#draw(time);
    this.state.update((state) => ({ ...state, time, playing: time < this.cast.duration }));
    if (this.state.get().playing) this.#schedule();
  }

  /** Draws what happened up to a time; neighbouring outputs are one write. `done` follows when all is on the screen. */
  #draw(time: number, done: () => void = () => undefined): void {
    const { events } = this.cast;
    this.#drawn = time;
    let text = "";
    const flush = (after: () => void = () => undefined) => {
      this.#screen.write(text, after);
      text = "";
    };
    for (let event = events[this.#next]; event && event.time <= time; event = events[++this.#next]) {
      if (event.kind === "output") {
        text += event.data;
      } else {
        flush();
        this.#screen.size(event.cols, event.rows);
      }
    }
    flush(done);
  }
}
