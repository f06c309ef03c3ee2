import { describe, expect, it } from "vitest";

import { ATTEMPT_TRANSITIONS, GATE_TRANSITIONS, RUN_TRANSITIONS, STEP_TRANSITIONS } from "./run/run-states.ts";
import { RUNNER_TRANSITIONS } from "./runner/runner-states.ts";
import { isFinal, nextState, type TransitionTable } from "./transition-table.ts";

const TABLES: readonly (readonly [noun: string, table: TransitionTable, start: string])[] = [
  ["run", RUN_TRANSITIONS, "queued"],
  ["step", STEP_TRANSITIONS, "pending"],
  ["attempt", ATTEMPT_TRANSITIONS, "leased"],
  ["gate", GATE_TRANSITIONS, "pending"],
  ["runner", RUNNER_TRANSITIONS, "pending"],
];

/** Every state that moves lead to from one. */
function reachable(table: TransitionTable, from: string): Set<string> {
  const found = new Set([from]);
  for (const state of found) for (const to of Object.values(table[state] ?? {})) found.add(to);
  return found;
}

describe.each(TABLES)("the life of a %s", (_, table, start) => {
  it("has no arrow to a state that is not in it", () => {
    const targets = Object.values(table).flatMap((moves) => Object.values(moves));

    expect(targets.filter((target) => !Object.hasOwn(table, target))).toEqual([]);
  });

  it("can end from every state", () => {
    const stuck = Object.keys(table).filter((state) => ![...reachable(table, state)].some((to) => isFinal(table, to)));

    expect(stuck).toEqual([]);
  });

  it("leads to every state from its first", () => {
    expect([...reachable(table, start)].toSorted()).toEqual(Object.keys(table).toSorted());
  });
});

describe("nextState", () => {
  it.each([
    ["queued", "start", "running"],
    ["queued", "succeed", undefined],
    ["succeeded", "cancel", undefined],
  ] as const)("takes a run that is %s by %s to %s", (state, move, to) => {
    expect(nextState(RUN_TRANSITIONS, state, move)).toBe(to);
  });

  it.each(["toString", "__proto__", "constructor", "hasOwnProperty"])("knows no move of the name %s", (name) => {
    const table: TransitionTable = RUN_TRANSITIONS;

    expect(nextState(table, "queued", name)).toBeUndefined();
    expect(nextState(table, name, "start")).toBeUndefined();
  });
});
