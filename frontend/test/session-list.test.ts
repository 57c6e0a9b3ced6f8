import { describe, expect, it } from "vitest";
import { deviceName } from "@/features/account/device";
import { arranged, SessionList, type SessionListAPI } from "@/features/session/session-list";
import { sessionSchema, type Session } from "@/lib/schemas";

const session = (id: string, more: Partial<Session> = {}): Session =>
  sessionSchema.parse({ id, name: id, created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z", ...more });

describe("arranged sessions", () => {
  const all = [
    session("b10", { size: 5, last_activity_at: "2026-03-01T00:00:00Z", created_at: "2026-01-02T00:00:00Z" }),
    session("B9", { size: 9, last_activity_at: "2026-02-01T00:00:00Z", created_at: "2026-01-03T00:00:00Z" }),
    session("a", { size: 1, last_activity_at: "2026-04-01T00:00:00Z" }),
  ];
  it.each([
    ["used", ["a", "b10", "B9"]],
    ["name", ["a", "B9", "b10"]],
    ["created", ["B9", "b10", "a"]],
    ["size", ["B9", "b10", "a"]],
  ] as const)("by %s", (order, want) => {
    expect(arranged(all, "", order).map(({ id }) => id)).toEqual(want);
  });
  it("by letters in any case", () => {
    expect(arranged(all, " b ", "name").map(({ id }) => id)).toEqual(["B9", "b10"]);
  });
});

describe("a list of sessions", () => {
  it("loses a deleted one and has it again when it is brought back", async () => {
    const never = () => Promise.reject(new Error("not asked for"));
    const api: SessionListAPI = {
      sessions: () => Promise.resolve({ data: [session("a"), session("b")], count: 2 }),
      deleteSession: () => Promise.resolve(),
      restoreSession: (id) => Promise.resolve(session(id)),
      duplicateSession: (id) => Promise.resolve({ session: session(`${id} copy`), left: 3 }),
      createSession: never, renameSession: never, ensureDefault: never, shutdown: never,
    };
    const list = new SessionList(api);
    await list.refresh();
    await list.remove("a");
    expect(list.state.get()).toMatchObject({ count: 1, sessions: [{ id: "b" }] });
    await list.restore("a");
    await list.restore("a");
    expect(list.state.get()).toMatchObject({ count: 2, sessions: [{ id: "a" }, { id: "b" }] });
    expect(await list.duplicate("b")).toBe(3);
    expect(list.state.get().count).toBe(3);
  });
});

describe("a device's name", () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
    ["Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"],
    ["Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iOS"],
    ["curl/8.5.0", "curl"],
    ["", "A program"],
  ])("%s", (agent, want) => {
    expect(deviceName(agent)).toBe(want);
  });
});
