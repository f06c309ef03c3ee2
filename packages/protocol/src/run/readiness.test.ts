import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readSteps, type StepView } from "./readiness.ts";
import type { StepState } from "./run-states.ts";

type View = StepView & { readonly cutOff?: boolean };

/** `a:pending b:ready<a`: steps by name and state, with what they need behind `<`. A cut-off step ends in `!`. */
function steps(text: string): View[] {
  return text.split(" ").map((word) => {
    const [, name = "", state = "", cut = "", needs = ""] = /^(\w+):(\w+)(!?)<?(.*)$/.exec(word) ?? [];
    return { name, state: state as StepState, needs: needs === "" ? [] : needs.split(","), cutOff: cut === "!" };
  });
}

describe("readSteps", () => {
  it.each([
    ["a:pending b:pending<a", "a", "", "going"],
    ["a:pending b:pending", "a b", "", "going"],
    ["a:succeeded b:pending<a c:pending<b", "b", "", "going"],
    ["a:skipped b:pending<a", "b", "", "going"],
    ["a:succeeded b:running c:pending<a,b", "", "", "going"],
    ["a:ready b:pending<a", "", "", "going"],
    ["a:delayed", "", "", "going"],
    ["a:waiting b:pending<a", "", "", "going"],
    ["a:failed b:pending<a c:pending<b", "", "b c", "failed"],
    ["a:failed b:pending<a c:running", "", "b", "going"],
    ["a:cancelled b:pending<a", "", "b", "cancelled"],
    ["a:failed b:skipped!<a c:pending<b", "", "c", "failed"],
    ["a:failed b:pending", "b", "", "going"],
    ["a:failed b:cancelled", "", "", "failed"],
    ["a:succeeded b:cancelled", "", "", "cancelled"],
    ["a:succeeded b:skipped", "", "", "succeeded"],
    ["a:failed b:skipped!<a c:succeeded", "", "", "failed"],
    ["a:pending<gone", "", "", "going"],
  ])("reads %s", (text, ready, unreachable, outcome) => {
    const reading = readSteps(steps(text));

    expect([reading.ready.join(" "), reading.unreachable.join(" "), reading.outcome]).toEqual([
      ready,
      unreachable,
      outcome,
    ]);
  });

  it("never leaves a plan where nothing works, nothing waits and nothing can begin", () => {
    const state = fc.constantFrom<StepState>(
      "pending",
      "pending",
      "pending",
      "succeeded",
      "failed",
      "skipped",
      "cancelled",
    );
    const drawn = fc.array(fc.tuple(state, fc.array(fc.boolean(), { maxLength: 8 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(drawn, (rows) => {
        const views = rows.map(([at, needs], index) => ({
          name: `s${index}`,
          state: at,
          needs: needs.slice(0, index).flatMap((isNeeded, need) => (isNeeded ? [`s${need}`] : [])),
        }));

        const { ready, unreachable, outcome } = readSteps(views);

        expect(ready.length > 0).toBe(outcome === "going");
        expect(new Set([...ready, ...unreachable]).size).toBe(ready.length + unreachable.length);
      }),
    );
  });
});
