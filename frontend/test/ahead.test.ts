import { describe, expect, it } from "vitest";
import { ahead } from "@/lib/ahead";

describe("ahead", () => {
  it("begins at once, and reads anew from the second call on", async () => {
    let reads = 0;
    const read = ahead(() => Promise.resolve(++reads));
    expect(reads).toBe(1);
    expect([await read(), await read(), await read()]).toEqual([1, 2, 3]);
  });

  it("reads anew what failed before it was asked for", async () => {
    let reads = 0;
    const read = ahead(() => (++reads === 1 ? Promise.reject(new Error("too early")) : Promise.resolve(reads)));
    expect(await read()).toBe(2);
  });

  it("fails as the second reading does", async () => {
    const read = ahead(() => Promise.reject(new Error("away")));
    await expect(read()).rejects.toThrow("away");
  });
});
