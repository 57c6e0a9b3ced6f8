import { describe, expect, it } from "vitest";
import { emptyGroup, keepTab, moveTab, pinTab, removeTab, several, showTab, type Group } from "@/features/editor/groups";
import { placeAt, readDrag } from "@/features/editor/tab-drag";

function group(tabs: string, active = "", pins = 0): Group<string> {
  const all = Array.from(tabs);
  return { id: 1, tabs: all, active: active || (all.at(-1) ?? null), preview: null, pinned: new Set(all.slice(0, pins)) };
}
const order = ({ tabs }: Group<string>) => tabs.join("");

describe("groups of tabs", () => {
  it("open beside the tab that is shown", () => {
    expect(order(showTab(group("abc", "a"), "x", false).group)).toBe("axbc");
    expect(order(showTab(emptyGroup<string>(1), "x", false).group)).toBe("x");
    expect(order(showTab(group("abc", "a", 2), "x", false).group)).toBe("abxc");
  });

  it("replace what was only looked at", () => {
    const first = showTab(group("ab", "a"), "x", true).group;
    const second = showTab(first, "y", true);
    expect([order(second.group), second.replaced, second.group.preview]).toEqual(["ayb", "x", "y"]);
    // Looking at a file that is open leaves the preview alone.
    expect(showTab(second.group, "b", true)).toMatchObject({ replaced: null, group: { preview: "y", active: "b" } });
    // Opening it for good keeps it, and so does keeping it.
    expect(showTab(second.group, "y", false).group.preview).toBeNull();
    expect(keepTab(second.group, "y").preview).toBeNull();
    expect(order(showTab(keepTab(second.group, "y"), "z", true).group)).toBe("ayzb");
  });

  it("show a neighbour of what is closed", () => {
    expect(removeTab(group("abc", "b"), "b").active).toBe("c");
    expect(removeTab(group("abc", "c"), "c").active).toBe("b");
    expect(removeTab(group("a"), "a").active).toBeNull();
  });

  it("keep pinned tabs in front", () => {
    const pinned = pinTab(pinTab(group("abcd"), "c", true), "d", true);
    expect([order(pinned), [...pinned.pinned].join("")]).toEqual(["cdab", "cd"]);
    expect(order(moveTab(pinned, "a", 0))).toBe("cdab");
    expect(order(moveTab(pinned, "c", 3))).toBe("dcab");
    expect(order(pinTab(pinned, "c", false))).toBe("dcab");
    expect(order(moveTab(group("abc"), "a", 2))).toBe("bca");
    expect(order(moveTab(group("abc"), "c", -1))).toBe("cab");
  });

  it.each([
    ["others", "bd"],
    ["right", "d"],
    ["saved", "bd"],
    ["all", "abcd"],
  ] as const)("close %s", (which, closed) => {
    // a is pinned, c is not saved.
    expect(several(group("abcd", "c", 1), "c", which, (tab) => tab !== "c").join("")).toBe(closed);
  });
});

describe("a dragged tab", () => {
  it("lands before the box whose middle it has not passed", () => {
    const boxes = [{ left: 0, width: 100 }, { left: 100, width: 100 }];
    expect([10, 60, 149, 151, 900].map((x) => placeAt(boxes, x))).toEqual([0, 1, 1, 2, 2]);
  });
  it("is read only if it is one", () => {
    expect(readDrag("1 12")).toEqual({ group: 1, document: 12 });
    expect([readDrag(""), readDrag("1"), readDrag("<b> 1")]).toEqual([null, null, null]);
  });
});
