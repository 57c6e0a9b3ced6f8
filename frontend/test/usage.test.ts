import { describe, expect, it } from "vitest";
import { cpuText, memoryText, type Look } from "@/features/workspace/usage";
import { bareReason, sentence } from "@/lib/format";

const look = (at: number, cpu: number, since = "a"): Look => ({
  at, since, environment: { limits: "", memory_bytes: 0, memory_limit_bytes: 0, cpu_seconds: cpu },
});

describe("what an environment uses", () => {
  it.each([
    ["nothing was seen before", null, look(1000, 5), ""],
    ["half a core", look(1000, 5), look(3000, 6), "CPU 50 %"],
    ["two cores", look(1000, 5), look(2000, 7), "CPU 200 %"],
    ["nothing runs", look(1000, 5), look(2000, 5), "CPU 0 %"],
    ["processes that ended took their times along", look(1000, 5), look(2000, 4), "CPU 0 %"],
    ["it was started again", look(1000, 5), look(2000, 6, "b"), ""],
    ["no time has passed", look(1000, 5), look(1000, 6), ""],
  ])("CPU: %s", (_, before, now, want) => {
    expect(cpuText(before, now)).toBe(want);
  });

  it.each([
    [0, 0, ""],
    [0, 512 << 20, ""],
    [120 << 20, 0, "120 MB"],
    [120 << 20, 512 << 20, "120 MB of 512 MB"],
  ])("memory: %i of %i", (used, most, want) => {
    expect(memoryText({ at: 0, since: "", environment: { limits: "", memory_bytes: used, memory_limit_bytes: most, cpu_seconds: 0 } })).toBe(want);
  });
});

describe("a phase's reason", () => {
  it.each([
    ["stopped: nobody used it for 2h", "Nobody used it for 2h."],
    ["Waiting: you have 1 session running", "You have 1 session running."],
    ["Waiting for room: 3 sessions run here", "3 sessions run here."],
    ["out of memory: the limit is 2 GiB", "Out of memory: the limit is 2 GiB."],
    ["Is it so?", "Is it so?"],
  ])("%s", (reason, want) => {
    expect(sentence(bareReason(reason))).toBe(want);
  });
});
