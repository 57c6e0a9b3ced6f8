/**
 * One terminal over /ws (docs/api/websocket.md), from the first attach to the program's end, across any number of
 * broken sockets. Knows neither React nor xterm: it writes to a sink.
 *
 *   idle ─▶ connecting ─▶ starting ─▶ attached ─▶ ended | failed
 *               ▲             │           │
 *               └── reconnecting ◀────────┘
 *
 * Output is counted: after a break the server is asked for the first byte not yet received. Input is counted: what
 * the server did not take is sent again, what it took is not. A snapshot that broke off half-way is asked for
 * afresh. Each byte is acknowledged only once the sink has rendered it.
 */
import { parseMessage, terminalMessageSchema, terminalMessageTypes, type Exit, type Mode, type Phase, type TerminalMessage } from "@/lib/schemas";
import { ReliableSocket, type SocketEnvironment, type SocketState } from "@/lib/socket";
import { Store } from "@/lib/store";
import { InputBuffer } from "./input-buffer";

export type TerminalState =
  | { readonly kind: "idle" }
  | { readonly kind: "connecting" }
  | { readonly kind: "starting"; readonly phase: Phase; readonly message: string; readonly reason: string; readonly place: number }
  | { readonly kind: "attached" }
  | { readonly kind: "reconnecting"; readonly attempt: number }
  | { readonly kind: "ended"; readonly exit: Exit | null; readonly message: string }
  | { readonly kind: "failed"; readonly cause: "bad_request" | "signed_out" | "forbidden" | "not_found" | "replaced"; readonly message: string };

/** Where the output goes. Writes are rendered in the order of the calls, and `done` follows each. */
export interface TerminalSink {
  /** Clears the screen, after all that was written before. */
  reset(): void;
  /** `replay`: the bytes draw a screen that was already seen; queries in them must not be answered. */
  write(bytes: Uint8Array, replay: boolean, done: () => void): void;
  /** The size that the server decided on. */
  size(cols: number, rows: number): void;
}

export interface TerminalNotices {
  title(title: string): void;
  /** What the server allows: to type, or to look only. */
  mode(mode: Mode): void;
  /** Something was lost or went wrong that the user has to know. */
  notice(message: string): void;
}

export interface TerminalOptions {
  readonly session: string;
  readonly name: string;
  /** The viewer's own ID, by which its input is counted: 1–64 of A-Za-z0-9_-. */
  readonly client: string;
  /** What to ask for, of which the server may allow less. Default: write. */
  readonly mode?: Mode;
  /** Where a terminal begins that this attach creates, relative to the workspace. */
  readonly cwd?: string;
  readonly endpoint: (query: URLSearchParams) => string;
  readonly environment: SocketEnvironment;
  readonly sink: TerminalSink;
  readonly notices: TerminalNotices;
}

/** A frame of input, and the rendered bytes after which an acknowledgement is due at once. */
const inputFrameBytes = 64 << 10;
const ackBytes = 16 << 10;
/** How long the renderer has to be idle before a smaller amount is acknowledged, in milliseconds. */
const idleAckMs = 40;

export class TerminalConnection {
  readonly state = new Store<TerminalState>({ kind: "idle" });
  readonly #options: TerminalOptions;
  readonly #socket: ReliableSocket;
  readonly #input = new InputBuffer();
  #attached = false;
  /** The present socket has said from where to type on: a later word of it is about output alone. */
  #greeted = false;
  #incarnation = "";
  /** The offset of the next byte to receive, and what is still to come of a snapshot. */
  #offset = 0;
  #snapshotLeft = 0;
  /** Rendered and acknowledged offsets; `#screen` tells the renderer's callbacks of one reset from the next. */
  #rendered = 0;
  #acked = -1;
  #unrendered = 0;
  #screen = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #cols = 80;
  #rows = 24;
  #visible = true;
  #mode: Mode = "write";
  #exit: Exit | undefined;
  #stopMessage = "";

  constructor(options: TerminalOptions) {
    this.#options = options;
    if (options.mode) this.#mode = options.mode;
    this.#socket = new ReliableSocket(
      {
        url: () => options.endpoint(this.#query()),
        text: (data) => this.#text(data),
        binary: (data) => this.#output(data),
      },
      options.environment,
    );
    this.#socket.state.subscribe(() => this.#socketChanged(this.#socket.state.get()));
  }

  /** The size last asked for. */
  get size(): { cols: number; rows: number } {
    return { cols: this.#cols, rows: this.#rows };
  }

  /** Connects, or connects anew after the end, with the viewer's real size. */
  start(cols: number, rows: number): void {
    this.#cols = cols;
    this.#rows = rows;
    if (this.state.get().kind === "ended") {
      // The program is gone, or the environment is, and with it all that was counted.
      this.#incarnation = "";
      this.#snapshotLeft = 0;
      this.#input.restart(true);
    }
    this.#exit = undefined;
    this.#stopMessage = "";
    this.#socket.start();
  }

  /** Leaves the terminal running on the server. `message` is what the user reads. */
  stop(message = ""): void {
    this.#stopMessage = message;
    clearTimeout(this.#ackTimer);
    this.#socket.stop();
  }

  /** Ends a wait for the next attempt. */
  retry(): void {
    this.#socket.retry();
  }

  /** Types bytes. They are kept until the terminal is attached; who only looks types nothing. */
  type(bytes: Uint8Array): void {
    if (this.#mode === "view") return;
    this.#input.push(bytes);
    this.#flush();
  }

  resize(cols: number, rows: number): void {
    if (cols === this.#cols && rows === this.#rows) return;
    this.#cols = cols;
    this.#rows = rows;
    if (this.#attached && this.#mode === "write") this.#control({ type: "resize", cols, rows });
  }

  setVisible(visible: boolean): void {
    if (visible === this.#visible) return;
    this.#visible = visible;
    if (this.#attached) this.#control({ type: "visibility", visible });
  }

  /** Ends the terminal's program; answers false when there is no connection to say it over. */
  close(): boolean {
    return this.#attached && this.#control({ type: "close" });
  }

  #query(): URLSearchParams {
    const { session, name, client } = this.#options;
    const query = new URLSearchParams({ session, terminal: name, client });
    if (this.#options.mode === "view") query.set("mode", "view");
    if (this.#options.cwd) query.set("cwd", this.#options.cwd);
    query.set("cols", String(this.#cols));
    query.set("rows", String(this.#rows));
    if (this.#incarnation && this.#snapshotLeft === 0) {
      query.set("incarnation", this.#incarnation);
      query.set("offset", String(this.#offset));
    }
    return query;
  }

  #socketChanged(socket: SocketState): void {
    if (socket.kind !== "open") {
      this.#attached = false;
      this.#greeted = false;
      clearTimeout(this.#ackTimer);
    }
    switch (socket.kind) {
      case "idle":
      case "open":
        return;
      case "connecting": {
        const { kind } = this.state.get();
        // While the environment starts, its phase says more than the state of the wire does.
        if (kind !== "reconnecting" && kind !== "starting") {
          this.state.set(this.#incarnation && kind === "attached" ? { kind: "reconnecting", attempt: 1 } : { kind: "connecting" });
        }
        return;
      }
      case "waiting":
        this.state.set({ kind: "reconnecting", attempt: socket.attempt });
        return;
      case "closed":
        this.#closed(socket);
    }
  }

  #closed({ cause, reason }: Extract<SocketState, { kind: "closed" }>): void {
    if (cause === "done" || cause === "stopped") {
      this.state.set({ kind: "ended", exit: this.#exit ?? null, message: this.#stopMessage || reason });
      return;
    }
    const words = {
      bad_request: reason || "The server did not accept the request.",
      signed_out: "You are signed out.",
      forbidden: reason ? `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.` : "You may not open this terminal.",
      not_found: "This session no longer exists.",
      replaced: "This terminal was opened again elsewhere.",
    };
    this.state.set({ kind: "failed", cause, message: words[cause] });
  }

  #text(data: string): void {
    const message = parseMessage(terminalMessageSchema, terminalMessageTypes, data);
    if (message === undefined) return;
    switch (message.type) {
      case "status":
        if (message.phase === "ready" && this.#attached) return;
        this.state.set({ kind: "starting", phase: message.phase, message: message.message, reason: message.reason, place: message.queue_place });
        return;
      case "attached":
        this.#attach(message);
        return;
      case "size":
        this.#options.sink.size(message.cols, message.rows);
        return;
      case "gap":
        this.#offset = message.to;
        this.#options.notices.notice("Some output was too old to be shown again.");
        return;
      case "title":
        this.#options.notices.title(message.title);
        return;
      case "exit":
        this.#exit = { code: message.code, signal: message.signal, reason: message.reason };
        // Nothing follows. Not to wait for the server's close keeps a break from starting the program again.
        this.#socket.stop();
        return;
      case "error":
        this.#options.notices.notice(message.message || message.code);
    }
  }

  #attach(message: Extract<TerminalMessage, { type: "attached" }>): void {
    const { sink, notices } = this.#options;
    const known = this.#incarnation !== "";
    const fresh = message.created || (known && message.incarnation !== this.#incarnation);
    if (fresh) this.#input.restart(!known);
    this.#incarnation = message.incarnation;
    // What is on its way over this very socket will arrive: to confirm again would type it twice.
    const missing = fresh || this.#greeted ? 0 : this.#input.confirm(message.input_offset);
    this.#greeted = true;
    if (missing > 0) notices.notice(`${missing} typed bytes were lost while the connection was down.`);

    if (message.reset || fresh) {
      this.#screen++;
      this.#unrendered = 0;
      this.#rendered = message.offset;
      this.#acked = -1;
      sink.reset();
    }
    this.#offset = message.offset;
    this.#snapshotLeft = message.reset ? message.snapshot : 0;
    this.#mode = message.mode;
    notices.mode(message.mode);
    sink.size(message.cols, message.rows);
    notices.title(message.title);

    this.#attached = true;
    this.#socket.healthy();
    this.state.set({ kind: "attached" });
    // The size and visibility may have changed since the address was made.
    if (this.#mode === "write" && (message.cols !== this.#cols || message.rows !== this.#rows)) {
      this.#control({ type: "resize", cols: this.#cols, rows: this.#rows });
    }
    if (!this.#visible) this.#control({ type: "visibility", visible: false });
    if (this.#snapshotLeft === 0) this.#ackSoon();
    this.#flush();
  }

  #output(data: Uint8Array): void {
    const snapshot = Math.min(this.#snapshotLeft, data.length);
    if (snapshot > 0) {
      this.#snapshotLeft -= snapshot;
      this.#render(data.subarray(0, snapshot), true);
    }
    if (snapshot < data.length) {
      const output = data.subarray(snapshot);
      this.#offset += output.length;
      this.#render(output, false);
    }
  }

  #render(bytes: Uint8Array, replay: boolean): void {
    const screen = this.#screen;
    const after = this.#offset;
    this.#unrendered += bytes.length;
    this.#options.sink.write(bytes, replay, () => {
      if (screen !== this.#screen) return;
      this.#unrendered -= bytes.length;
      if (!replay) this.#rendered = after;
      if (this.#rendered - this.#acked >= ackBytes) this.#ack();
      else if (this.#unrendered === 0) this.#ackSoon();
    });
  }

  #ackSoon(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = setTimeout(() => this.#ack(), idleAckMs);
  }

  #ack(): void {
    clearTimeout(this.#ackTimer);
    if (!this.#attached || this.#rendered === this.#acked || this.#snapshotLeft > 0) return;
    if (this.#control({ type: "ack", offset: this.#rendered })) this.#acked = this.#rendered;
  }

  #flush(): void {
    if (!this.#attached || this.#mode === "view") return;
    for (let bytes = this.#input.take(inputFrameBytes); bytes.length > 0; bytes = this.#input.take(inputFrameBytes)) {
      this.#socket.send(bytes);
      // Nearly every key is echoed, and after a break what the server has not taken is sent again.
      this.#socket.expectAnswer();
    }
  }

  #control(message: object): boolean {
    return this.#socket.send(JSON.stringify(message));
  }
}
