import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { heldWork } from "../test/held-work.ts";
import { failTimes, fails, manualBreaker, succeedTimes } from "../test/manual-breaker.ts";
import { CircuitBreaker, CircuitOpenError } from "./index.ts";

describe("CircuitBreaker", () => {
  it("is closed at first, with the defaults of the guide (P-70…P-74)", async () => {
    const { breaker, clock } = manualBreaker();

    await failTimes(breaker, 4);
    const afterFour = breaker.getState();
    await failTimes(breaker, 1);
    const afterFive = breaker.getState();
    clock.advance(59_999);
    const beforeTimeout = breaker.getState();
    clock.advance(1);
    const afterTimeout = breaker.getState();
    await succeedTimes(breaker, 2);
    const afterTwo = breaker.getState();
    await succeedTimes(breaker, 1);

    expect([afterFour, afterFive, beforeTimeout, afterTimeout, afterTwo, breaker.getState()]).toEqual([
      "closed",
      "open",
      "open",
      "half-open",
      "half-open",
      "closed",
    ]);
  });

  it("takes the options of the guide under their names (P-70)", async () => {
    const { breaker, clock } = manualBreaker({
      threshold: 2,
      timeout: 1_000,
      halfOpenRetries: 1,
      monitoringWindow: 5_000,
    });

    await failTimes(breaker, 2);
    clock.advance(1_000);
    await succeedTimes(breaker, 1);

    expect(breaker.getState()).toBe("closed");
  });

  it("counts failures in a window that slides (P-74)", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 3, monitoringWindow: 1_000 });

    await failTimes(breaker, 1);
    clock.advance(600);
    await failTimes(breaker, 1);
    clock.advance(400);
    await failTimes(breaker, 1);
    const withOneGone = breaker.getState();
    clock.advance(599);
    await failTimes(breaker, 1);

    expect([withOneGone, breaker.getState()]).toEqual(["closed", "open"]);
  });

  it("does not forget failures because of successes between them", async () => {
    const { breaker } = manualBreaker({ threshold: 2 });

    await failTimes(breaker, 1);
    await succeedTimes(breaker, 10);
    await failTimes(breaker, 1);

    expect(breaker.getState()).toBe("open");
  });

  it("opens again when one probe fails (P-78)", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000 });

    await failTimes(breaker, 1);
    clock.advance(1_000);
    await succeedTimes(breaker, 2);
    await failTimes(breaker, 1);
    const afterProbe = breaker.getState();
    clock.advance(1_000);

    expect([afterProbe, breaker.getState()]).toEqual(["open", "half-open"]);
  });

  it("lets the time open grow with openings in a row, up to maxTimeout", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000, maxTimeout: 3_000, timeoutFactor: 2 });
    const waits: number[] = [];

    await failTimes(breaker, 1);
    for (let opening = 0; opening < 3; opening++) {
      waits.push(breaker.getStats().retryAfterMs);
      clock.advance(breaker.getStats().retryAfterMs);
      await failTimes(breaker, 1);
    }
    clock.advance(3_000);
    await succeedTimes(breaker, 3);
    await failTimes(breaker, 1);

    expect([...waits, breaker.getStats().retryAfterMs]).toEqual([1_000, 2_000, 3_000, 1_000]);
  });
});

describe("CircuitBreaker.execute", () => {
  it("resolves to what the work resolves to, be it a promise or not (P-75)", async () => {
    const { breaker } = manualBreaker();
    // A thenable of somebody's own making.
    // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
    const thenable = { then: (resolve: (value: string) => void) => resolve("thenable") } as PromiseLike<string>;

    const results = [
      await breaker.execute(async () => "async"),
      await breaker.execute(() => "bare"),
      await breaker.execute(() => thenable),
    ];

    expect(results).toEqual(["async", "bare", "thenable"]);
  });

  it("rejects with the work's own error where there is no fallback (U-49)", async () => {
    const { breaker } = manualBreaker();
    const error = new Error("mine");

    const refusal = await breaker.execute(() => Promise.reject(error)).catch((caught: unknown) => caught);

    expect(refusal).toBe(error);
  });

  it("counts work that throws at once as it counts work that rejects", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });

    const call = breaker.execute(() => {
      throw new RangeError("at once");
    });

    await expect(call).rejects.toThrow("at once");
    expect(breaker.getState()).toBe("open");
  });

  it("answers with the fallback on every failure, and gives it the error (P-75, U-49)", async () => {
    const { breaker } = manualBreaker();

    const result = await breaker.execute(fails, (error) => `instead of ${String(error)}`);

    expect(result).toBe("instead of Error: no service");
    expect(breaker.getStats()).toMatchObject({ failed: 1, fallbacks: 1, state: "closed" });
  });

  it("answers with the fallback while open, and does not begin the work (U-49)", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    await failTimes(breaker, 1);
    let hasBegun = false;

    const result = await breaker.execute(
      () => (hasBegun = true),
      (error) => error,
    );

    expect(hasBegun).toBe(false);
    expect(result).toBeInstanceOf(CircuitOpenError);
  });

  it("rejects while open with a CircuitOpenError that says when to come again (U-49)", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000 });
    await failTimes(breaker, 1);
    clock.advance(400);

    const error = await breaker.execute(async () => "never").catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(error).toMatchObject({
      name: "CircuitOpenError",
      code: "CIRCUIT_OPEN",
      isRetryable: true,
      breaker: "payments",
      retryAfterMs: 600,
      message: "circuit payments is open: 1 failure within 300000 ms",
    });
  });

  it("gives each refused caller an error of its own, a real one without a stack", async () => {
    const { breaker } = manualBreaker();
    breaker.isolate();

    const [one, other] = await Promise.all(
      [1, 2].map(async () => await breaker.execute(fails).catch((caught: unknown) => caught as Error)),
    );

    expect(one).not.toBe(other);
    expect(Object.prototype.toString.call(one)).toBe("[object Error]");
    expect((one as Error).stack).not.toContain("\n");
    expect(new Error("later").stack).toContain("circuit-breaker.test");
  });

  it("rejects with what a fallback throws, at once or later, and counts that for nothing", async () => {
    const { breaker } = manualBreaker({ threshold: 3 });
    const throws = () => {
      throw new Error("fallback at once");
    };

    await expect(breaker.execute(fails, throws)).rejects.toThrow("fallback at once");
    await expect(breaker.execute(fails, () => Promise.reject(new Error("fallback later")))).rejects.toThrow("later");
    breaker.isolate();
    await expect(breaker.execute(fails, throws)).rejects.toThrow("fallback at once");
    expect(breaker.getStats()).toMatchObject({ failed: 2, fallbacks: 3, recentFailures: 0 });
  });

  it("keeps nothing up when work never settles", async () => {
    const { breaker } = manualBreaker();
    void breaker.execute(heldWork().run);

    const result = await breaker.execute(async () => "next");

    expect(result).toBe("next");
    expect(breaker.getStats()).toMatchObject({ calls: 2, inFlight: 1 });
  });

  it.each([
    ["no function", undefined, undefined, undefined],
    ["a text", "work", undefined, undefined],
    ["a fallback that is a text", fails, "fallback", undefined],
    ["a fallback that is null", fails, null, undefined],
    ["a signal that is none", fails, undefined, { signal: "stop" }],
    ["a signal that is an object", fails, undefined, { signal: {} }],
  ])("refuses %s without counting it", async (_what, primary, fallback, options) => {
    const { breaker } = manualBreaker();

    const call = breaker.execute(primary as never, fallback as never, options as never);

    await expect(call).rejects.toMatchObject({ name: "InvalidOptionError", code: "INVALID_OPTION" });
    expect(breaker.getStats()).toMatchObject({ calls: 0, failed: 0 });
  });

  it("is noticed as an unhandled rejection where nobody handles a refusal", async () => {
    const script = `
      import { CircuitBreaker } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      const breaker = new CircuitBreaker("payments", { announce: false });
      breaker.isolate();
      breaker.execute(async () => "never");`;

    const ended = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]).catch(
      (error: { code: number; stderr: string }) => error,
    );

    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("circuit payments is open") as string });
  });
});

describe("CircuitBreaker.getState", () => {
  it("is synchronous and one of three words (P-76)", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 10 });

    const states = [breaker.getState()];
    await failTimes(breaker, 1);
    states.push(breaker.getState());
    clock.advance(10);
    states.push(breaker.getState());

    expect(states).toEqual(["closed", "open", "half-open"]);
  });

  it("tells the truth without a timer, even of a moment long gone", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1 });
    await failTimes(breaker, 1);

    const timers = clock.pendingTimers;
    clock.advance(10 * 24 * 3_600_000);

    expect(timers).toBe(0);
    expect(breaker.getState()).toBe("half-open");
  });
});

describe("CircuitBreaker by hand", () => {
  it("opens for its timeout, with the reason it was given", async () => {
    const { breaker, clock } = manualBreaker({ timeout: 1_000 });

    breaker.open("maintenance");
    const refusal = await breaker.execute(fails).catch((caught: unknown) => String(caught));
    clock.advance(1_000);

    expect(refusal).toContain("payments is open: maintenance");
    expect(breaker.getState()).toBe("half-open");
  });

  it("stays isolated until it is closed", async () => {
    const { breaker, clock } = manualBreaker({ timeout: 1_000 });

    breaker.isolate();
    clock.advance(1e12);
    const held = breaker.getState();
    const refusal = await breaker.execute(fails).catch((caught: unknown) => caught);
    breaker.close();

    expect([held, breaker.getState()]).toEqual(["open", "closed"]);
    expect(refusal).toMatchObject({ retryAfterMs: Number.POSITIVE_INFINITY });
  });

  it("forgets on closing what led to the opening", async () => {
    const { breaker } = manualBreaker({ threshold: 2 });
    await failTimes(breaker, 2);

    breaker.close();
    await failTimes(breaker, 1);

    expect(breaker.getState()).toBe("closed");
  });

  it("is as new after reset, and calls in flight no longer move it", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const held = heldWork();
    const call = breaker.execute(held.run).catch((caught: unknown) => caught);
    await failTimes(breaker, 1);

    breaker.reset();
    const asNew = breaker.getStats();
    held.fail(new Error("late"));
    await call;

    expect(asNew).toMatchObject({ state: "closed", calls: 1, inFlight: 1, failed: 0, recentFailures: 0 });
    expect(breaker.getStats()).toMatchObject({ state: "closed", calls: 1, inFlight: 0, failed: 1 });
  });

  it("cuts a reason that is too long", async () => {
    const { breaker } = manualBreaker();

    breaker.open("x".repeat(100_000));
    const error = await breaker.execute(fails).catch((caught: unknown) => caught as Error);

    expect((error as Error).message.length).toBeLessThan(300);
  });
});

describe("CircuitBreaker.getStats", () => {
  it("counts what happened", async () => {
    const { breaker } = manualBreaker({ threshold: 3 });
    const aborted = new AbortController();
    const given = breaker.execute(heldWork().run, undefined, { signal: aborted.signal }).catch(() => undefined);

    await succeedTimes(breaker, 2);
    await failTimes(breaker, 2);
    aborted.abort();
    await given;
    const closed = breaker.getStats();
    await failTimes(breaker, 1);
    await breaker.execute(fails, () => "instead");

    expect(closed).toMatchObject({ calls: 5, succeeded: 2, failed: 2, aborted: 1, inFlight: 0, recentFailures: 2 });
    expect(breaker.getStats()).toEqual({
      state: "open",
      calls: 6,
      inFlight: 0,
      succeeded: 2,
      failed: 3,
      aborted: 1,
      refused: 1,
      fallbacks: 1,
      recentFailures: 0,
      retryAfterMs: 60_000,
    });
  });

  it("works on the machine's clock as well", async () => {
    const breaker = new CircuitBreaker("payments", { announce: false, threshold: 1, timeout: 60_000 });

    await failTimes(breaker, 1);

    expect(breaker.getStats().retryAfterMs).toBeGreaterThan(50_000);
  });
});
