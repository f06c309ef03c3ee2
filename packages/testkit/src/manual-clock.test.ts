import { describe, expect, it } from "vitest";
import { ManualClock } from "./manual-clock.ts";

describe("ManualClock", () => {
  it("stands still until it is moved", () => {
    const clock = new ManualClock(1000);

    clock.advance(250);

    expect([clock.now(), clock.monotonic()]).toEqual([1250, 250]);
  });

  it("fires timers in order of time, then of setting, each at the moment it was due", () => {
    const clock = new ManualClock(0);
    const fired: string[] = [];
    clock.setTimer(20, () => fired.push(`late at ${clock.now()}`));
    clock.setTimer(10, () => fired.push(`first at ${clock.now()}`));
    clock.setTimer(10, () => fired.push(`second at ${clock.now()}`));

    clock.advance(15);

    expect(fired).toEqual(["first at 10", "second at 10"]);
    expect(clock.pendingTimers).toBe(1);
  });

  it("fires timers that a timer sets, within the same move", () => {
    const clock = new ManualClock(0);
    const beats: number[] = [];
    const beat = () => {
      beats.push(clock.now());
      clock.setTimer(10, beat);
    };
    clock.setTimer(10, beat);

    clock.advance(35);

    expect(beats).toEqual([10, 20, 30]);
  });

  it("does not fire a cancelled timer, even one cancelled by an earlier timer of the same moment", () => {
    const clock = new ManualClock(0);
    let fired = false;
    const earlier = clock.setTimer(10, () => later.cancel());
    const later = clock.setTimer(10, () => (fired = true));

    clock.advance(10);
    earlier.cancel();

    expect(fired).toBe(false);
  });

  it("refuses to move backwards", () => {
    const clock = new ManualClock();

    expect(() => clock.advance(-1)).toThrow(RangeError);
    expect(() => clock.advance(Number.NaN)).toThrow(RangeError);
  });
});
