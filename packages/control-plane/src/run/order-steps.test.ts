import { StepSchema, type Step, type StepInput } from "@signalbox/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { command } from "../../test/_support/rig.ts";
import { orderSteps } from "./order-steps.ts";

function stepsOf(...steps: readonly (StepInput | string)[]): Step[] {
  return steps.map((step) => StepSchema.parse(typeof step === "string" ? command(step) : step));
}

function after(name: string, ...needs: string[]): StepInput {
  return command(name, { needs });
}

function order(...steps: readonly (StepInput | string)[]): string {
  return orderSteps(stepsOf(...steps))
    .map(({ name, needs }) => `${name}(${needs.join(",")})`)
    .join(" ");
}

describe("orderSteps", () => {
  it.each([
    ["a list as a chain", ["a", "b", "c"], "a() b(a) c(b)"],
    ["steps that need nothing as they stand", [after("a"), after("b")], "a() b()"],
    [
      "what is needed first, whatever is written first",
      [after("c", "a", "b"), after("b", "a"), after("a")],
      "a() b(a) c(a,b)",
    ],
    ["a need named twice once", [after("a"), after("b", "a", "a")], "a() b(a)"],
    ["the same step written twice as one", ["a", after("b", "a"), after("b", "a")], "a() b(a)"],
  ])("puts %s", (_, steps, ordered) => {
    expect(order(...steps)).toBe(ordered);
  });

  it.each([
    [
      "two different steps of one name",
      [command("a"), command("a", { timeoutMs: 500 })],
      'two steps are called "a"',
      "plan.steps[1].name",
    ],
    [
      "a name that stands twice after a repetition",
      [after("a"), after("a"), after("b"), after("b", "a")],
      'two steps are called "b"',
      "plan.steps[3].name",
    ],
    [
      "a need that is not there",
      ["a", after("b", "x")],
      'step "b" needs "x", which is not in the plan',
      "plan.steps[1].needs",
    ],
    ["a step that needs itself", [after("a", "a")], 'step "a" needs itself', "plan.steps[0].needs"],
    [
      "a circle",
      [after("a"), after("b", "d"), after("c", "b"), after("d", "c")],
      "the steps need each other in a circle: b → d → c → b",
      "plan.steps",
    ],
  ])("refuses %s", (_, steps, message, path) => {
    expect(() => order(...steps)).toThrow(
      expect.objectContaining({ code: "INVALID_PLAN", message, details: { issues: [{ path, message }] } }),
    );
  });

  it("puts every step after all that it needs, and keeps every step", () => {
    const plans = fc
      .array(fc.tuple(fc.array(fc.nat(), { maxLength: 3 }), fc.nat()), { maxLength: 12 })
      .map((drafts) => {
        const steps = drafts.map(([needs], index) =>
          after(`s${index}`, ...(index === 0 ? [] : needs.map((need) => `s${need % index}`))),
        );
        return steps.toSorted(
          (a, b) => (drafts[Number(a.name.slice(1))]?.[1] ?? 0) - (drafts[Number(b.name.slice(1))]?.[1] ?? 0),
        );
      });

    fc.assert(
      fc.property(plans, (plan) => {
        const ordered = orderSteps(stepsOf(...plan));
        const place = new Map(ordered.map(({ name }, index) => [name, index]));
        expect([...place.keys()].toSorted()).toEqual(plan.map(({ name }) => name).toSorted());
        for (const { name, needs } of ordered)
          for (const need of needs) expect(place.get(need)).toBeLessThan(place.get(name) ?? -1);
      }),
    );
  });
});
