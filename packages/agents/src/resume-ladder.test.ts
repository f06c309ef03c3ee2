import { describe, expect, it } from "vitest";

import { AgentError } from "./errors.ts";
import { agentLimits } from "./limits.ts";
import { climb, rungsOf } from "./resume-ladder.ts";
import type { Rung } from "./resume-ladder.ts";

const limits = agentLimits();
const resume = { nativeSessionId: "n1", transcript: [{ role: "user", text: "my name is Ida" }] } as const;

describe("rungsOf", () => {
  it.each([
    [undefined, true, ["fresh"]],
    [resume, true, ["loaded", "bootstrapped"]],
    [{ nativeSessionId: "n1" }, true, ["loaded", "fresh"]],
    [{ nativeSessionId: "n1", transcript: [] }, true, ["loaded", "fresh"]],
    [resume, false, ["bootstrapped"]],
    [{ nativeSessionId: "n1" }, false, ["fresh"]],
  ])("of %j, where loading is possible: %s, are %j", (spec, canLoad, rungs) => {
    expect(rungsOf(spec, canLoad, limits).map(({ resumed }) => resumed)).toEqual(rungs);
  });

  it("says why a conversation is not even tried", () => {
    expect(rungsOf(resume, false, limits)).toMatchObject([
      { resumeFailure: "this agent does not load conversations", preface: expect.stringContaining("Ida") as string },
    ]);
  });
});

describe("climb", () => {
  const rungs = rungsOf(resume, true, limits);

  it("takes the first way that works", async () => {
    await expect(climb(rungs, ({ resumed }) => Promise.resolve(resumed))).resolves.toBe("loaded");
  });

  it.each(["HANDSHAKE_FAILED", "HANDSHAKE_TIMEOUT"] as const)("goes on after %s, and tells why", async (code) => {
    const start = (rung: Rung) =>
      rung.load === undefined ? Promise.resolve(rung) : Promise.reject(new AgentError(code, "it is gone"));

    await expect(climb(rungs, start)).resolves.toMatchObject({ resumed: "bootstrapped", resumeFailure: "it is gone" });
  });

  it.each([new AgentError("SPAWN_FAILED", "no such program"), new Error("a bug")])(
    "does not go on after %s",
    async (error) => {
      const tried: string[] = [];

      const climbing = climb(rungs, ({ resumed }) => {
        tried.push(resumed);
        return Promise.reject(error);
      });

      await expect(climbing).rejects.toBe(error);
      expect(tried).toEqual(["loaded"]);
    },
  );

  it("fails as the last way does", async () => {
    const climbing = climb(rungs, ({ resumed }) => Promise.reject(new AgentError("HANDSHAKE_FAILED", resumed)));

    await expect(climbing).rejects.toThrow("bootstrapped");
  });
});
