import { describe, expect, it } from "vitest";

import type { ProcessEntry } from "../process/process-table.ts";
import { markedOnly } from "./kill-marked.ts";

const entry = (pid: number, parent: number, more: Partial<ProcessEntry> = {}): ProcessEntry => ({
  pid,
  parent,
  group: 0,
  session: 0,
  startTime: pid,
  attemptId: undefined,
  isZombie: false,
  ...more,
});

describe("markedOnly", () => {
  it("shows marked processes and their descendants, and nothing of session 0 or of other attempts", () => {
    const table = [
      entry(1, 0),
      entry(2, 0),
      entry(3, 2),
      entry(50, 1),
      entry(60, 50, { attemptId: "att_a" }),
      entry(61, 60),
      entry(62, 61),
      entry(70, 50, { attemptId: "att_b" }),
      entry(71, 70),
    ];

    expect(markedOnly(table, "att_a").map(({ pid }) => pid)).toEqual([60, 61, 62]);
    expect(markedOnly(table, "att_c")).toEqual([]);
  });

  it("never shows init or this process, whatever their environment says", () => {
    const table = [entry(1, 0, { attemptId: "att_a" }), entry(process.pid, 1, { attemptId: "att_a" }), entry(80, 1)];

    expect(markedOnly(table, "att_a")).toEqual([]);
  });
});
