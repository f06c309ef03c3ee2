import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { failTimes, fails, manualBreaker, succeedTimes } from "../test/manual-breaker.ts";
import {
  shareThrough,
  type CircuitBreaker,
  type CircuitBreakerOptions,
  type RegisterStore,
  type SharedBreakerState,
  type StateChange,
} from "./index.ts";

type OnChanged = (change: { readonly key: string }) => void;

/** Registers that all processes of a test see at once; told of every write, also one's own. */
class Registers implements RegisterStore {
  readonly values = new Map<string, unknown>();
  readonly listeners = new Set<OnChanged>();
  writes = 0;

  getRegister(key: string): unknown {
    return structuredClone(this.values.get(key));
  }

  setRegister(key: string, value: unknown): void {
    this.writes++;
    this.values.set(key, structuredClone(value));
    for (const listener of this.listeners) listener({ key });
  }

  on(_event: "changed", listener: OnChanged): void {
    this.listeners.add(listener);
  }

  off(_event: "changed", listener: OnChanged): void {
    this.listeners.delete(listener);
  }
}

function together(count: number, options: CircuitBreakerOptions = {}) {
  const registers = new Registers();
  const clock = new ManualClock();
  const make = () => {
    const shared = shareThrough(registers, "payments");
    return manualBreaker({ threshold: 2, timeout: 1_000, halfOpenRetries: 1, clock, shared, ...options }).breaker;
  };
  return { registers, clock, make, breakers: Array.from({ length: count }, make) };
}

const statesOf = (breakers: CircuitBreaker[]) => breakers.map((breaker) => breaker.getState());

describe("Breakers that share their state", () => {
  it("open together, for the rest of the first one's time", async () => {
    const { clock, breakers } = together(3);

    await failTimes(breakers[0]!, 2);
    const opened = statesOf(breakers);
    clock.advance(999);
    const before = statesOf(breakers);
    clock.advance(1);

    expect(opened).toEqual(["open", "open", "open"]);
    expect(before).toEqual(["open", "open", "open"]);
    expect(statesOf(breakers)).toEqual(["half-open", "half-open", "half-open"]);
  });

  it("close together, when the probes of one have succeeded", async () => {
    const { clock, breakers } = together(3);
    await failTimes(breakers[0]!, 2);
    clock.advance(1_000);

    await succeedTimes(breakers[1]!, 1);

    expect(statesOf(breakers)).toEqual(["closed", "closed", "closed"]);
  });

  it("open together again, when a probe of one fails", async () => {
    const { clock, breakers } = together(2);
    await failTimes(breakers[0]!, 2);
    clock.advance(1_000);
    statesOf(breakers);

    await failTimes(breakers[1]!, 1);

    expect(statesOf(breakers)).toEqual(["open", "open"]);
  });

  it("are isolated and closed together by hand", () => {
    const { clock, breakers } = together(2);

    breakers[0]?.open();
    breakers[0]?.isolate("maintenance");
    clock.advance(1e9);
    const isolated = statesOf(breakers);
    breakers[1]?.close();

    expect(isolated).toEqual(["open", "open"]);
    expect(statesOf(breakers)).toEqual(["closed", "closed"]);
  });

  it("write each change once, by the one that made it", async () => {
    const { registers, clock, breakers } = together(3);

    await failTimes(breakers[0]!, 2);
    clock.advance(1_000);
    statesOf(breakers);
    await succeedTimes(breakers[1]!, 1);

    expect(registers.writes).toBe(2);
  });

  it("count failures each for itself", async () => {
    const { breakers } = together(2);

    await failTimes(breakers[0]!, 1);
    await failTimes(breakers[1]!, 1);

    expect(statesOf(breakers)).toEqual(["closed", "closed"]);
  });

  it("take over what was shared before they were made", async () => {
    const { clock, breakers, make } = together(1);
    await failTimes(breakers[0]!, 2);
    clock.advance(400);

    const late = make();

    expect(late.getState()).toBe("open");
    expect(late.getStats().retryAfterMs).toBe(600);
  });

  it("do not take over an opening that is over", async () => {
    const { clock, breakers, make } = together(1);
    await failTimes(breakers[0]!, 2);
    clock.advance(1_000);

    expect(make().getState()).toBe("closed");
  });

  it("stay open no longer than one of their own openings, whatever another's clock says", () => {
    const { registers, breakers } = together(1, { maxTimeout: 5_000 });

    registers.setRegister("circuit-breaker/payments", {
      state: "open",
      untilMs: Date.UTC(2099),
      reason: "wrong clock",
    });

    expect(breakers[0]?.getStats()).toMatchObject({ state: "open", retryAfterMs: 5_000 });
  });

  it("tell of a change from where it came", () => {
    const { breakers } = together(2);
    const changes: StateChange[] = [];
    for (const breaker of breakers) breaker.on("opened", (change) => changes.push(change));

    breakers[1]?.open("maintenance");

    expect(changes.map(({ origin, reason }) => [origin, reason])).toEqual([
      ["elsewhere", "maintenance"],
      ["here", "maintenance"],
    ]);
  });

  it("end in the state that was reached last where a listener moves one on at once", () => {
    const { breakers } = together(2);
    let isFirst = true;
    breakers[0]?.on("opened", () => {
      if (!isFirst) return;
      isFirst = false;
      breakers[0]?.close();
      breakers[0]?.open("again");
    });

    breakers[0]?.open();

    expect(statesOf(breakers)).toEqual(["open", "open"]);
  });

  it("pay no heed to other registers, and none after they have left", () => {
    const { registers, breakers } = together(2);

    registers.setRegister("circuit-breaker/orders", { state: "open", untilMs: null, reason: "not theirs" });
    const afterOther = statesOf(breakers);
    breakers[0]?.[Symbol.dispose]();
    breakers[0]?.[Symbol.dispose]();
    breakers[1]?.isolate();

    expect(afterOther).toEqual(["closed", "closed"]);
    expect(statesOf(breakers)).toEqual(["closed", "open"]);
    expect(registers.listeners.size).toBe(1);
  });

  it.each([
    ["text"],
    [7],
    [null],
    [{}],
    [{ state: "half-open", untilMs: null, reason: "" }],
    [{ state: "open", untilMs: "soon", reason: "" }],
    [{ state: "open", untilMs: Number.NaN, reason: "" }],
    [{ state: "open", untilMs: 1 }],
  ])("stay as they are where %o is shared, and tell", (value) => {
    const { registers, breakers } = together(1);
    const troubles: unknown[] = [];
    breakers[0]?.on("sharing-failed", ({ error }) => troubles.push(error));

    registers.setRegister("circuit-breaker/payments", value);

    expect(breakers[0]?.getState()).toBe("closed");
    expect(troubles).toEqual([new TypeError("what is shared is not the state of a circuit")]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no state");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no state"))],
  ])("work on by themselves where the port %s", async (_how, set) => {
    const shared: SharedBreakerState = { get: () => undefined, set, subscribe: () => () => undefined };
    const { breaker } = manualBreaker({ threshold: 1, shared });
    const troubles: unknown[] = [];
    breaker.on("sharing-failed", ({ error }) => troubles.push(error));

    const result = await breaker.execute(fails, () => "instead");

    expect(result).toBe("instead");
    expect(breaker.getState()).toBe("open");
    await expect.poll(() => troubles).toEqual([new Error("no state")]);
  });
});
