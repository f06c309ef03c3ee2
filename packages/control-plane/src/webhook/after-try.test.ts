import { limit } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { afterTry, isReceiverFailing, type TryContext } from "./after-try.ts";
import type { PostResult } from "./post-message.ts";

const NOW = 1_800_000_000_000;

function after(result: PostResult, over: Partial<TryContext> = {}) {
  return afterTry(result, { attempts: 1, sinceMs: NOW, nowMs: NOW, random: () => 0.5, limits: limit, ...over });
}

function answered(status: number, retryAfterMs?: number): PostResult {
  return { kind: "answered", status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** After how many milliseconds it is tried again. */
function waited(result: PostResult, over: Partial<TryContext> = {}): number {
  const verdict = after(result, over);
  return verdict.kind === "retry" ? verdict.dueAt - NOW : Number.NaN;
}

describe("afterTry", () => {
  it.each([[200], [201], [202], [204], [299]])("takes %i as heard", (status) => {
    expect(after(answered(status))).toEqual({ kind: "accepted", status });
  });

  it.each([
    [answered(301), "redirected"],
    [answered(308), "redirected"],
    [answered(400), "status"],
    [answered(404), "status"],
    [answered(500), "status"],
    [answered(101), "status"],
    [{ kind: "failed", error: "timeout" } as const, "timeout"],
    [{ kind: "failed", error: "address_refused" } as const, "address_refused"],
  ])("tries again after %j: %s", (result, error) => {
    expect(after(result)).toMatchObject({ kind: "retry", error });
  });

  it("gives up and wants the webhook off when the receiver is gone", () => {
    expect(after(answered(410))).toMatchObject({ kind: "given_up", status: 410, disable: expect.any(String) });
  });

  it("waits up to twice as long after each try, drawn evenly from 0 up", () => {
    const longest = (attempts: number) => waited(answered(500), { attempts, random: () => 0.999_999_999 });

    expect([1, 2, 3, 4].map(longest)).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(waited(answered(500), { attempts: 3, random: () => 0 })).toBe(0);
    expect(waited(answered(500), { attempts: 15, random: () => 0.999_999_999 })).toBe(limit("webhook.backoffMaxMs"));
  });

  it("comes back no sooner than the receiver asks, and not later than the longest wait", () => {
    expect(waited(answered(429, 60_000))).toBe(60_000);
    expect(waited(answered(503, 1))).toBe(2_500);
    expect(waited(answered(503, 10 ** 12))).toBe(limit("webhook.backoffMaxMs"));
  });

  it.each([
    ["the last try", { attempts: limit("webhook.tries") }, "given_up"],
    ["the one before", { attempts: limit("webhook.tries") - 1 }, "retry"],
    ["a delivery that would be too old", { sinceMs: NOW - limit("webhook.keepTryingMs") }, "given_up"],
  ])("after %s is %o: %s", (_, over, kind) => {
    expect(after(answered(500), over)).toMatchObject({ kind, status: 500, error: "status" });
  });
});

describe("isReceiverFailing", () => {
  it.each([
    [answered(200), false],
    [answered(400), false],
    [answered(404), false],
    [answered(302), false],
    [answered(408), true],
    [answered(429), true],
    [answered(500), true],
    [answered(503), true],
    [{ kind: "failed", error: "unreachable" } as const, true],
  ])("of %j is %s", (result, isFailing) => {
    expect(isReceiverFailing(result)).toBe(isFailing);
  });
});
