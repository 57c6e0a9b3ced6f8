/**
 * The account's event stream: one for a page, while somebody is signed in. It tells what to look at anew, and that the
 * sign-in has ended. Settings follow it by themselves.
 */
import * as z from "zod/mini";
import { api } from "@/lib/api";
import { webSocketURL } from "@/lib/origin";
import { Problem } from "@/lib/problem";
import { isAlive, parseMessage } from "@/lib/schemas";
import { SettingsSync } from "@/lib/settings";
import { browserEnvironment, ReliableSocket, type SocketEnvironment } from "@/lib/socket";
import { Store } from "@/lib/store";
import { goToSignIn } from "./sign-out";

const newsSchema = z.object({ type: z.literal("account"), settings: z.number(), layouts: z.number(), sessions: z.number() });
export type AccountNews = z.infer<typeof newsSchema>;
const types: ReadonlySet<string> = new Set(["account"]);

/** What the server said last; null: nothing yet. */
export const news = new Store<AccountNews | null>(null);

let users = 0;
let end: (() => void) | undefined;

/** Follows the account until the returned function is called; several parts of a page may. */
export function followAccount(user: string, environment: SocketEnvironment = browserEnvironment()): () => void {
  users++;
  end ??= begin(user, environment);
  let left = false;
  return () => {
    if (left) return;
    left = true;
    users--;
    if (users > 0) return;
    end?.();
    end = undefined;
  };
}

function begin(user: string, environment: SocketEnvironment): () => void {
  const sync = new SettingsSync(api, (error) => error instanceof Problem && error.code === "conflict");
  const stopSync = sync.start(user);
  const socket = new ReliableSocket(
    {
      url: () => webSocketURL(new URLSearchParams({ account: "1" })),
      text(data) {
        const message = parseMessage(newsSchema, types, data);
        if (message === undefined) {
          if (isAlive(data)) socket.expectWords();
          return;
        }
        socket.healthy();
        news.set(message);
        // What fails is tried again with the next news, or the next choice.
        sync.heard(message.settings).catch(() => undefined);
      },
      binary() {
        // The contract has none.
      },
    },
    environment,
  );
  const stop = socket.state.subscribe(() => {
    const state = socket.state.get();
    if (state.kind === "closed" && state.cause === "signed_out") goToSignIn();
  });
  socket.start();
  return () => {
    stop();
    socket.stop();
    stopSync();
    news.set(null);
  };
}
