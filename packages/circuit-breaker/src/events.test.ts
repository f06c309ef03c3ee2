import { afterEach, describe, expect, it } from "vitest";
import { heldWork } from "../test/held-work.ts";
import { failTimes, fails, manualBreaker, succeedTimes } from "../test/manual-breaker.ts";
import type { CircuitBreaker, CircuitBreakerEvents, StateChange } from "./index.ts";

const warnings: Error[] = [];
const onWarning = (warning: Error) => void warnings.push(warning);
process.on("warning", onWarning);
afterEach(() => warnings.splice(0));

function record(breaker: CircuitBreaker): [keyof CircuitBreakerEvents, unknown][] {
  const told: [keyof CircuitBreakerEvents, unknown][] = [];
  for (const name of ["opened", "half-opened", "closed", "succeeded", "failed", "refused", "fallback-used"] as const) {
    breaker.on(name, (event) => told.push([name, event]));
  }
  return told;
}

describe("CircuitBreaker.on", () => {
  it("tells the life of a circuit in order, each fact after it happened", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000, halfOpenRetries: 1 });
    const told = record(breaker);

    await breaker.execute(fails, () => "instead");
    await breaker.execute(fails, () => "instead");
    clock.advance(1_000);
    await succeedTimes(breaker, 1);

    expect(told.map(([name]) => name)).toEqual([
      "failed",
      "opened",
      "fallback-used",
      "refused",
      "fallback-used",
      "half-opened",
      "succeeded",
      "closed",
    ]);
  });

  it("tells of a change when, from where, why and until when", async () => {
    const { breaker } = manualBreaker({ threshold: 1, timeout: 1_000 });
    const changes: StateChange[] = [];
    breaker.on("opened", (change) => changes.push(change));

    await failTimes(breaker, 1);
    breaker.close();
    breaker.isolate("maintenance");

    expect(changes).toEqual([
      {
        name: "payments",
        state: "open",
        previous: "closed",
        timestamp: "2025-01-01T00:00:00.000Z",
        event: "trip",
        reason: "1 failure within 300000 ms",
        origin: "here",
        retryAfterMs: 1_000,
      },
      {
        name: "payments",
        state: "open",
        previous: "closed",
        timestamp: "2025-01-01T00:00:00.000Z",
        event: "isolate",
        reason: "maintenance",
        origin: "here",
      },
    ]);
  });

  it("tells of calls how long they took and what they failed with", async () => {
    const { breaker, clock } = manualBreaker({ isFailure: (error) => !(error instanceof RangeError) });
    const told = record(breaker);
    const work = (error?: Error) => async () => {
      clock.advance(5);
      if (error) throw error;
    };

    await breaker.execute(work());
    await breaker.execute(work(new RangeError("not found"))).catch(() => undefined);
    await breaker.execute(work(new Error("no service"))).catch(() => undefined);

    const about = { name: "payments", state: "closed", durationMs: 5 };
    expect(told).toEqual([
      ["succeeded", about],
      ["succeeded", { ...about, error: new RangeError("not found") }],
      ["failed", { ...about, error: new Error("no service") }],
    ]);
  });

  it("tells of calls that begin from now on only, whose time it knows", async () => {
    const { breaker } = manualBreaker();
    const [one, other] = [heldWork(), heldWork()];
    const calls = [breaker.execute(one.run), breaker.execute(other.run).catch(() => undefined)];
    const told = record(breaker);

    one.succeed("well");
    other.fail(new Error("no service"));
    await Promise.all(calls);

    expect(told).toEqual([]);
    expect(breaker.getStats()).toMatchObject({ succeeded: 1, failed: 1 });
  });

  it("notices that the time is over when somebody asks, and tells it once", async () => {
    const { breaker, clock } = manualBreaker({ threshold: 1, timeout: 1_000 });
    const told = record(breaker);
    await failTimes(breaker, 1);
    clock.advance(5_000);
    const before = told.length;

    breaker.getState();
    breaker.getState();
    breaker.getStats();

    expect(told.slice(before).map(([name]) => name)).toEqual(["half-opened"]);
  });

  it("keeps the order where a listener moves the circuit on", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const states: string[] = [];
    breaker.on("opened", () => breaker.close());
    breaker.on("opened", ({ state }) => states.push(state));
    breaker.on("closed", ({ state }) => states.push(state));

    await failTimes(breaker, 1);

    expect(states).toEqual(["open", "closed"]);
    expect(breaker.getState()).toBe("closed");
  });

  it("lets no listener that throws or rejects hurt the call or other listeners, and tells of it", async () => {
    const { breaker } = manualBreaker({ threshold: 1 });
    const told = record(breaker);
    const troubles: unknown[] = [];
    breaker.on("listener-failed", ({ error }) => troubles.push(error));
    for (const name of ["opened", "failed", "refused", "fallback-used"] as const) {
      breaker.on(name, () => {
        throw new Error(`throws on ${name}`);
      });
      breaker.on(name, () => Promise.reject(new Error(`rejects on ${name}`)));
      breaker.on(name, (event) => told.push([name, event]));
    }

    const results = [await breaker.execute(fails, () => "one"), await breaker.execute(fails, () => "two")];
    await new Promise((resolve) => setImmediate(resolve));

    expect(results).toEqual(["one", "two"]);
    expect(told.map(([name]) => name).filter((name) => name === "opened")).toHaveLength(2);
    expect(troubles).toHaveLength(10);
  });

  it("warns of trouble that nobody listens to, at most once a second", async () => {
    const { breaker } = manualBreaker();
    breaker.on("failed", () => {
      throw new Error("unheard");
    });

    await failTimes(breaker, 4);
    await new Promise((resolve) => setImmediate(resolve));

    expect(warnings.map(({ name, message }) => [name, message])).toEqual([
      ["SignalboxCircuitBreakerWarning", "circuit breaker payments: listener-failed: unheard"],
    ]);
  });

  it("warns where a listener for trouble makes trouble itself", async () => {
    const { breaker } = manualBreaker();
    breaker.on("failed", () => {
      throw new Error("first");
    });
    breaker.on("listener-failed", () => {
      throw new Error("second");
    });

    await failTimes(breaker, 1);
    await new Promise((resolve) => setImmediate(resolve));

    expect(warnings.map(({ message }) => message)).toEqual([
      "circuit breaker payments: a listener of listener-failed failed: second",
    ]);
  });
});

describe("CircuitBreaker.off", () => {
  it("ends what on began, and only that", async () => {
    const { breaker } = manualBreaker();
    const told: string[] = [];
    const [one, other] = [() => told.push("one"), () => told.push("other")];
    breaker.on("failed", one).on("failed", other).on("failed", one);

    breaker.off("failed", one).off("opened", one);
    await failTimes(breaker, 1);
    breaker.off("failed", other);
    await failTimes(breaker, 1);

    expect(told).toEqual(["other"]);
  });
});
