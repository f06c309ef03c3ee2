import { describe, expect, it } from "vitest";
import { heldWork } from "../test/held-work.ts";
import { failTimes, fails, manualBreaker, succeedTimes } from "../test/manual-breaker.ts";
import type { CircuitBreakerOptions } from "./index.ts";

async function halfOpen(options: CircuitBreakerOptions = {}) {
  const made = manualBreaker({ threshold: 1, timeout: 1_000, ...options });
  await failTimes(made.breaker, 1);
  made.clock.advance(1_000);
  made.breaker.getState();
  return made;
}

describe("A half-open circuit", () => {
  it("has as many probes out at once as must succeed, and refuses the rest (U-49)", async () => {
    const { breaker } = await halfOpen();
    const works = [heldWork(), heldWork(), heldWork()];
    const probes = works.map(({ run }) => breaker.execute(run));

    const fourth = await breaker.execute(async () => "fourth").catch((caught: unknown) => caught);
    for (const work of works) work.succeed("well");

    expect(fourth).toMatchObject({
      code: "CIRCUIT_OPEN",
      retryAfterMs: 1_000,
      message: "circuit payments is half-open, and its probes are out",
    });
    expect(await Promise.all(probes)).toEqual(["well", "well", "well"]);
    expect(breaker.getState()).toBe("closed");
  });

  it("has halfOpenConcurrency probes out at once where that is given", async () => {
    const { breaker } = await halfOpen({ halfOpenConcurrency: 1 });
    const first = heldWork();
    const probe = breaker.execute(first.run);

    const whileOut = breaker.execute(async () => "second");
    await expect(whileOut).rejects.toMatchObject({ code: "CIRCUIT_OPEN" });
    first.succeed("well");
    await probe;
    const afterwards = await breaker.execute(async () => "second");

    expect(afterwards).toBe("second");
  });

  it("gives a place back when its probe's caller gives up, which counts for nothing", async () => {
    const { breaker } = await halfOpen({ halfOpenConcurrency: 1 });
    const controller = new AbortController();
    const probe = breaker.execute(heldWork().run, undefined, { signal: controller.signal }).catch(() => undefined);

    controller.abort();
    await probe;
    await succeedTimes(breaker, 2);
    const afterTwo = breaker.getState();
    await succeedTimes(breaker, 1);

    expect([afterTwo, breaker.getState()]).toEqual(["half-open", "closed"]);
  });

  it("opens again when none of its probes is answered for so long, and then probes afresh", async () => {
    const { breaker, clock } = await halfOpen({ halfOpenConcurrency: 1, halfOpenTimeout: 500 });
    const lost = heldWork();
    const probe = breaker.execute(lost.run);

    clock.advance(499);
    const before = breaker.getState();
    clock.advance(1);
    const stalled = breaker.getState();
    clock.advance(1_000);
    await succeedTimes(breaker, 3);
    lost.fail(new Error("long after"));
    await expect(probe).rejects.toThrow("long after");

    expect([before, stalled, breaker.getState()]).toEqual(["half-open", "open", "closed"]);
  });

  it("is not stalled by a lost probe while others have places", async () => {
    const { breaker, clock } = await halfOpen({ halfOpenTimeout: 500 });
    void breaker.execute(heldWork().run);

    clock.advance(10_000);
    await succeedTimes(breaker, 3);

    expect(breaker.getState()).toBe("closed");
  });

  it("notices a stall of long ago as of when it was", async () => {
    const { breaker, clock } = await halfOpen({ halfOpenConcurrency: 1, halfOpenTimeout: 500 });
    const events: string[] = [];
    breaker.on("opened", ({ event }) => events.push(event)).on("half-opened", ({ event }) => events.push(event));
    void breaker.execute(heldWork().run);

    clock.advance(100_000);

    expect(breaker.getState()).toBe("half-open");
    expect(events).toEqual(["stall", "wait"]);
  });
});

describe("A late result", () => {
  it("of before the opening neither opens nor closes a half-open circuit", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000, halfOpenRetries: 1 });
    const [fails1, succeeds1] = [heldWork(), heldWork()];
    const late = [breaker.execute(fails1.run).catch(() => undefined), breaker.execute(succeeds1.run)];
    await failTimes(breaker, 1);
    clock.advance(1_000);
    breaker.getState();

    fails1.fail(new Error("late"));
    succeeds1.succeed("late");
    await Promise.all(late);

    expect(breaker.getState()).toBe("half-open");
  });

  it("of before the opening does not prolong it", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000 });
    const held = heldWork();
    const late = breaker.execute(held.run).catch(() => undefined);
    await failTimes(breaker, 1);
    clock.advance(999);

    held.fail(new Error("late"));
    await late;
    clock.advance(1);

    expect(breaker.getState()).toBe("half-open");
  });

  it("of a probe does not count for the circuit that was closed meanwhile", async () => {
    const { breaker } = await halfOpen({ halfOpenRetries: 1, halfOpenConcurrency: 2 });
    const held = heldWork();
    const late = breaker.execute(held.run).catch(() => undefined);
    await succeedTimes(breaker, 1);

    held.fail(new Error("late"));
    await late;

    expect(breaker.getStats()).toMatchObject({ state: "closed", recentFailures: 0 });
  });

  it("of an earlier half-open time does not count for the next, nor take a place from it", async () => {
    const { breaker, clock } = await halfOpen({ halfOpenRetries: 2, halfOpenConcurrency: 2 });
    const held = heldWork();
    const late = breaker.execute(held.run);
    await breaker.execute(fails).catch(() => undefined);
    clock.advance(1_000);

    await succeedTimes(breaker, 1);
    held.succeed("late");
    await late;
    const afterLate = breaker.getState();
    await succeedTimes(breaker, 1);

    expect([afterLate, breaker.getState()]).toEqual(["half-open", "closed"]);
  });

  it("of a closed circuit counts for nothing after it was opened and closed by hand", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const held = heldWork();
    const late = breaker.execute(held.run).catch(() => undefined);
    breaker.open();
    breaker.close();

    held.fail(new Error("late"));
    await late;

    expect(breaker.getState()).toBe("closed");
  });
});
