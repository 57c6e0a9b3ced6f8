/**
 * A WebSocket that comes back. It owns the reconnecting and nothing of what is said over it.
 *
 *   idle ──start──▶ connecting ──open──▶ open
 *                       ▲                  │ broke, 1001, 1012
 *                       └──── waiting ◀────┘
 *   closed: final, by a close code that says so or by stop(); start() begins anew.
 *
 * Waits are jittered and never end for good. A wait is cut short when the network or the page comes back, and a
 * socket that was open while the machine slept is replaced, since nothing tells that its peer is gone. Nothing tells so
 * either when the peer's machine loses its power: a socket over which something was sent that is mostly answered, and
 * then nothing came for a while, is replaced too; so is one whose peer used to say something every now and then, and
 * has fallen silent.
 */
import { backoffDelay, defaultBackoff, type Backoff } from "./backoff";
import { Store } from "./store";

export type CloseCause = "stopped" | "done" | "bad_request" | "signed_out" | "forbidden" | "not_found" | "replaced";

export type SocketState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "open" }
  | { readonly kind: "waiting"; readonly attempt: number }
  | { readonly kind: "closed"; readonly cause: CloseCause; readonly reason: string };

export interface SocketHandlers {
  /** The address to dial now: it is asked for at each attempt, since it carries the resume position. */
  url(): string;
  text(data: string): void;
  binary(data: Uint8Array): void;
}

/** What a socket needs of its surroundings; the tests bring their own. */
export interface SocketEnvironment {
  readonly backoff: Backoff;
  random(): number;
  dial(url: string): WebSocket;
  /** Calls back when there is reason to think that the connection can be, or has to be, made anew. */
  onWake(wake: (reason: "online" | "visible" | "slept") => void): () => void;
}

const finalCodes: ReadonlyMap<number, CloseCause> = new Map([
  [1000, "done"],
  [4400, "bad_request"],
  [4401, "signed_out"],
  [4403, "forbidden"],
  [4404, "not_found"],
  [4409, "replaced"],
]);
/** The replica goes away in order: another one is ready. Its clients come to that one within a second, not all at once. */
const handoverCodes: ReadonlySet<number> = new Set([1001, 1012]);
const handoverMs = 1000;
/** How long an answer that is expected may take, in milliseconds. */
export const answerMs = 10_000;
/** How long a peer may be silent that says something every 20 s, or 40 when its ping is answered late; in milliseconds. */
export const silenceMs = 50_000;
/** A timer that is this late was held up with all else of the page, in milliseconds. */
const lateMs = 2000;

export class ReliableSocket {
  readonly state = new Store<SocketState>({ kind: "idle" });
  readonly #handlers: SocketHandlers;
  readonly #env: SocketEnvironment;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #doubt: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #forgetWake: (() => void) | undefined;
  #attempt = 0;

  constructor(handlers: SocketHandlers, env: SocketEnvironment) {
    this.#handlers = handlers;
    this.#env = env;
  }

  start(): void {
    const { kind } = this.state.get();
    if (kind !== "idle" && kind !== "closed") return;
    this.#attempt = 0;
    this.#forgetWake = this.#env.onWake((reason) => this.#wake(reason));
    this.#dial();
  }

  /** Closes for good. */
  stop(reason = ""): void {
    this.#end("stopped", reason);
  }

  /** The peer answered as it should: the next break starts with the shortest wait again. */
  healthy(): void {
    this.#attempt = 0;
  }

  /** Ends a wait now. */
  retry(): void {
    if (this.state.get().kind === "waiting") this.#dial();
  }

  /** Sends, if the socket is open; answers whether it was. */
  send(data: string | Uint8Array<ArrayBuffer>): boolean {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(data);
    return true;
  }

  /** What was sent is mostly answered: if nothing comes at all, the socket is replaced. Whatever comes is an answer. */
  expectAnswer(): void {
    if (this.state.get().kind !== "open") return;
    this.#doubt ??= setTimeout(() => this.#replace(), answerMs);
  }

  /** The peer says something every now and then, and has just done so: once it is silent, the socket is replaced. */
  expectWords(): void {
    if (this.state.get().kind !== "open") return;
    clearTimeout(this.#silence);
    const due = Date.now() + silenceMs;
    this.#silence = setTimeout(() => {
      // Of a page in the background, and of a machine that slept, the timer may come before the words that came meanwhile.
      if (Date.now() - due > lateMs) this.#silence = setTimeout(() => this.#replace(), answerMs);
      else this.#replace();
    }, silenceMs);
  }

  #certain(): void {
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
  }

  /** Whatever comes is a word. */
  #heard(): void {
    this.#certain();
    if (this.#silence !== undefined) this.expectWords();
  }

  #deaf(): void {
    this.#certain();
    clearTimeout(this.#silence);
    this.#silence = undefined;
  }

  #replace(): void {
    this.#drop();
    this.#attempt = 0;
    this.#dial();
  }

  #dial(): void {
    clearTimeout(this.#timer);
    this.#attempt++;
    this.state.set({ kind: "connecting", attempt: this.#attempt });
    const socket = this.#env.dial(this.#handlers.url());
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      if (socket === this.#socket) this.state.set({ kind: "open" });
    };
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => {
      if (socket !== this.#socket) return;
      this.#heard();
      if (typeof event.data === "string") this.#handlers.text(event.data);
      else this.#handlers.binary(new Uint8Array(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#closed(event.code, event.reason);
    };
  }

  #closed(code: number, reason: string): void {
    this.#socket = undefined;
    this.#deaf();
    const cause = finalCodes.get(code);
    if (cause !== undefined) {
      this.#end(cause, reason);
      return;
    }
    // A handover is followed soon, but only from a connection that worked: else two ends could spin.
    if (handoverCodes.has(code) && this.#attempt === 0) {
      this.state.set({ kind: "waiting", attempt: 1 });
      this.#timer = setTimeout(() => this.#dial(), this.#env.random() * handoverMs);
      return;
    }
    const attempt = Math.max(1, this.#attempt);
    this.state.set({ kind: "waiting", attempt });
    this.#timer = setTimeout(() => this.#dial(), backoffDelay(attempt, this.#env.random(), this.#env.backoff));
  }

  #wake(reason: "online" | "visible" | "slept"): void {
    const { kind } = this.state.get();
    if (kind === "waiting") {
      this.#attempt = 0;
      this.#dial();
    } else if ((kind === "open" || kind === "connecting") && reason !== "visible") {
      this.#replace();
    }
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#deaf();
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #end(cause: CloseCause, reason: string): void {
    clearTimeout(this.#timer);
    this.#forgetWake?.();
    this.#forgetWake = undefined;
    this.#drop();
    this.state.set({ kind: "closed", cause, reason });
  }
}

/** How often the clock is looked at, and the jump that means that the machine slept, in milliseconds. */
const tickMs = 10_000;
const sleptMs = 100_000;

/** The browser as surroundings. */
export function browserEnvironment(): SocketEnvironment {
  return {
    backoff: defaultBackoff,
    random: Math.random,
    dial: (url) => new WebSocket(url),
    onWake(wake) {
      const online = () => wake("online");
      const visible = () => {
        if (document.visibilityState === "visible") wake("visible");
      };
      const shown = (event: PageTransitionEvent) => {
        if (event.persisted) thawed();
      };
      let last = Date.now();
      // A hidden page's timers run once a minute: only a longer jump is sleep.
      const ticker = setInterval(() => {
        const now = Date.now();
        if (now - last > sleptMs) wake("slept");
        last = now;
      }, tickMs);
      // A page that was frozen has missed its socket's end, if there was one.
      const thawed = () => {
        last = Date.now();
        wake("slept");
      };
      document.addEventListener("resume", thawed);
      window.addEventListener("pageshow", shown);
      window.addEventListener("online", online);
      document.addEventListener("visibilitychange", visible);
      return () => {
        clearInterval(ticker);
        document.removeEventListener("resume", thawed);
        window.removeEventListener("pageshow", shown);
        window.removeEventListener("online", online);
        document.removeEventListener("visibilitychange", visible);
      };
    },
  };
}
