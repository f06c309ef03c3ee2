import { describe, expect, it } from "vitest";
import { findRetryAfterMs, readRetryAfter } from "./retry-after.ts";

const NOW = Date.UTC(2025, 0, 1);

describe("readRetryAfter", () => {
  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    [2.5, 2_500],
    ["Wed, 01 Jan 2025 00:01:00 GMT", 60_000],
    ["Wednesday, 01-Jan-25 00:01:00 GMT", 60_000],
    ["Wed Jan  1 00:01:00 2025", 60_000],
    ["Tue, 31 Dec 2024 00:00:00 GMT", 0],
  ])("reads %o", (value, ms) => {
    expect(readRetryAfter(value, NOW)).toBe(ms);
  });

  it.each([
    ["soon"],
    [""],
    ["-5"],
    ["1.5"],
    ["1e3"],
    ["2025-01-01"],
    ["9".repeat(20)],
    [-1],
    [Number.NaN],
    [null],
    [undefined],
    [{}],
  ])("says nothing of %o", (value) => {
    expect(readRetryAfter(value, NOW)).toBeUndefined();
  });
});

describe("findRetryAfterMs", () => {
  it.each([
    ["milliseconds of an error of ours", { retryAfterMs: 1_500 }, 1_500],
    ["seconds of an error", { retryAfter: 3 }, 3_000],
    ["text of an error", { retryAfter: "3" }, 3_000],
    ["a Response", new Response(null, { status: 503, headers: { "Retry-After": "4" } }), 4_000],
    ["headers of an error in any case", { headers: { "RETRY-after": "5" } }, 5_000],
    ["headers that came more than once", { headers: { "retry-after": ["6", "7"] } }, 6_000],
    ["an error that carries a response", { response: { headers: new Headers({ "retry-after": "7" }) } }, 7_000],
  ])("finds it in %s", (_what, source, ms) => {
    expect(findRetryAfterMs(source, NOW)).toBe(ms);
  });

  it.each([
    [undefined],
    [null],
    ["error"],
    [new Error("no header")],
    [{ headers: null }],
    [{ headers: "x" }],
    [{ retryAfterMs: -5 }],
    [{ response: 7 }],
  ])("finds nothing in %o", (source) => {
    expect(findRetryAfterMs(source, NOW)).toBeUndefined();
  });
});
