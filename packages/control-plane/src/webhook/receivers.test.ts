import { LIMITS, type LimitLookup } from "@signalbox/protocol";
import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { PostResult } from "./post-message.ts";
import { Receivers } from "./receivers.ts";

const FAILED: PostResult = { kind: "answered", status: 500 };
const TAKEN: PostResult = { kind: "answered", status: 200 };

const limits: LimitLookup = (name) => (name === "webhook.breakerFailures" ? 2 : LIMITS[name].value);

/** A receiver that has failed so often that it is left alone, and the time of that is just over. */
async function halfOpen() {
  const clock = new ManualClock();
  const receivers = new Receivers({ limits, clock });
  for (let failures = 0; failures < 2; failures++) await receivers.call("whk_1", async () => FAILED);
  expect([receivers.stateOf("whk_1"), receivers.roomOf("whk_1")]).toEqual(["open", 0]);
  clock.advance(receivers.quietMsOf("whk_1"));
  return receivers;
}

// Seen red with as many posts to a receiver that is half-open as to one that is well.
describe("a receiver that was left alone for its time", () => {
  it("is sent one post to see how it is, and no other until that is known", async () => {
    const receivers = await halfOpen();

    const before = receivers.roomOf("whk_1");
    receivers.count("whk_1", 1);

    expect([receivers.stateOf("whk_1"), before, receivers.roomOf("whk_1")]).toEqual(["half-open", 1, 0]);
  });

  it("refuses a second post even to who asked for room before the first was on its way", async () => {
    const receivers = await halfOpen();
    const answer = Promise.withResolvers<PostResult>();
    const first = receivers.call("whk_1", () => answer.promise);

    const second = receivers.call("whk_1", async () => TAKEN);

    await expect(second).rejects.toMatchObject({ name: "CircuitOpenError" });
    answer.resolve(TAKEN);
    await first;
    expect(receivers.stateOf("whk_1")).toBe("closed");
  });

  it("is sent everything after one post that it took, and left alone again after one that it did not", async () => {
    const well = await halfOpen();
    const ill = await halfOpen();

    await well.call("whk_1", async () => TAKEN);
    await ill.call("whk_1", async () => FAILED);

    expect([well.roomOf("whk_1"), ill.roomOf("whk_1")]).toEqual([limits("webhook.concurrency"), 0]);
  });
});
