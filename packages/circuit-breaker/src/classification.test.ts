import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { heldWork } from "../test/held-work.ts";
import { failTimes, fails, manualBreaker, succeedTimes } from "../test/manual-breaker.ts";
import { FailedResultError, SlowCallError, type CallContext } from "./index.ts";

describe("isFailure", () => {
  const isFailure = (error: unknown) => !(error instanceof RangeError);
  const notFound = () => Promise.reject(new RangeError("not found"));

  it("keeps errors that it does not count from opening the circuit, and from the fallback", async () => {
    const { breaker } = manualBreaker({ threshold: 1, isFailure });

    const call = breaker.execute(notFound, () => "instead");

    await expect(call).rejects.toThrow("not found");
    expect(breaker.getStats()).toMatchObject({ state: "closed", succeeded: 1, failed: 0, fallbacks: 0 });
  });

  it("lets a probe succeed whose error it does not count: the service answered", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000, halfOpenRetries: 1, isFailure });
    await failTimes(breaker, 1);
    clock.advance(1_000);

    await breaker.execute(notFound).catch(() => undefined);

    expect(breaker.getState()).toBe("closed");
  });

  it("lets the call fail with its own error when it throws, which counts", async () => {
    const { breaker, clock } = manualBreaker({
      threshold: 1,
      timeout: 1_000,
      halfOpenConcurrency: 1,
      isFailure: () => {
        throw new TypeError("bug in the hook");
      },
    });

    await expect(breaker.execute(fails, () => "instead")).rejects.toThrow("bug in the hook");
    clock.advance(1_000);
    await expect(breaker.execute(fails, () => "instead")).rejects.toThrow("bug in the hook");
    clock.advance(1_000);

    expect(breaker.getStats()).toMatchObject({ state: "half-open", failed: 2, inFlight: 0 });
  });
});

describe("isFailureResult", () => {
  const isFailureResult = (result: unknown) => result === 503;

  it("counts values that say failure, and hands them to a caller without fallback", async () => {
    const { breaker } = manualBreaker({ threshold: 1, isFailureResult });

    const result = await breaker.execute(async () => 503);

    expect(result).toBe(503);
    expect(breaker.getState()).toBe("open");
  });

  it("gives the fallback a FailedResultError with the value", async () => {
    const { breaker } = manualBreaker({ isFailureResult });

    const error = await breaker.execute(
      async () => 503,
      (reason) => reason,
    );

    expect(error).toBeInstanceOf(FailedResultError);
    expect(error).toMatchObject({ code: "FAILED_RESULT", result: 503 });
  });

  it("lets the call fail with its own error when it throws", async () => {
    const { breaker } = manualBreaker({
      isFailureResult: () => {
        throw new TypeError("bug in the hook");
      },
    });

    const call = breaker.execute(async () => 200);

    await expect(call).rejects.toThrow("bug in the hook");
    expect(breaker.getStats()).toMatchObject({ failed: 1, inFlight: 0 });
  });
});

describe("slowCallMs", () => {
  it("counts a call that takes longer as failed, and still hands over its value", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, slowCallMs: 100 });
    const held = heldWork();
    const call = breaker.execute(held.run, () => "instead");

    clock.advance(101);
    held.succeed("late and there");

    expect(await call).toBe("late and there");
    expect(breaker.getStats()).toMatchObject({ state: "open", failed: 1, fallbacks: 0 });
  });

  it("does not count a call that takes just as long", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, slowCallMs: 100 });
    const held = heldWork();
    const call = breaker.execute(held.run);

    clock.advance(100);
    held.succeed("just in time");
    await call;

    expect(breaker.getState()).toBe("closed");
  });

  it("stops waiting at that moment where slow calls are aborted, and aborts the work's signal", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, slowCallMs: 100, abortSlowCalls: true });
    const { promise: neverSettles } = Promise.withResolvers<string>();
    let given: AbortSignal | undefined;
    const call = breaker.execute(({ signal }) => {
      given = signal;
      return neverSettles;
    });

    clock.advance(100);

    await expect(call).rejects.toThrow(SlowCallError);
    expect(given?.reason).toBeInstanceOf(SlowCallError);
    expect(breaker.getState()).toBe("open");
    expect(clock.pendingTimers).toBe(0);
  });

  it("answers with the fallback instead of an aborted call", async () => {
    const { breaker, clock } = manualBreaker({ slowCallMs: 100, abortSlowCalls: true });
    const call = breaker.execute(heldWork().run, (error) => (error as Error).message);

    clock.advance(100);

    expect(await call).toBe("the work took longer than 100 ms");
  });

  it("leaves no timer behind after a call that was quick", async () => {
    const { breaker, clock } = manualBreaker({ slowCallMs: 100, abortSlowCalls: true });

    await succeedTimes(breaker, 3);
    await failTimes(breaker, 3);

    expect(clock.pendingTimers).toBe(0);
  });

  it("drops what an aborted call answers later, and no rejection goes unhandled", async () => {
    const { breaker, clock } = manualBreaker({ slowCallMs: 100, abortSlowCalls: true });
    const held = heldWork();
    const call = breaker.execute(held.run).catch((caught: unknown) => caught);

    clock.advance(100);
    await call;
    held.fail(new Error("nobody cares"));
    await new Promise((resolve) => setImmediate(resolve));

    expect(breaker.getStats()).toMatchObject({ failed: 1, inFlight: 0 });
  });
});

describe("failureRate", () => {
  it("opens at that share of failures, and not before there are enough calls", async () => {
    const { breaker } = manualBreaker({ failureRate: 0.5, minimumCalls: 6 });

    await succeedTimes(breaker, 2);
    await failTimes(breaker, 3);
    const tooFew = breaker.getState();
    await succeedTimes(breaker, 1);

    expect([tooFew, breaker.getState()]).toEqual(["closed", "open"]);
  });

  it("stays closed below it, however many failures there are", async () => {
    const { breaker } = manualBreaker({ failureRate: 0.5 });

    for (let round = 0; round < 50; round++) {
      await succeedTimes(breaker, 2);
      await failTimes(breaker, 1);
    }

    expect(breaker.getStats()).toMatchObject({ state: "closed", recentFailures: 50 });
  });

  it("forgets calls of before the window", async () => {
    const { breaker, clock } = manualBreaker({ failureRate: 0.5, minimumCalls: 4, monitoringWindow: 1_000 });

    await failTimes(breaker, 3);
    clock.advance(1_001);
    await failTimes(breaker, 3);

    expect(breaker.getStats()).toMatchObject({ state: "closed", recentFailures: 3 });
  });
});

describe("signal", () => {
  it("reaches the work", async () => {
    const { breaker } = manualBreaker();
    const controller = new AbortController();
    const seen: CallContext[] = [];
    const call = breaker.execute(
      (context) => {
        seen.push(context);
        return heldWork().run();
      },
      undefined,
      { signal: controller.signal },
    );

    controller.abort(new Error("enough"));

    await expect(call).rejects.toThrow("enough");
    expect(seen[0]?.signal.reason).toEqual(new Error("enough"));
  });

  it("gives up work that does not listen to it, which counts for nothing and goes past the fallback", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const controller = new AbortController();
    const call = breaker.execute(heldWork().run, () => "instead", { signal: controller.signal });

    controller.abort();

    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(breaker.getStats()).toMatchObject({ state: "closed", aborted: 1, failed: 0, fallbacks: 0 });
  });

  it("does not count the AbortError that the work throws because of it", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const controller = new AbortController();
    const call = breaker.execute(
      ({ signal }) =>
        new Promise<never>((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
      undefined,
      { signal: controller.signal },
    );

    controller.abort();

    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(breaker.getState()).toBe("closed");
  });

  it("that the work aborts itself at once ends the call as well", async () => {
    const { breaker } = manualBreaker();
    const controller = new AbortController();

    const call = breaker.execute(
      () => {
        controller.abort();
        throw new Error("of no interest any more");
      },
      undefined,
      { signal: controller.signal },
    );

    await expect(call).rejects.toMatchObject({ name: "AbortError" });
    expect(breaker.getStats()).toMatchObject({ aborted: 1, failed: 0 });
  });

  it("that is aborted already keeps the work from beginning, open or closed", async () => {
    const { breaker } = manualBreaker();
    let begun = 0;
    const call = () =>
      breaker.execute(
        () => begun++,
        () => "instead",
        { signal: AbortSignal.abort() },
      );

    await expect(call()).rejects.toMatchObject({ name: "AbortError" });
    breaker.isolate();
    await expect(call()).rejects.toMatchObject({ name: "AbortError" });

    expect(begun).toBe(0);
  });

  it("has no listeners left of calls that ended", async () => {
    const { breaker } = manualBreaker({ threshold: 100 });
    const { signal } = new AbortController();

    for (let call = 0; call < 20; call++) await breaker.execute(async () => "well", undefined, { signal });
    for (let call = 0; call < 20; call++) await breaker.execute(fails, () => "instead", { signal });

    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("is handed to the fallback", async () => {
    const { breaker } = manualBreaker();
    const { signal } = new AbortController();

    const given = await breaker.execute(fails, (_error, context) => context.signal, { signal });

    expect(given).toBe(signal);
  });

  it("is there for work whose caller gave none, and is never aborted", async () => {
    const { breaker } = manualBreaker();

    const signal = await breaker.execute((context) => context.signal);

    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal.aborted).toBe(false);
  });

  it("does not excuse an AbortError that has another cause", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const { signal } = new AbortController();
    const abortedByOthers = () => Promise.reject(new DOMException("the server hung up", "AbortError"));

    await breaker.execute(abortedByOthers, undefined, { signal }).catch(() => undefined);

    expect(breaker.getState()).toBe("open");
  });
});
