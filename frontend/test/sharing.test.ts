import { afterEach, describe, expect, it, vi } from "vitest";
import { initials, peopleOf } from "@/features/sharing/people";
import { rightsOf, shareWords } from "@/features/sharing/rights";
import { SharedList } from "@/features/sharing/shared-list";
import { newShare, Shares, type ShareForm, type SharesAPI } from "@/features/sharing/shares";
import { forgetToken, takeToken } from "@/features/sharing/token";
import type { NewShare } from "@/lib/api";
import { formatDuration, formatUntil } from "@/lib/format";
import { accessSchema, eventSchema, sessionSchema } from "@/lib/schemas";
import { sharedListSchema, shareListSchema, shareSchema, type Share } from "@/lib/sharing";

const times = { created_at: "2026-01-01T00:00:00Z", expires_at: "2026-01-08T00:00:00Z" };
const share = (over: Partial<Share> = {}): Share => shareSchema.parse({ id: "a", terminal: null, mode: "view", kind: "link", ...times, ...over });

describe("rightsOf", () => {
  const access = (mode: string, terminal: string | null = null) => accessSchema.parse({ owner: false, mode, terminal, expires_at: times.expires_at });
  it.each([
    ["an owner", accessSchema.parse({ owner: true, mode: "write", terminal: null, expires_at: null }), { owner: true, terminal: null, files: true, change: true, type: true }],
    ["a list of one's own", undefined, { owner: true, terminal: null, files: true, change: true, type: true }],
    ["a workspace to write", access("write"), { owner: false, terminal: null, files: true, change: true, type: true }],
    ["a workspace to view", access("view"), { owner: false, terminal: null, files: true, change: false, type: false }],
    ["a terminal to write", access("write", "1"), { owner: false, terminal: "1", files: false, change: false, type: true }],
    ["a terminal to view", access("view", "1"), { owner: false, terminal: "1", files: false, change: false, type: false }],
    ["a mode of the future", access("admin"), { owner: false, terminal: null, files: true, change: false, type: false }],
  ])("of %s", (_, given, rights) => {
    expect(rightsOf(given)).toEqual(rights);
  });

  it("is told in words", () => {
    expect(shareWords({ terminal: null, mode: "view" })).toBe("Whole workspace, view only");
    expect(shareWords({ terminal: "build", mode: "write" })).toBe("Terminal build, can write");
  });
});

describe("the API's answers", () => {
  it("are parsed, whether lists are null, fields are new, or a link's address is there", () => {
    expect(shareListSchema.parse({ data: null }).data).toEqual([]);
    const parsed = shareSchema.parse({ id: "a", session_id: "s", mode: "write", kind: "user", username: "ada", terminal: "1", accepted: null, ...times, new_field: 1 });
    expect(parsed).toMatchObject({ mode: "write", kind: "user", username: "ada", terminal: "1", accepted: [] });
    const session = { id: "s", name: "n", created_at: times.created_at, updated_at: times.created_at };
    expect(sharedListSchema.parse({ data: [{ id: "a", session, owner: "ada", mode: "view", terminal: null, expires_at: times.expires_at }], count: 1 }).data[0]).toMatchObject({ owner: "ada", session: { id: "s" } });
    expect(sessionSchema.parse({ ...session, access: { owner: false, mode: "view", terminal: "1", expires_at: times.expires_at } }).access).toMatchObject({ owner: false, terminal: "1" });
  });

  it("tell who watches a terminal, and nothing where the server does not", () => {
    const event = eventSchema.parse({ type: "terminals", terminals: [{ name: "1", watchers: [{ name: "ada", mode: "view", visible: false }], recording: true }, { name: "2" }] });
    expect(event).toMatchObject({ terminals: [{ watchers: [{ name: "ada", mode: "view", visible: false }], recording: true }, { watchers: [], recording: false }] });
  });
});

describe("peopleOf", () => {
  it("makes one of a user's windows, and puts who writes first and oneself last", () => {
    const view = { mode: "view", visible: true } as const;
    expect(
      peopleOf([{ name: "me", mode: "write", visible: true }, { name: "eve", ...view }, { name: "zoe", mode: "write", visible: false }, { name: "bob", ...view }, { name: "eve", mode: "view", visible: false }, { name: "", ...view }], "me"),
    ).toEqual([
      { name: "zoe", writes: true, visible: false, windows: 1, you: false },
      { name: "bob", writes: false, visible: true, windows: 1, you: false },
      { name: "eve", writes: false, visible: true, windows: 2, you: false },
      { name: "me", writes: true, visible: true, windows: 1, you: true },
    ]);
  });

  it.each([["ada", "A"], ["grace.hopper", "GH"], ["a-b-c", "AB"], ["_x", "X"], ["", ""]])("shortens %j to %j", (name, short) => {
    expect(initials(name)).toBe(short);
  });
});

describe("newShare", () => {
  const form: ShareForm = { who: "link", name: "left over", terminal: "", mode: "view", expires: 3600 };
  it.each([
    [form, { mode: "view", expires_in: 3600 }],
    [{ ...form, terminal: "1", mode: "write" as const }, { terminal: "1", mode: "write", expires_in: 3600 }],
    [{ ...form, who: "user" as const, name: " ada " }, { username: "ada", mode: "view", expires_in: 3600 }],
    [{ ...form, who: "user" as const, name: "ada@example.org" }, { email: "ada@example.org", mode: "view", expires_in: 3600 }],
  ])("%#", (values, wanted) => {
    expect(newShare(values)).toEqual(wanted);
  });
});

describe("Shares", () => {
  it("adds and revokes, forgets a link's address, and takes no list from before", async () => {
    let answer: (list: Share[]) => void = () => undefined;
    const asked: NewShare[] = [];
    const api: SharesAPI = {
      shares: () =>
        new Promise((done) => {
          answer = done;
        }),
      share: (_, wanted) => {
        asked.push(wanted);
        return Promise.resolve(share({ id: "b", url: "https://host/share/#secret" }));
      },
      revokeShare: () => Promise.resolve(),
    };
    const shares = new Shares("s", api);
    const first = shares.refresh();
    answer([share()]);
    await first;
    const late = shares.refresh();
    expect((await shares.add({ mode: "view", expires_in: 60 })).url).toBe("https://host/share/#secret");
    answer([share()]);
    await late;
    expect(shares.state.get().shares.map(({ id, url }) => [id, url])).toEqual([["b", null], ["a", undefined]]);
    await shares.revoke("a");
    expect(shares.state.get().shares.map(({ id }) => id)).toEqual(["b"]);
    expect(asked).toEqual([{ mode: "view", expires_in: 60 }]);
  });

  it("keeps a share that could not be revoked", async () => {
    const shares = new Shares("s", { shares: () => Promise.resolve([share()]), share: () => Promise.reject(new Error("no")), revokeShare: () => Promise.reject(new Error("away")) });
    await shares.refresh();
    await expect(shares.revoke("a")).rejects.toThrow("away");
    expect(shares.state.get().shares).toHaveLength(1);
  });
});

describe("SharedList", () => {
  it("forgets what was left", async () => {
    const shared = sharedListSchema.parse({
      data: ["a", "b"].map((id) => ({ id, session: { id: `s${id}`, name: id, created_at: times.created_at, updated_at: times.created_at }, owner: "ada", mode: "view", terminal: null, expires_at: times.expires_at })),
    }).data;
    const list = new SharedList({ sharedWithMe: () => Promise.resolve(shared), leaveShare: () => Promise.resolve() });
    await list.refresh();
    await list.leave("a");
    expect(list.state.get().map(({ id }) => id)).toEqual(["b"]);
  });
});

describe("takeToken", () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  const page = (hash: string, storage: Map<string, string> | null) => {
    const replaced: string[] = [];
    const location = { hash, pathname: "/share/" };
    vi.stubGlobal("window", {
      location,
      history: {
        replaceState: (_: unknown, __: string, url: string) => {
          replaced.push(url);
          location.hash = "";
        },
      },
      get sessionStorage() {
        if (!storage) throw new DOMException("denied", "SecurityError");
        return { getItem: (key: string) => storage.get(key) ?? null, setItem: (key: string, value: string) => storage.set(key, value), removeItem: (key: string) => storage.delete(key) };
      },
    });
    return replaced;
  };

  it("takes it out of the address, and has it after a sign-in until it is used", () => {
    const storage = new Map<string, string>();
    expect(page("#to-k_en", storage)).toEqual([]);
    const replaced = page("#to-k_en", storage);
    expect(takeToken()).toBe("to-k_en");
    expect(replaced).toEqual(["/share/"]);
    page("", storage);
    expect(takeToken()).toBe("to-k_en");
    forgetToken();
    expect(takeToken()).toBe("");
  });

  it("prefers a new link to the one before, and unescapes what another program escaped", () => {
    const storage = new Map([["share-token", "old"]]);
    page("#new%2Dtoken", storage);
    expect(takeToken()).toBe("new-token");
    page("#100%", storage);
    expect(takeToken()).toBe("100%");
  });

  it("works where nothing can be stored", () => {
    page("#token", null);
    expect(takeToken()).toBe("token");
    expect(takeToken()).toBe("");
    forgetToken();
  });
});

describe("times", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  it.each([
    ["2025-12-31T23:59:59Z", "now"],
    ["2026-01-01T00:00:10Z", "in 1 min"],
    ["2026-01-01T00:59:00Z", "in 59 min"],
    ["2026-01-01T01:00:00Z", "in 1 h"],
    ["2026-01-02T00:00:00Z", "in 24 h"],
    ["2026-01-08T00:00:00Z", "in 7 days"],
    ["never", ""],
  ])("%s is %j", (iso, text) => {
    expect(formatUntil(iso, now)).toBe(text);
  });
  it.each([[0, "0:00"], [7.9, "0:07"], [750, "12:30"], [3723, "1:02:03"], [-1, "0:00"]])("%d s is %j", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});
