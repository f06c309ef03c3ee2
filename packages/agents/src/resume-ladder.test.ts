import { describe, expect, it, vi } from "vitest";

import type { ResumeSpec } from "./agent-session.ts";
import { AgentError } from "./errors.ts";
import { agentLimits } from "./limits.ts";
import { climb, rungsOf, standOn } from "./resume-ladder.ts";
import type { Rung } from "./resume-ladder.ts";

const limits = agentLimits();
const resume = { nativeSessionId: "n1", transcript: [{ role: "user", text: "my name is Ida" }] } as const;

describe("rungsOf", () => {
  it.each([
    [undefined, true, ["fresh"]],
    [resume, true, ["loaded", "bootstrapped"]],
    [{ nativeSessionId: "n1" }, true, ["loaded", "fresh"]],
    [{ nativeSessionId: "n1", transcript: [] }, true, ["loaded", "bootstrapped"]],
    [{ transcript: [] }, true, ["bootstrapped"]],
    [resume, false, ["bootstrapped"]],
    [{ nativeSessionId: "n1" }, false, ["fresh"]],
  ])("of %j, where loading is possible: %s, are %j", (spec, canLoad, rungs) => {
    expect(rungsOf(spec, canLoad).map(({ resumed }) => resumed)).toEqual(rungs);
  });

  it.each([
    [resume, false, "not loaded: this agent does not load conversations"],
    [{}, true, "not loaded: its name is not known"],
  ])("say why a conversation is not even tried", (spec, canLoad, resumeFailure) => {
    expect(rungsOf(spec, canLoad)).toMatchObject([{ load: undefined, resumeFailure }]);
  });
});

describe("climb", () => {
  const rungs = rungsOf(resume, true);

  it("takes the first way that works", async () => {
    await expect(climb(rungs, ({ resumed }) => Promise.resolve(resumed))).resolves.toBe("loaded");
  });

  it.each(["HANDSHAKE_FAILED", "HANDSHAKE_TIMEOUT"] as const)("goes on after %s, and tells why", async (code) => {
    const start = (rung: Rung) =>
      rung.load === undefined ? Promise.resolve(rung) : Promise.reject(new AgentError(code, "it is gone"));

    await expect(climb(rungs, start)).resolves.toMatchObject({
      resumed: "bootstrapped",
      resumeFailure: "not loaded: it is gone",
    });
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

describe("standOn", () => {
  const told = (transcript: Required<ResumeSpec>["transcript"]) => {
    const [rung] = rungsOf({ transcript }, true);
    if (!rung) throw new Error("no way to begin");
    return standOn(rung, limits);
  };

  it.each([
    ["what is there", resume.transcript],
    ["what is read only now", () => Promise.resolve(resume.transcript)],
  ])("tells of %s", async (_, transcript) => {
    const foothold = await told(transcript);

    expect(foothold).toMatchObject({ resumed: "bootstrapped", preface: expect.stringContaining("Ida") as string });
  });

  it.each([
    ["nothing is on record", () => Promise.resolve([]), "nothing of it is on record"],
    ["the record cannot be read", () => Promise.reject(new Error("gone")), "its record cannot be read: gone"],
  ])("begins anew where %s, and says why all before failed", async (_, transcript, why) => {
    const foothold = await told(transcript);

    const resumeFailure = `not loaded: its name is not known; not told of it: ${why}`;
    expect(foothold).toEqual({ resumed: "fresh", resumeFailure, preface: undefined });
  });

  it("reads no record for a conversation that is loaded", async () => {
    const transcript = vi.fn<() => Promise<[]>>(() => Promise.resolve([]));
    const [rung] = rungsOf({ nativeSessionId: "n1", transcript }, true);

    const foothold = rung && (await standOn(rung, limits));

    expect(foothold?.resumed).toBe("loaded");
    expect(transcript).not.toHaveBeenCalled();
  });
});
