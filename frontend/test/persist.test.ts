import { expect, test } from "vitest";
import { persistently, retryLoads } from "@/features/editor/persist";

test("what cannot be loaded is loaded again when there is reason to, until it is there", async () => {
  let away = true;
  let tries = 0;
  const loaded = persistently(() => {
    tries++;
    return away ? Promise.reject(new Error("away")) : Promise.resolve("colours");
  });
  const settled = () => new Promise((done) => setTimeout(done));
  await settled();
  retryLoads();
  await settled();
  expect(tries).toBe(2);
  away = false;
  await settled();
  expect(tries).toBe(2);
  retryLoads();
  expect(await loaded).toBe("colours");
  retryLoads();
  expect(tries).toBe(3);
});
