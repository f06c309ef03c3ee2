import { describe, expect, it } from "vitest";

import { ERROR_CODES, isErrorCode } from "./error-codes.ts";

const rows = Object.entries(ERROR_CODES);

describe("ERROR_CODES", () => {
  it.each(rows)("%s has a status of a refusal and says what it means in a sentence", (code, { status, meaning }) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(meaning).toMatch(/^[A-Z].*\.$/);
  });

  it("declares of failures only 503 and 507, which are the server's own", () => {
    const statuses = new Set(rows.map(([, { status }]) => status).filter((status) => status >= 500));

    expect(statuses).toEqual(new Set([503, 507]));
  });

  it.each(rows.filter(([, { status }]) => status === 429 || status >= 500))(
    "lets a caller try again after %s",
    (_, { retryable }) => {
      expect(retryable).toBe(true);
    },
  );

  it("never has a caller repeat a request that was wrong", () => {
    const wrong = rows.filter(
      ([, { status, retryable }]) => retryable && [400, 401, 403, 404, 405, 413, 415, 421, 422].includes(status),
    );

    expect(wrong).toEqual([]);
  });
});

describe("isErrorCode", () => {
  it.each([
    ["NOT_FOUND", true],
    ["not_found", false],
    ["toString", false],
    ["__proto__", false],
    ["", false],
    [404, false],
    [undefined, false],
  ])("says of %j: %s", (code, isOne) => {
    expect(isErrorCode(code)).toBe(isOne);
  });
});
