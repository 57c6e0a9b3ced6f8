import { describe, expect, it } from "vitest";
import { expand, expressionOf, pieceOf, replacedOf } from "@/features/search/preview";
import { rowsOf } from "@/features/search/rows";
import { Search, type SearchOptions } from "@/features/search/search";
import { Problem } from "@/lib/problem";
import { problemSchema } from "@/lib/schemas";
import { replaceBody, searchAnswerSchema, searchParams, type Match, type SearchQuery } from "@/lib/search";

const query = (more: Partial<SearchQuery> = {}): SearchQuery => ({ text: "two", regex: false, matchCase: false, word: false, include: "", exclude: "", ...more });

/** The match of a text in a line, as the server tells it. */
function match(preview: string, text: string): Match {
  const column = preview.indexOf(text) + 1;
  return { line: 3, column, end_line: 3, end_column: column + text.length, preview, preview_column: column };
}

const answerOf = (...paths: string[]) =>
  searchAnswerSchema.parse({ files: paths.map((path) => ({ path, revision: 1, matches: [match("one two", "two")] })), matches: paths.length, searched: 9 });

function make(more: Partial<SearchOptions> = {}) {
  const calls: { text: string; signal: AbortSignal; answer: (paths: string[]) => void; fail: (error: Error) => void }[] = [];
  const bodies: object[] = [];
  const search = new Search({
    session: "s",
    save: () => Promise.resolve([]),
    waitMs: 0,
    api: {
      search: (_, { text }, __, signal) =>
        new Promise((resolve, reject) => calls.push({ text, signal, answer: (paths) => resolve(answerOf(...paths)), fail: reject })),
      replace: (_, asked, replacement) => {
        bodies.push(replaceBody(asked, replacement));
        return Promise.resolve({ files: [], matches: 0, replaced: 0, truncated: false });
      },
    },
    ...more,
  });
  const called = async (count: number) => {
    await expect.poll(() => calls.length).toBe(count);
    const call = calls.at(-1);
    if (!call) throw new Error("no call");
    return call;
  };
  return { search, calls, bodies, called };
}

describe("Search", () => {
  it("searches when what is asked for changes, and tells what was found", async () => {
    const { search, called } = make();
    search.change({ text: "two" });
    const call = await called(1);
    expect(search.state.get().running).toBe(true);
    call.answer(["a", "b"]);
    const { answer, searched } = await search.state.when(({ running }) => !running);
    expect(answer?.files.map(({ path }) => path)).toEqual(["a", "b"]);
    expect(searched).toBe(search.query.get());
  });

  it("ends a search that nobody waits for, and does not take its answer", async () => {
    const { search, called } = make();
    search.change({ text: "tw" });
    const first = await called(1);
    search.change({ text: "two" });
    expect(first.signal.aborted).toBe(true);
    const second = await called(2);
    first.answer(["old"]);
    second.answer(["new"]);
    const { answer } = await search.state.when(({ running }) => !running);
    expect(answer?.files.map(({ path }) => path)).toEqual(["new"]);
  });

  it("begins with a text as it stands, in an expression too", () => {
    const { search } = make({ waitMs: 60_000 });
    search.ask({ text: "f(x)" });
    expect(search.query.get()).toMatchObject({ text: "f(x)", regex: false });
    search.change({ regex: true });
    search.ask({ text: "f(x)" });
    expect(search.query.get()).toMatchObject({ text: String.raw`f\(x\)`, regex: true });
    search.dispose();
  });

  it("has nothing when nothing is asked for", async () => {
    const { search, called } = make();
    search.change({ text: "two" });
    (await called(1)).answer(["a"]);
    await search.state.when(({ answer }) => answer !== null);
    search.clear();
    expect(search.state.get()).toMatchObject({ answer: null, running: false, error: "" });
  });

  it("tells the server's words, and the field that they are about", async () => {
    const { search, called } = make();
    search.change({ text: "(", regex: true });
    const errors = { q: "is no regular expression: missing closing ): `(`" };
    (await called(1)).fail(new Problem(problemSchema.parse({ status: 422, code: "invalid_input", detail: "q is none", errors })));
    const state = await search.state.when(({ error }) => error !== "");
    expect(state).toMatchObject({ field: "q", error: errors.q, answer: null, running: false });
  });

  it("replaces what was searched, in all files or in one", async () => {
    const { search, called, bodies } = make();
    search.change({ text: "two", include: "*.py, src/**" });
    (await called(1)).answer(["a", "b"]);
    await search.state.when(({ answer }) => answer !== null);
    search.replacement.set("three");
    await search.count();
    await search.replace("a");
    expect(bodies).toMatchObject([
      { q: "two", replacement: "three", include: ["*.py", "src/**"], exclude: [], dry_run: true },
      { q: "two", replacement: "three", paths: ["a"] },
    ]);
    expect(bodies[1]).not.toHaveProperty("dry_run");
    // What was replaced is searched again.
    await called(2);
    search.dispose();
  });

  it("replaces nothing in a file that could not be saved", async () => {
    const { search, called, bodies } = make({ save: () => Promise.resolve(["b"]) });
    search.change({ text: "two" });
    (await called(1)).answer(["a", "b"]);
    await search.state.when(({ answer }) => answer !== null);
    await expect(search.replace()).rejects.toThrow("Save or close first: b");
    await search.replace("a");
    expect(bodies).toHaveLength(1);
    search.dispose();
  });
});

describe("what is asked of the server", () => {
  it("names only what is set", () => {
    expect(searchParams(query(), 10).toString()).toBe("q=two&limit=10");
    expect(searchParams(query({ text: "a&b", regex: true, matchCase: true, word: true, include: "*.go", exclude: " " }), 10).toString()).toBe(
      "q=a%26b&limit=10&regex=1&case=1&word=1&include=*.go",
    );
  });
});

describe("rows", () => {
  it("are files and, unless folded, their matches", () => {
    const { files } = answerOf("a", "b");
    expect(rowsOf(files, new Set(["a"])).map(({ kind, file }) => `${kind} ${file.path}`)).toEqual(["file a", "file b", "match b"]);
  });
});

describe("the preview of a replacement", () => {
  it("shows the match in its line, from its first word", () => {
    expect(pieceOf(match("    one two three", "two"))).toEqual({ before: "one ", match: "two", after: " three" });
    const far = pieceOf(match(`${"x".repeat(100)} two`, "two"));
    expect(far.before).toHaveLength(17);
    expect(far.match).toBe("two");
    // Over more lines: to the end of what is shown.
    expect(pieceOf({ ...match("one two", "two"), end_line: 4, end_column: 2 }).match).toBe("two");
  });

  it("is the replacement itself for plain text, dollars and all", () => {
    expect(replacedOf(match("one two", "two"), query(), null, "$1")).toBe("$1");
  });

  it("fills in groups as the server does", () => {
    const of = (text: string, replacement: string, line = "call(one, two)", found = "one, two") => {
      const asked = query({ text, regex: true });
      return replacedOf(match(line, found), asked, expressionOf(asked), replacement);
    };
    expect(of(String.raw`(\w+), (\w+)`, "$2, $1")).toBe("two, one");
    expect(of(String.raw`(?P<a>\w+), (?P<b>\w+)`, "${b}_$a")).toBe("two_one");
    // The longest name counts: this is a group called 1x, which is none.
    expect(of(String.raw`(\w+), (\w+)`, "$1x")).toBe("");
    expect(of(String.raw`(\w+), (\w+)`, "$$1")).toBe("$1");
    expect(of("(?i)(ONE), two", "$1")).toBe("one");
  });

  it("is left open where the browser does not find that match", () => {
    const of = (text: string, more: Partial<Match> = {}) => {
      const asked = query({ text, regex: true });
      return replacedOf({ ...match("one two", "one two"), ...more }, asked, expressionOf(asked), "<$1>");
    };
    expect(of(String.raw`(\w+) (\w+)`)).toBe("<one>");
    // Lazy or not, here is another end than the server's.
    expect(of(String.raw`(\w+?)`)).toBeNull();
    // RE2's alone.
    expect(of(String.raw`(\pL+) \z`)).toBeNull();
    // Over more lines.
    expect(of(String.raw`(\w+) (\w+)`, { end_line: 4 })).toBeNull();
  });

  it("expands an unknown group to nothing", () => {
    const found = /(a)/.exec("a");
    expect(found && expand("${none}$9-$1", found)).toBe("-a");
  });
});
