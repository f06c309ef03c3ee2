import { describe, expect, it } from "vitest";
import type { ProcessEntry } from "./process-table.ts";
import { keyOf, lostTree, membersOf, politeTargets } from "./process-tree.ts";

const root = { attemptId: "att_1", pid: 100, startTime: 5, known: new Set<string>() };

const entry = (pid: number, fields: Partial<ProcessEntry> = {}): ProcessEntry => ({
  pid,
  parent: 1,
  group: pid,
  session: pid,
  startTime: 5,
  isZombie: false,
  attemptId: undefined,
  ...fields,
});

const pids = (entries: readonly ProcessEntry[]) => entries.map(({ pid }) => pid);

describe("membersOf", () => {
  it("finds members by marker, session, group and descent, and nobody else", () => {
    const table = [
      entry(100),
      entry(101, { session: 100 }),
      entry(102, { group: 100 }),
      entry(103, { attemptId: "att_1" }),
      entry(104, { parent: 103 }),
      entry(105, { parent: 104 }),
      entry(106),
      entry(107, { attemptId: "att_2" }),
    ];

    expect(pids(membersOf(root, table))).toEqual([100, 101, 102, 103, 104, 105]);
  });

  it("goes on knowing a process that has lost all that told it apart", () => {
    const wiped = entry(101, { parent: 100 });
    const known = new Set(membersOf(root, [entry(100), wiped]).map(keyOf));

    const members = membersOf({ ...root, known }, [{ ...wiped, parent: 1 }, entry(102)]);

    expect(pids(members)).toEqual([101]);
  });

  it("leaves a stranger alone that got the first process's number", () => {
    const stranger = entry(100, { startTime: 9 });

    expect(membersOf(root, [stranger, entry(101, { session: 100, parent: 100 })])).toEqual([]);
  });

  it.each([0, 1, -1])("shows nobody to the killer for the number %i, which no first process has", (pid) => {
    const table = [
      entry(1, { parent: 0, session: 0, group: 0 }),
      entry(50, { session: 0 }),
      entry(60, { session: 1, group: 1 }),
    ];

    expect(membersOf({ ...root, pid, startTime: undefined }, table)).toEqual([]);
  });

  it("never counts this process or those that it stems from, even under the attempt's marker", () => {
    const table = [
      entry(40, { attemptId: "att_1" }),
      entry(50, { parent: 40, attemptId: "att_1" }),
      entry(60, { parent: 50 }),
      entry(70, { parent: 40 }),
    ];

    expect(pids(membersOf(root, table, 50))).toEqual([]);
  });

  it("finds the processes of a lost attempt by their marker only", () => {
    const table = [
      entry(1, { parent: 0, session: 0, group: 0 }),
      entry(101, { attemptId: "att_1" }),
      entry(102, { parent: 101 }),
    ];

    expect(pids(membersOf(lostTree("att_1"), table))).toEqual([101, 102]);
  });
});

describe("politeTargets", () => {
  const members = [entry(100), entry(101, { parent: 100 }), entry(102, { parent: 101 }), entry(103, { parent: 102 })];

  it("reaches every process where there is no supervisor", () => {
    expect(pids(politeTargets(root, members, 0))).toEqual([100, 101, 102, 103]);
  });

  it("spares the supervisors, whose end would be the end of all", () => {
    expect(pids(politeTargets(root, members, 2))).toEqual([102, 103]);
  });

  it("reaches the supervisors while they are alone", () => {
    expect(pids(politeTargets(root, members.slice(0, 2), 2))).toEqual([100, 101]);
  });
});
