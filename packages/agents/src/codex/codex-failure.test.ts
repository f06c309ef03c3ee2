import { describe, expect, it } from "vitest";

import { codexFailure } from "./codex-failure.ts";

describe("codexFailure", () => {
  it.each([
    ["contextWindowExceeded", "context_exceeded", false],
    ["usageLimitExceeded", "usage_limit", false],
    ["serverOverloaded", "overloaded", true],
    ["internalServerError", "server_error", true],
    ["unauthorized", "authentication", false],
    ["badRequest", "invalid_request", false],
    ["cyberPolicy", "refused", false],
    [{ httpConnectionFailed: { httpStatusCode: 401 } }, "authentication", false],
    [{ responseTooManyFailedAttempts: { httpStatusCode: 429 } }, "rate_limited", true],
    [{ responseStreamConnectionFailed: { httpStatusCode: 529 } }, "overloaded", true],
    [{ responseStreamDisconnected: { httpStatusCode: null } }, "connection", true],
    ["somethingNew", "agent_error", false],
    ["constructor", "agent_error", false],
    [null, "agent_error", false],
    [{}, "agent_error", false],
  ] as const)("says of %j that it is %s", (codexErrorInfo, code, isRetryable) => {
    expect(codexFailure({ message: "no", codexErrorInfo })).toMatchObject({ code, isRetryable, message: "no" });
  });

  it("knows a stream that was cut by its words", () => {
    const message = "stream disconnected before completion: Transport error";

    expect(codexFailure({ message, codexErrorInfo: "other" })).toMatchObject({ code: "connection", isRetryable: true });
  });
});
