import { ManualClock } from "@signalbox/testkit";
import { array, assert, constantFrom, nat, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { Deadlines, type DeadlineQueue, type Expiring } from "./deadlines.ts";

describe("Deadlines", () => {
  it("ends each at its own time, those of one length in the order in which they began", () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const ended: string[] = [];
    deadlines.add(waiting("long", ended), 100);
    deadlines.add(waiting("short", ended), 10);
    clock.advance(5);
    deadlines.add(waiting("short, later", ended), 10);

    clock.advance(5);
    expect(ended).toEqual(["short"]);
    clock.advance(5);
    expect(ended).toEqual(["short", "short, later"]);
    clock.advance(84);
    expect(ended).toHaveLength(2);
    clock.advance(1);

    expect(ended).toEqual(["short", "short, later", "long"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("does what a timer for each would do", () => {
    const step = record({
      act: constantFrom("add", "add", "remove", "advance"),
      n: nat(30),
      ms: constantFrom(5, 10, 30),
    });

    assert(
      property(array(step, { maxLength: 80, size: "max" }), (steps) => {
        const clock = new ManualClock();
        const deadlines = new Deadlines(clock);
        const ended: string[] = [];
        const wanted: string[] = [];
        const items: { item: Expiring; timer: { cancel(): void } }[] = [];
        for (const [index, { act, n, ms }] of steps.entries()) {
          if (act === "add") {
            const item = waiting(`${index}`, ended);
            // The reference fires first, and so for one moment is ahead.
            items.push({ item, timer: clock.setTimer(ms, () => wanted.push(`${index}`)) });
            deadlines.add(item, ms);
          } else if (act === "remove" && items.length > 0) {
            const { item, timer } = items[n % items.length]!;
            deadlines.remove(item);
            timer.cancel();
          } else clock.advance(n);
          expect(ended.toSorted()).toEqual(wanted.toSorted());
        }
      }),
    );
  });

  it("keeps no more than a few idle timers, whatever lengths are asked for", () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);

    for (let ms = 1; ms <= 1_000; ms++) {
      const item = waiting("", []);
      deadlines.add(item, ms);
      deadlines.remove(item);
    }

    expect(clock.pendingTimers).toBeLessThanOrEqual(16);
  });

  it("hands out everything that waits, and then waits for nothing", () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const ended: string[] = [];
    const items = [waiting("a", ended), waiting("b", ended), waiting("c", ended)];
    for (const [index, item] of items.entries()) deadlines.add(item, 10 + (index % 2));

    const drained = deadlines.drain();
    clock.advance(100);

    expect(new Set(drained)).toEqual(new Set(items));
    expect(ended).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("lets one that ends begin another of the same length", () => {
    const clock = new ManualClock();
    const deadlines = new Deadlines(clock);
    const ended: string[] = [];
    const second = waiting("second", ended);
    deadlines.add(
      waiting("first", ended, () => deadlines.add(second, 10)),
      10,
    );

    clock.advance(10);
    expect(ended).toEqual(["first"]);
    clock.advance(10);

    expect(ended).toEqual(["first", "second"]);
  });

  it("keeps the process alive only while something waits", () => {
    const calls: string[] = [];
    const timer = { cancel: () => {}, ref: () => calls.push("ref"), unref: () => calls.push("unref") };
    const deadlines = new Deadlines({ now: () => 0, monotonic: () => 0, setTimer: () => timer });
    const [one, two] = [waiting("", []), waiting("", [])];

    deadlines.add(one, 10);
    deadlines.add(two, 10);
    deadlines.remove(one);
    expect(calls).toEqual(["ref"]);
    deadlines.remove(two);

    expect(calls).toEqual(["ref", "unref"]);
  });
});

function waiting(name: string, ended: string[], then: () => void = () => {}): Expiring {
  return {
    dueMs: 0,
    earlier: undefined,
    later: undefined,
    queue: undefined as DeadlineQueue | undefined,
    expire() {
      ended.push(name);
      then();
    },
  };
}
