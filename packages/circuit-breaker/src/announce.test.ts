import { getMessageBus, MessageType, resetMessageBus, type Message } from "@signalbox/messagebus";
import { ManualClock } from "@signalbox/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failTimes, succeedTimes } from "../test/manual-breaker.ts";
import { CircuitBreaker, type StateChange } from "./index.ts";

beforeEach(() => resetMessageBus());
afterEach(() => resetMessageBus());

function listen(pattern: string): Message<StateChange>[] {
  const messages: Message<StateChange>[] = [];
  getMessageBus("watcher").subscribe(pattern, (message) => messages.push(message));
  return messages;
}

describe("Announcements", () => {
  it("tell each change on plugin/<name>/circuit-breaker with state and timestamp (P-39, P-77)", async () => {
    const messages = listen("plugin/your-plugin/circuit-breaker");
    const clock = new ManualClock();
    const breaker = new CircuitBreaker("your-plugin", { threshold: 1, timeout: 1_000, halfOpenRetries: 1, clock });

    await failTimes(breaker, 1);
    clock.advance(1_000);
    await succeedTimes(breaker, 1);

    expect(messages.map(({ payload }) => [payload.state, payload.previous, payload.timestamp])).toEqual([
      ["open", "closed", "2025-01-01T00:00:00.000Z"],
      ["half-open", "open", "2025-01-01T00:00:01.000Z"],
      ["closed", "half-open", "2025-01-01T00:00:01.000Z"],
    ]);
    expect(messages[0]).toMatchObject({ source: "your-plugin", messageType: MessageType.EVENT });
    expect(messages[0]?.payload).toMatchObject({
      event: "trip",
      reason: "1 failure within 300000 ms",
      retryAfterMs: 1_000,
    });
  });

  it("have been told when the call that made the change is answered", async () => {
    const messages = listen("plugin.*.circuit-breaker");
    const breaker = new CircuitBreaker("your-plugin", { threshold: 1 });

    await breaker.execute(
      async () => {
        throw new Error("no service");
      },
      async () => undefined,
    );

    expect(messages).toHaveLength(1);
  });

  it("go over the bus of after a reset as well", async () => {
    const breaker = new CircuitBreaker("your-plugin");
    breaker.open();
    resetMessageBus();
    const messages = listen("plugin/your-plugin/circuit-breaker");

    breaker.close();

    await expect.poll(() => messages.map(({ payload }) => payload.state)).toEqual(["closed"]);
  });

  it("go over the bus that was given, in the name of its plugin", async () => {
    const messages = listen("plugin/payments/circuit-breaker");
    const breaker = new CircuitBreaker("payments", { bus: getMessageBus("your-plugin") });

    breaker.open();

    await expect.poll(() => messages.map(({ source }) => source)).toEqual(["your-plugin"]);
  });

  it("are left out where they are not wanted", async () => {
    const messages = listen("plugin/**");
    const breaker = new CircuitBreaker("your-plugin", { announce: false });

    await failTimes(breaker, 5);

    expect(breaker.getState()).toBe("open");
    expect(messages).toEqual([]);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no bus");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no bus"))],
  ])("do not hurt the call where the bus %s, and an event tells", async (_how, publish) => {
    const breaker = new CircuitBreaker("your-plugin", { threshold: 1, bus: { publish } });
    const troubles: unknown[] = [];
    breaker.on("announcement-failed", ({ error }) => troubles.push(error));

    const result = await breaker.execute(
      () => Promise.reject(new Error("no service")),
      () => "instead",
    );

    expect(result).toBe("instead");
    await expect.poll(() => troubles).toEqual([new Error("no bus")]);
  });

  it("do not wait for a bus that never answers", async () => {
    const publish = () => new Promise<void>(() => undefined);
    const breaker = new CircuitBreaker("your-plugin", { threshold: 1, bus: { publish } });

    await failTimes(breaker, 1);

    expect(breaker.getState()).toBe("open");
  });

  it("let a handler act on the breaker, and keep their order", async () => {
    const messages = listen("plugin/your-plugin/circuit-breaker");
    const breaker = new CircuitBreaker("your-plugin");
    getMessageBus("operator").subscribe("plugin/your-plugin/circuit-breaker", ({ payload }: Message<StateChange>) => {
      if (payload.state === "open") breaker.close("not today");
    });

    breaker.open();

    await expect.poll(() => messages.map(({ payload }) => payload.state)).toEqual(["open", "closed"]);
    expect(breaker.getState()).toBe("closed");
  });
});
