import { describe, expect, it } from "vitest";

import { isFinal, nextState } from "../transition-table.ts";
import { APPROVAL_TRANSITIONS, SESSION_TRANSITIONS, type SessionState } from "./session-states.ts";

describe("SESSION_TRANSITIONS", () => {
  it("has every arrow of the diagram of seed 001", () => {
    const arrows = [
      ["CREATED", "queue"],
      ["QUEUED", "start"],
      ["RUNNING", "complete"],
      ["RUNNING", "ask"],
      ["WAITING_FOR_APPROVAL", "answer"],
      ["RUNNING", "pause"],
      ["PAUSED_BY_HUMAN", "resume"],
      ["RUNNING", "fail"],
      ["RUNNING", "expire"],
    ] as const;

    const led = arrows.map(([from, move]) => nextState(SESSION_TRANSITIONS, from, move));

    expect(led).toEqual([
      "QUEUED",
      "RUNNING",
      "COMPLETED",
      "WAITING_FOR_APPROVAL",
      "RUNNING",
      "PAUSED_BY_HUMAN",
      "RUNNING",
      "FAILED",
      "TIMED_OUT",
    ]);
  });

  it("lets an approval be asked for before a runner has begun", () => {
    expect(nextState(SESSION_TRANSITIONS, "QUEUED", "ask")).toBe("WAITING_FOR_APPROVAL");
  });

  it("has three states that nothing leaves, and a way out of every other", () => {
    const states = Object.keys(SESSION_TRANSITIONS) as SessionState[];

    expect(states.filter((state) => isFinal(SESSION_TRANSITIONS, state))).toEqual(["COMPLETED", "FAILED", "TIMED_OUT"]);
    for (const state of states.filter((each) => !isFinal(SESSION_TRANSITIONS, each))) {
      expect(nextState(SESSION_TRANSITIONS, state, "fail")).toBe("FAILED");
      expect(nextState(SESSION_TRANSITIONS, state, "expire")).toBe("TIMED_OUT");
    }
  });
});

describe("APPROVAL_TRANSITIONS", () => {
  it("counts one answer and no second", () => {
    for (const state of ["allowed", "denied", "expired", "superseded"] as const) {
      expect(isFinal(APPROVAL_TRANSITIONS, state)).toBe(true);
    }
  });
});
