import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { EventStream } from "@/features/workspace/events";
import { silenceMs } from "@/lib/socket";
import { fakeEnvironment, FakeSocket } from "./support/fake-socket";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("connects anew, from where it stands, once a server that said that it lives is silent", () => {
  const told: string[] = [];
  let revision: number | undefined;
  const stream = new EventStream({
    session: "s",
    endpoint: (query) => `ws://host/ws?${query}`,
    environment: fakeEnvironment(),
    revision: () => revision,
    event: (event) => {
      told.push(event.type);
      if (event.type === "files") ({ revision } = event);
    },
  });
  stream.start();
  FakeSocket.last.open();
  FakeSocket.last.say({ type: "files", revision: 7, reset: true, changes: [] });
  vi.advanceTimersByTime(10 * silenceMs);
  expect(FakeSocket.dialed).toHaveLength(1); // it has not said yet that it does
  FakeSocket.last.say({ type: "alive" });
  FakeSocket.last.say({ type: "of a newer server" });
  vi.advanceTimersByTime(silenceMs);
  expect(FakeSocket.dialed).toHaveLength(2);
  expect(FakeSocket.last.url.searchParams.get("revision")).toBe("7");
  expect(told).toEqual(["files"]);
  stream.stop();
});
