import { describe, expect, it } from "vitest";
import { backoffDelay } from "@/lib/backoff";
import { formatAgo, formatBytes, plural } from "@/lib/format";
import { encodePath, extensionOf, isWithin, movedPath, nameError, parentOf } from "@/lib/paths";
import { Problem } from "@/lib/problem";
import { eventSchema, eventTypes, parseMessage } from "@/lib/schemas";
import { shellQuote } from "@/lib/shell";
import { pageAfterSignIn } from "@/features/session/sign-out";

describe("backoff", () => {
  it("doubles to a ceiling, and jitters between half and all of it", () => {
    const backoff = { baseMs: 100, maxMs: 1000 };
    expect([1, 2, 3, 4, 5, 500].map((attempt) => backoffDelay(attempt, 1, backoff))).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(backoffDelay(1, 0, backoff)).toBe(50);
  });
});

describe("paths", () => {
  it("knows what is within what", () => {
    expect(isWithin("src/a", "src")).toBe(true);
    expect(isWithin("src2/a", "src")).toBe(false);
    expect(movedPath("src/a/b", "src", "lib")).toBe("lib/a/b");
    expect(movedPath("src2", "src", "lib")).toBe("src2");
    expect(parentOf("a/b/c")).toBe("a/b");
    expect(parentOf("a")).toBe("");
  });

  it("encodes each segment", () => {
    expect(encodePath("a b/c#d?/é%")).toBe("a%20b/c%23d%3F/%C3%A9%25");
  });

  it("finds extensions", () => {
    expect(["a.PY", "dir.x/a", ".bashrc", "a.tar.gz"].map(extensionOf)).toEqual(["py", "", "", "gz"]);
  });

  it.each([
    ["", "Enter a name."],
    ["..", "This is not a usable path."],
    ["a//b", "This is not a usable path."],
    ["a\nb", "Names have no control characters."],
    ["é".repeat(128), "Names have at most 255 bytes."],
    ["taken", "“taken” exists already."],
    ["fine.txt", ""],
    ["new/fine.txt", ""],
  ])("judges the name %j", (name, error) => {
    expect(nameError(name, new Set(["taken"]))).toBe(error);
  });
});

describe("shell", () => {
  it("quotes what needs it", () => {
    expect(shellQuote("src/main.py")).toBe("src/main.py");
    expect(shellQuote("it's $HOME; rm")).toBe(`'it'\\''s $HOME; rm'`);
    expect(shellQuote("")).toBe("''");
    // No name of a file presses a key.
    expect(shellQuote("a\u0003\nrm 'b\\' ü")).toBe(`$'a\\x03\\x0arm \\'b\\\\\\' ü'`);
    expect(shellQuote("bad\u{10ffff} \u0085")).toBe(`$'bad\\xff \\xc2\\x85'`);
  });
});

describe("format", () => {
  it("says sizes, times and counts for people", () => {
    expect([0, 1023, 1536, 10 << 20, 200 << 20].map(formatBytes)).toEqual(["0 B", "1023 B", "1.5 KB", "10.0 MB", "200 MB"]);
    const now = Date.parse("2026-01-10T12:00:00Z");
    expect(
      ["2026-01-10T11:59:50Z", "2026-01-10T11:55:00Z", "2026-01-10T09:00:00Z", "2026-01-09T11:00:00Z", "2026-01-01T12:00:00Z", "x"].map((time) =>
        formatAgo(time, now),
      ),
    ).toEqual(["just now", "5 min ago", "3 h ago", "yesterday", "9 days ago", ""]);
    expect([plural(1, "file"), plural(2, "file")]).toEqual(["1 file", "2 files"]);
  });
});

describe("problems", () => {
  it("reads fields and the current revision", async () => {
    const body = { type: "about:blank", title: "Conflict", status: 409, detail: "stale", code: "conflict", current_revision: 7, errors: { name: "no" } };
    const problem = await Problem.from(new Response(JSON.stringify(body), { status: 409 }));
    expect(problem).toMatchObject({ status: 409, code: "conflict", message: "stale", currentRevision: 7, fields: { name: "no" } });
  });

  it("makes one of whatever a proxy answers", async () => {
    const problem = await Problem.from(new Response("<html>", { status: 502, statusText: "Bad Gateway" }));
    expect(problem).toMatchObject({ status: 502, message: "Bad Gateway", code: "internal" });
  });
});

describe("messages", () => {
  it("parses the examples of the contract", () => {
    const text = `{"type":"files","revision":17,"reset":false,"changes":[{"path":"new.txt","op":"move","from":"old.txt","type":"file","size":3,"revision":17,"source":"api","saved":true}]}`;
    expect(parseMessage(eventSchema, eventTypes, text)).toMatchObject({ type: "files", changes: [{ op: "move", from: "old.txt" }] });
    expect(parseMessage(eventSchema, eventTypes, `{"type":"files","revision":17,"reset":true,"changes":null}`)).toMatchObject({ changes: [] });
  });

  it("ignores unknown types, and refuses a known one of another shape", () => {
    expect(parseMessage(eventSchema, eventTypes, `{"type":"weather"}`)).toBeUndefined();
    expect(() => parseMessage(eventSchema, eventTypes, `{"type":"files","revision":"x"}`)).toThrow();
  });
});

describe("pageAfterSignIn", () => {
  it.each([
    ["?next=%2Fworkspace%2F%3Fid%3D1", "/workspace/?id=1"],
    ["?next=https%3A%2F%2Felsewhere", "/dashboard/"],
    ["?next=%2F%2Felsewhere", "/dashboard/"],
    ["?next=%2F%5Celsewhere", "/dashboard/"],
    ["", "/dashboard/"],
  ])("leads %s to %s", (search, page) => {
    expect(pageAfterSignIn(search)).toBe(page);
  });
});
