import { RequestError } from "@agentclientprotocol/sdk";
import { describe, expect, it } from "vitest";

import { acpFailure, failureOfStop, soundsLikeFailure } from "./acp-failure.ts";

describe("acpFailure", () => {
  it.each([
    [new RequestError(429, "slow down"), "rate_limited", 429],
    [new RequestError(-32_603, "Internal error", { httpStatus: 500 }), "server_error", 500],
    [new RequestError(-32_603, "Internal error", { status: 429, details: "quota" }), "rate_limited", 429],
    [new RequestError(-32_603, "request failed with status 503"), "overloaded", 503],
    [new RequestError(-32_000, "Authentication required"), "authentication", undefined],
    [new RequestError(-32_603, "boom", { status: "INTERNAL" }), "agent_error", undefined],
    [new RequestError(-32_603, "line 429 is wrong"), "agent_error", undefined],
    [new Error("gone"), "agent_error", undefined],
  ])("says of %s that it is %s", (error, code, httpStatus) => {
    expect(acpFailure(error)).toMatchObject({ code, ...(httpStatus === undefined ? {} : { httpStatus }) });
  });

  it("tells the reason that stands in the details", () => {
    const error = new RequestError(-32_603, "Internal error", { details: "Invalid session identifier" });

    expect(acpFailure(error).message).toBe("Internal error: Invalid session identifier");
  });
});

describe("failureOfStop", () => {
  it.each([
    ["end_turn", undefined],
    ["max_tokens", "output_limit"],
    ["max_turn_requests", "turn_limit"],
    ["refusal", "refused"],
    ["constructor", undefined],
  ])("of %s is %s", (stop, code) => {
    expect(failureOfStop(stop)?.code).toBe(code);
  });
});

describe("soundsLikeFailure", () => {
  it.each([
    ["exceeded retry limit, last status: 429 Too Many Requests", true],
    ["API Error: 500", true],
    ["  stream disconnected before completion", true],
    ["Errors like this one come from the parser; I fixed it.", false],
    ["I ran into an error, and mended it.", false],
    ["", false],
  ])("%j: %s", (text, isOne) => {
    expect(soundsLikeFailure(text)).toBe(isOne);
  });
});
