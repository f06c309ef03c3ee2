import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { LeaseKeeper, type HeldAttempt } from "./lease-keeper.ts";

const held: HeldAttempt = { attemptId: "att_1", epoch: 1 };

function keeper() {
  const clock = new ManualClock();
  const sent: { sentAt: number }[] = [];
  const expiring: number[] = [];
  const verdicts: string[] = [];
  const leases = new LeaseKeeper({
    clock,
    send: (message) => sent.push(message) > 0,
    onVerdict: (_attempt, verdict) => verdicts.push(verdict),
    onExpiring: () => expiring.push(clock.monotonic()),
  });
  const answer = (index: number, verdict: "renewed" | "cancel" | "lost" = "renewed", epoch = 1) =>
    leases.renewed({
      type: "renewed",
      sentAt: sent[index]?.sentAt ?? -1,
      attempts: [{ attemptId: "att_1", epoch, verdict }],
    });
  return { clock, sent, expiring, verdicts, leases, answer };
}

describe("LeaseKeeper", () => {
  it("counts a lease from when its renewal was sent, however late the answer comes", () => {
    const { clock, expiring, leases, answer } = keeper();
    leases.hold(held, 30_000, 0);
    leases.connected(10_000);

    clock.advance(10_000);
    clock.advance(9_000);
    answer(1);
    clock.advance(60_000);

    expect(expiring).toEqual([35_000]);
  });

  it("does not believe an answer to a renewal that was never sent, or was answered before", () => {
    const { clock, expiring, leases, answer } = keeper();
    leases.hold(held, 30_000, 0);
    leases.connected(60_000);
    answer(0);

    clock.advance(20_000);
    answer(0);
    leases.renewed({ type: "renewed", sentAt: 20_000, attempts: [{ ...held, verdict: "renewed" }] });
    clock.advance(5_000);

    expect(expiring).toEqual([25_000]);
  });

  it("does not shorten a lease when answers overtake each other", () => {
    const { clock, expiring, leases, answer } = keeper();
    leases.hold(held, 30_000, 0);
    leases.connected(10_000);
    clock.advance(10_000);
    answer(1);
    answer(0);

    clock.advance(60_000);

    expect(expiring).toEqual([35_000]);
  });

  it("passes on what the control plane decided, for the right epoch only", () => {
    const { clock, verdicts, leases, answer } = keeper();
    leases.hold(held, 30_000, 0);
    leases.connected(1_000);
    answer(0, "lost", 2);
    clock.advance(1_000);
    answer(1, "cancel");

    expect(verdicts).toEqual(["cancel"]);
  });

  it("renews nothing while there is no connection", () => {
    const { clock, sent, leases } = keeper();
    leases.hold(held, 30_000, 0);
    leases.connected(1_000);
    leases.disconnected();

    clock.advance(20_000);

    expect(sent).toHaveLength(1);
  });
});
