import { describe, expect, it } from "vitest";
import { candidate, findBest, fit } from "@/features/quick/fuzzy";

const path = (text: string) => ({ text, candidate: candidate(text, text.lastIndexOf("/") + 1) });
const best = (query: string, ...paths: string[]) => findBest(query, paths.map(path), 10).found.map(({ value }) => value.text);
/** The text with what was found in brackets. */
const marked = (query: string, text: string) => {
  const found = fit(query, path(text).candidate);
  return found && text.split("").map((char, index) => (found.at.includes(index) ? `[${char}]` : char)).join("");
};

describe("fit", () => {
  it("finds characters in their order, in any case", () => {
    expect(marked("wsp", "workspace-page")).toBe("[w]ork[s]pace-[p]age");
    expect(marked("MAIN", "main.py")).toBe("[m][a][i][n].py");
    expect(marked("xyz", "main.py")).toBeNull();
    expect(marked("nm", "main")).toBeNull();
    expect(marked("mm", "main")).toBeNull();
  });

  it("prefers one piece, beginnings of words and the name", () => {
    expect(marked("page", "p/a/g/e/page.ts")).toBe("p/a/g/e/[p][a][g][e].ts");
    expect(marked("main", "domain/main.go")).toBe("domain/[m][a][i][n].go");
    expect(marked("fs", "features/fileStore")).toBe("features/[f]ile[S]tore");
    expect(marked("src/ma", "src/lib/main.ts")).toBe("[s][r][c]/lib[/][m][a]in.ts");
  });

  it("takes each word by itself, in any order", () => {
    expect(marked("page work", "workspace/page.ts")).toBe("[w][o][r][k]space/[p][a][g][e].ts");
    expect(marked("page none", "workspace/page.ts")).toBeNull();
  });

  it("keeps places where lower case has another length", () => {
    expect(marked("bc", "İİbc")).toBe("İİ[b][c]");
  });

  it("finds a text in itself, whatever it is made of", () => {
    const alphabet = "ab/-_. Az09éİ😀<>&";
    let state = 7;
    const next = (below: number) => (state = (state * 48_271) % 2_147_483_647) % below;
    for (let round = 0; round < 500; round++) {
      const text = Array.from({ length: 1 + next(40) }, () => alphabet.charAt(next(alphabet.length))).join("");
      const query = text.split("").filter(() => next(3) === 0).join("");
      const found = fit(query, candidate(text, text.lastIndexOf("/") + 1));
      expect(found, `${query} in ${text}`).not.toBeNull();
      const { lower } = candidate(text);
      const words = candidate(query).lower.split(/\s+/).filter(Boolean);
      // Every word is there, at the places that are told.
      const told = (found?.at ?? []).map((index) => lower.charAt(index)).join("");
      for (const word of words) expect(fit(word, candidate(told)), `${word} in ${told} of ${text}`).not.toBeNull();
      if (words.length === 1) expect(told).toBe(words[0]);
    }
  });
});

describe("findBest", () => {
  it("puts the best first", () => {
    expect(best("main", "src/domain.py", "src/main.py", "docs/maintenance/x.md")).toEqual(["src/main.py", "src/domain.py", "docs/maintenance/x.md"]);
    expect(best("test", "a/contest.go", "test.go", "t/e/s/t.go")[0]).toBe("test.go");
    expect(best("ep", "editor-pane.tsx", "deep/keep.ts", "reports/x")[0]).toBe("editor-pane.tsx");
  });

  it("gives a bounded number and the count of all; nothing typed fits all", () => {
    const paths = Array.from({ length: 500 }, (_, index) => path(`file-${index}.txt`));
    expect(findBest("file", paths, 10)).toMatchObject({ count: 500, found: { length: 10 } });
    expect(findBest("", paths, 10)).toMatchObject({ count: 500, found: { length: 10 } });
    expect(findBest(" ", paths, 10).found[0]?.value.text).toBe("file-0.txt");
  });

  it("favours what it is told to", () => {
    const paths = [path("a/main.py"), path("b/main.py")];
    expect(findBest("main", paths, 1, ({ text }) => (text === "b/main.py" ? 5 : 0)).found[0]?.value.text).toBe("b/main.py");
  });

  it("still finds beyond the budget of exact scores, with the places told", () => {
    const folder = "node_modules/some-package/dist/generated/modules/".repeat(4);
    const paths = Array.from({ length: 20_000 }, (_, index) => path(`${folder}module${index}.js`));
    const { count, found } = findBest("node_modules/some-package/module1", paths, 5);
    expect(count).toBeGreaterThan(10_000);
    for (const { value, at } of found) expect(at.map((index) => value.text.charAt(index)).join("")).toBe("node_modules/some-package/module1");
  });
});
