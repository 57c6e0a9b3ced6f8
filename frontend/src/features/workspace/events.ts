/** The workspace's event stream: parsed events in their order, across any number of broken sockets. */
import { eventSchema, eventTypes, isAlive, parseMessage, type WorkspaceEvent } from "@/lib/schemas";
import { ReliableSocket, type SocketEnvironment, type SocketState } from "@/lib/socket";
import type { Store } from "@/lib/store";

export interface EventStreamOptions {
  readonly session: string;
  readonly endpoint: (query: URLSearchParams) => string;
  readonly environment: SocketEnvironment;
  /** The workspace revision that is known, after which the changes are wanted; undefined: none. */
  readonly revision: () => number | undefined;
  readonly event: (event: WorkspaceEvent) => void;
}

export class EventStream {
  readonly state: Store<SocketState>;
  readonly #socket: ReliableSocket;

  constructor({ session, endpoint, environment, revision, event }: EventStreamOptions) {
    this.#socket = new ReliableSocket(
      {
        url() {
          const query = new URLSearchParams({ session });
          const known = revision();
          if (known !== undefined) query.set("revision", String(known));
          return endpoint(query);
        },
        text: (data) => {
          const message = parseMessage(eventSchema, eventTypes, data);
          if (message === undefined) {
            if (isAlive(data)) this.#socket.expectWords();
            return;
          }
          this.#socket.healthy();
          event(message);
        },
        binary() {
          // The contract has none.
        },
      },
      environment,
    );
    this.state = this.#socket.state;
  }

  start(): void {
    this.#socket.start();
  }

  stop(): void {
    this.#socket.stop();
  }

  retry(): void {
    this.#socket.retry();
  }
}
