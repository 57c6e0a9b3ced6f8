import type { SocketEnvironment } from "@/lib/socket";

/** A WebSocket whose peer is the test. */
export class FakeSocket {
  static dialed: FakeSocket[] = [];
  readonly url: URL;
  readyState = 0;
  binaryType = "blob";
  readonly sent: (string | Uint8Array)[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  closed = false;

  constructor(url: string) {
    this.url = new URL(url);
    FakeSocket.dialed.push(this);
  }

  send(data: string | Uint8Array): void {
    this.sent.push(typeof data === "string" ? data : data.slice());
  }

  close(): void {
    this.closed = true;
    this.readyState = 3;
  }

  // What the peer does.

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  bytes(text: string): void {
    const { buffer, byteOffset, byteLength } = new TextEncoder().encode(text);
    this.onmessage?.({ data: buffer.slice(byteOffset, byteOffset + byteLength) });
  }

  end(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  // What the client said.

  get typed(): string {
    const decoder = new TextDecoder();
    return this.sent.filter((each) => typeof each !== "string").map((each) => decoder.decode(each)).join("");
  }

  get controls(): Record<string, unknown>[] {
    return this.sent.filter((each) => typeof each === "string").map((each) => JSON.parse(each) as Record<string, unknown>);
  }

  static get last(): FakeSocket {
    const socket = FakeSocket.dialed.at(-1);
    if (!socket) throw new Error("nothing was dialed");
    return socket;
  }
}

/** Surroundings under the test's control: no jitter, and the test wakes. */
export function fakeEnvironment(): SocketEnvironment & { wake: (reason: "online" | "visible" | "slept") => void } {
  FakeSocket.dialed = [];
  const wakes = new Set<(reason: "online" | "visible" | "slept") => void>();
  return {
    backoff: { baseMs: 100, maxMs: 1000 },
    random: () => 1,
    dial: (url) => new FakeSocket(url) as unknown as WebSocket,
    onWake(wake) {
      wakes.add(wake);
      return () => wakes.delete(wake);
    },
    wake: (reason) => {
      for (const each of [...wakes]) each(reason);
    },
  };
}
