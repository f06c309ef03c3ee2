import { BusError } from "@signalbox/messagebus";
import { eventually, ManualClock } from "@signalbox/testkit";
import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { heldWork } from "../test/held-work.ts";
import { failTimes, fails, manualBreaker } from "../test/manual-breaker.ts";
import { SkippingClock } from "../test/skipping-clock.ts";
import { CircuitBreaker, retry, type RetryNotice, type RetryOptions } from "./index.ts";

/** Fails so often and then succeeds; counts its tries. */
function flaky(failures: number, error: () => unknown = () => new Error("no service")) {
  const attempts: number[] = [];
  const work = async ({ attempt }: { attempt: number }) => {
    attempts.push(attempt);
    if (attempts.length <= failures) throw error();
    return "well";
  };
  return { work, attempts };
}

function settings(options: RetryOptions<string> = {}) {
  const clock = new SkippingClock();
  return { clock, options: { clock, random: () => 0.5, ...options } };
}

describe("retry", () => {
  it("resolves to the value of the first try that succeeds", async () => {
    const { work, attempts } = flaky(2);
    const { clock, options } = settings();

    expect(await retry(work, options)).toBe("well");
    expect(attempts).toEqual([1, 2, 3]);
    expect(clock.waits).toEqual([500, 1_000]);
  });

  it("rejects with the last error as it is when the retries are used up (P-16)", async () => {
    const errors: Error[] = [];
    const { work, attempts } = flaky(99, () => errors[errors.push(new Error(`no service ${errors.length}`)) - 1]);
    const { clock, options } = settings({ jitter: "none" });

    const caught = await retry(work, options).catch((error: unknown) => error);

    expect(caught).toBe(errors.at(-1));
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(clock.waits).toEqual([1_000, 2_000, 4_000]);
  });

  it("tries once where there are to be no retries", async () => {
    const { work, attempts } = flaky(1);

    await expect(retry(work, { maxRetries: 0 })).rejects.toThrow("no service");
    expect(attempts).toEqual([1]);
  });

  it("tries again work that throws at once", async () => {
    const { options } = settings();
    let tries = 0;

    const value = await retry(() => {
      tries++;
      if (tries < 2) throw new Error("at once");
      return "bare value";
    }, options);

    expect(value).toBe("bare value");
  });

  it("does not try again what isRetryable does not want", async () => {
    const { work, attempts } = flaky(9, () => new RangeError("not found"));
    const { options } = settings({ isRetryable: (error) => !(error instanceof RangeError) });

    await expect(retry(work, options)).rejects.toThrow("not found");
    expect(attempts).toEqual([1]);
  });

  it.each([
    ["an error of the bus", new BusError("FORBIDDEN_TOPIC", "not yours"), 1],
    ["an error of the client", { retryable: false }, 1],
    ["an error that says that it helps", { isRetryable: true }, 4],
    ["an error that says nothing", new Error("no service"), 4],
    ["a text", "no service", 4],
    ["nothing", undefined, 4],
  ])("asks %s whether another try helps", async (_what, error, tries) => {
    const { work, attempts } = flaky(9, () => error);
    const { options } = settings();

    const caught = await retry(work, options).catch((thrown: unknown) => thrown);

    expect(caught).toBe(error);
    expect(attempts).toHaveLength(tries);
  });

  it("tries again values that are not wanted, and returns the last", async () => {
    const values = ["busy", "busy", "done", "never"];
    const { options } = settings({ isRetryableResult: (value) => value === "busy" });
    const stillBusy = settings({ isRetryableResult: () => true, maxRetries: 1 });

    const done = await retry(async () => values.shift() ?? "", options);
    const busy = await retry(async () => "busy", stillBusy.options);

    expect([done, busy]).toEqual(["done", "busy"]);
  });

  it("tells of each failed try before it waits", async () => {
    const notices: RetryNotice[] = [];
    const { work } = flaky(2);
    const { options } = settings({ onRetry: (notice) => notices.push(notice) });

    await retry(work, options);

    expect(notices).toEqual([
      { attempt: 1, error: new Error("no service"), delayMs: 500 },
      { attempt: 2, error: new Error("no service"), delayMs: 1_000 },
    ]);
  });

  it("refuses options that cannot be", async () => {
    const attempt = async (options: object) =>
      await retry(async () => "well", options).catch((error: Error) => error.message);

    expect(await attempt({ maxRetries: -1 })).toBe("maxRetries of retry is a whole number from 0 to 1000, not -1");
    expect(await attempt({ maxRetries: Number.POSITIVE_INFINITY })).toContain("not Infinity");
    expect(await attempt({ backoff: "linear" })).toBe('backoff of retry is one of exponential, fixed, not "linear"');
    expect(await attempt({ initialDelay: "1000" })).toContain("initialDelay of retry is a number from 0 to 2147483647");
    expect(await attempt({ maxDelay: Number.NaN })).toContain("not NaN");
    expect(await attempt({ signal: "stop" })).toContain("signal of retry is an object with");
    expect(await attempt({ delay: 5 })).toContain('retry has no option "delay"');
    await expect(retry("work" as never)).rejects.toThrow("retry takes a function");
  });
});

describe("retry and Retry-After", () => {
  it("waits as long as was asked, and jitter on top", async () => {
    const { work } = flaky(1, () => ({ response: { headers: { "retry-after": "7" } } }));
    const { clock, options } = settings();

    await retry(work, options);

    expect(clock.waits).toEqual([7_500]);
  });

  it("reads it from a value that is tried again", async () => {
    const responses = [new Response(null, { status: 503, headers: { "retry-after": "2" } }), new Response("well")];
    const clock = new SkippingClock();

    const response = await retry(async () => responses.shift() ?? Response.error(), {
      clock,
      random: () => 0,
      isRetryableResult: ({ status }) => status === 503,
    });

    expect(await response.text()).toBe("well");
    expect(clock.waits).toEqual([2_000]);
  });

  it("waits no longer than maxRetryAfter", async () => {
    const forYears = flaky(1, () => ({ retryAfter: "999999999" }));
    const byDefault = settings({ random: () => 0 });
    const byOption = settings({ random: () => 0, maxRetryAfter: 1_000 });

    await retry(forYears.work, byDefault.options);
    await retry(flaky(1, () => ({ retryAfter: 60 })).work, byOption.options);

    expect([byDefault.clock.waits, byOption.clock.waits]).toEqual([[300_000], [1_000]]);
  });
});

describe("retry and maxTotalTime", () => {
  it("does not begin a wait that would pass it", async () => {
    const { work, attempts } = flaky(99);
    const { clock, options } = settings({ jitter: "none", maxRetries: 10, maxTotalTime: 7_500 });

    await expect(retry(work, options)).rejects.toThrow("no service");
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(clock.monotonic()).toBe(7_000);
  });

  it("aborts work that passes it, with the failure before as cause", async () => {
    const clock = new ManualClock();
    const signals: AbortSignal[] = [];
    const call = retry(
      ({ attempt, signal }) => {
        signals.push(signal);
        return attempt === 1 ? fails() : heldWork().run();
      },
      { clock, initialDelay: 0, maxTotalTime: 1_000 },
    ).catch((error: unknown) => error);
    await eventually(() => clock.pendingTimers === 1 && signals.length === 1);
    clock.advance(0);
    await eventually(() => signals.length === 2);

    clock.advance(1_000);

    expect(await call).toMatchObject({ code: "RETRY_TIMEOUT", attempts: 2, cause: new Error("no service") });
    expect(signals[1]?.aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("retry and a signal", () => {
  it("does not begin when it is aborted already", async () => {
    const { work, attempts } = flaky(0);

    await expect(retry(work, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect(attempts).toEqual([]);
  });

  it("ends a wait at once, and leaves no timer and no listener", async () => {
    const clock = new ManualClock();
    const controller = new AbortController();
    const call = retry(fails, { clock, signal: controller.signal }).catch((error: unknown) => error);
    await eventually(() => clock.pendingTimers === 1);

    controller.abort(new Error("enough"));

    expect(await call).toEqual(new Error("enough"));
    expect(clock.pendingTimers).toBe(0);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("ends a try at once, and is not tried again", async () => {
    const controller = new AbortController();
    let tries = 0;
    const call = retry(
      () => {
        tries++;
        return heldWork().run();
      },
      { signal: controller.signal },
    );

    controller.abort();

    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(tries).toBe(1);
  });
});

describe("retry and a circuit breaker", () => {
  it("does not try again what the circuit refuses", async () => {
    const { breaker } = manualBreaker();
    const { clock, options } = settings();
    breaker.open();

    await expect(retry(() => breaker.execute(fails), options)).rejects.toMatchObject({ code: "CIRCUIT_OPEN" });
    expect(clock.waits).toEqual([]);
  });

  it("waits as long as the circuit says where that is wanted", async () => {
    const { clock, options } = settings({ whenOpen: "wait", maxRetries: 5, random: () => 0 });
    const { breaker } = manualBreaker({ clock, threshold: 2, timeout: 30_000 });
    const { work } = flaky(2);

    const value = await retry((context) => breaker.execute(() => work(context)), options);

    expect(value).toBe("well");
    expect(clock.waits).toEqual([0, 0, 30_000]);
  });

  it("does not wait for a circuit that is held open, or open for longer than maxRetryAfter", async () => {
    const { clock, options } = settings({ whenOpen: "wait", maxRetryAfter: 10_000 });
    const held = manualBreaker().breaker;
    const long = new CircuitBreaker("payments", { announce: false, timeout: 60_000 });
    held.isolate();
    long.open();

    for (const breaker of [held, long]) {
      await expect(retry(() => breaker.execute(fails), options)).rejects.toMatchObject({ code: "CIRCUIT_OPEN" });
    }

    expect(clock.waits).toEqual([]);
  });

  it("counts as one call where it stands inside", async () => {
    const { options } = settings();
    const { breaker } = manualBreaker();

    await breaker.execute(() => retry(flaky(3).work, options));
    await failTimes(breaker, 1);

    expect(breaker.getStats()).toMatchObject({ calls: 2, succeeded: 1, failed: 1 });
  });
});
