import { describe, expect, it } from "vitest";

import { keyOf, membersOf, parseStat } from "./process-tree.ts";
import type { MarkedEntry, TreeRoot } from "./process-tree.ts";

function entry(pid: number, parent: number, more: Partial<MarkedEntry> = {}): MarkedEntry {
  return { pid, parent, group: pid, session: pid, startTime: 1_000 + pid, isMarked: false, ...more };
}

function rootOf(pid: number, known: readonly string[] = []): TreeRoot {
  return { pid, startTime: 1_000 + pid, marker: "SESSION=1", known: new Set(known) };
}

function pidsOf(root: TreeRoot, table: readonly MarkedEntry[], self = 50): number[] {
  return membersOf(root, table, self).map(({ pid }) => pid);
}

describe("membersOf", () => {
  it("takes the first process, its session and group, and all below them", () => {
    const table = [
      entry(50, 1),
      entry(100, 50),
      entry(101, 100),
      entry(102, 1, { session: 100 }),
      entry(103, 102),
      entry(200, 50),
    ];

    expect(pidsOf(rootOf(100), table)).toEqual([100, 101, 102, 103]);
  });

  it("takes who carries the marker, or was known before, when the parent is gone", () => {
    const stray = entry(300, 1);
    const table = [entry(50, 1), entry(200, 1, { isMarked: true }), entry(201, 200), stray];

    expect(pidsOf(rootOf(100), table)).toEqual([200, 201]);
    expect(pidsOf(rootOf(100, [keyOf(stray)]), table)).toEqual([200, 201, 300]);
  });

  it("takes nobody for the sake of a number that was used again", () => {
    const table = [entry(50, 1), entry(100, 1, { startTime: 9_999 }), entry(101, 100, { session: 100 })];

    expect(pidsOf(rootOf(100), table)).toEqual([]);
  });

  it("never takes this process, or one that it stems from", () => {
    const table = [
      entry(1, 0),
      entry(40, 1, { isMarked: true }),
      entry(50, 40, { isMarked: true }),
      entry(60, 50, { isMarked: true }),
    ];

    expect(pidsOf(rootOf(100), table)).toEqual([60]);
    expect(pidsOf({ ...rootOf(0), startTime: 1_000 }, table)).toEqual([60]);
  });
});

describe("parseStat", () => {
  it("reads a name with spaces and parentheses", () => {
    const stat = "12 (a ) (b) S 3 4 5 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 7 0 777 1 2";

    expect(parseStat(stat)).toEqual({ pid: 12, parent: 3, group: 4, session: 5, startTime: 777, isZombie: false });
    expect(parseStat("")).toBeUndefined();
  });
});
