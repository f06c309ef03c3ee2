import { CreateRunRequestSchema, foldRun, nextState, readSteps, RUN_TRANSITIONS } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

describe("the program in the README", () => {
  it("reads a request, asks a table, reads steps and folds events", () => {
    const request = CreateRunRequestSchema.parse({
      plan: {
        goal: "Ship it",
        steps: [
          { name: "test", tool: "gate:test" },
          { name: "ship", tool: "deploy:production" },
        ],
      },
    });

    expect(request.plan?.steps[0]?.timeoutMs).toBe(3_600_000);
    expect(nextState(RUN_TRANSITIONS, "queued", "start")).toBe("running");
    expect(nextState(RUN_TRANSITIONS, "succeeded", "cancel")).toBeUndefined();
    expect(readSteps([{ name: "test", needs: [], state: "pending" }]).ready).toEqual(["test"]);
    expect(foldRun([]).state).toBeUndefined();
  });
});
