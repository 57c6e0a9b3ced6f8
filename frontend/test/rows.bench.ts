import { bench, describe } from "vitest";
import { visibleRows } from "@/features/files/rows";
import { treeOf } from "@/features/files/tree";
import { changeSchema, itemSchema } from "@/lib/schemas";

// `npx vitest bench`: what a folder of 50,000 files costs the tree.

const items = [
  itemSchema.parse({ name: "big", path: "big", type: "folder" }),
  ...Array.from({ length: 50_000 }, (_, index) => itemSchema.parse({ name: `file ${index}.txt`, path: `big/file ${index}.txt`, type: "file" })),
];
const open = new Set(["big"]);

describe("50,000 files in one folder", () => {
  bench("listed and opened for the first time", () => {
    visibleRows(treeOf(items), open).slice(0, 60);
  });
  let tree = treeOf(items);
  let revision = 0;
  bench("one change, and the rows of a window", () => {
    tree = tree.with([changeSchema.parse({ op: "put", path: `big/new ${revision++ % 100}.txt`, type: "file" })]);
    visibleRows(tree, open).slice(30_000, 30_060);
  });
});
