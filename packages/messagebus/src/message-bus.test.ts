import { setImmediate as turn } from "node:timers/promises";

import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { BusError } from "./errors.ts";
import type { ListenerFailure } from "./listener-errors.ts";
import { LocalHub, type LocalHubOptions } from "./local-hub.ts";
import { MessageBus, type MessageBusOptions } from "./message-bus.ts";
import { MessageType, type Message, type PublishInput } from "./message.ts";

describe("MessageBus.publish", () => {
  it("hands over a message with everything in it, stamped by the bus", async () => {
    const clock = new ManualClock();
    const { hub } = aHub();
    const [sender, receiver] = [busOn(hub, "sender", { clock }), busOn(hub, "receiver")];
    const seen: Message[] = [];
    receiver.subscribe("orchestration/task-complete", (message) => seen.push(message));

    await sender.publish({
      topic: "orchestration.task-complete",
      messageType: MessageType.COMMAND,
      headers: { traceId: "trace_abc" },
      priority: 8,
      payload: { taskId: "task_123" },
    });

    expect(seen).toEqual([
      {
        messageId: expect.stringMatching(/^[0-9a-f]{32}-1$/),
        topic: "orchestration/task-complete",
        source: "sender",
        messageType: "command",
        priority: 8,
        headers: { traceId: "trace_abc" },
        timestamp: "2025-01-01T00:00:00.000Z",
        payload: { taskId: "task_123" },
      },
    ]);
  });

  it("makes an event of priority 5 without headers where nothing else is said", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: Message[] = [];
    bus.subscribe("t", (message) => seen.push(message));

    await bus.publish({ topic: "t" });

    expect(seen[0]).toMatchObject({ messageType: "event", priority: 5, headers: {}, payload: undefined });
  });

  it("gives every message an id of its own, over two buses of one id as well", async () => {
    const { hub } = aHub();
    const [one, two] = [busOn(hub, "a"), busOn(hub, "a")];
    const ids: string[] = [];
    one.subscribe("t", ({ messageId }) => ids.push(messageId));

    for (let n = 0; n < 100; n++) await (n % 2 ? one : two).publish({ topic: "t" });

    expect(new Set(ids).size).toBe(100);
  });

  it("resolves after every matching handler was called, and does not wait for what they go on to do", async () => {
    const { hub } = aHub();
    const [a, b] = [busOn(hub, "a"), busOn(hub, "b")];
    const called: string[] = [];
    a.subscribe("t", () => called.push("sync"));
    b.subscribe("*", async () => {
      called.push("async");
      await new Promise(() => {});
    });

    await a.publish({ topic: "t" });

    expect(called).toEqual(["sync", "async"]);
  });

  it("calls handlers by priority and then in the order of subscribing, over all plugins", async () => {
    const { hub } = aHub();
    const [a, b] = [busOn(hub, "a"), busOn(hub, "b")];
    const called: string[] = [];
    a.subscribe("t/x", () => called.push("first"));
    b.subscribe("t/*", () => called.push("second"));
    b.subscribe("t/x", () => called.push("before all"), { priority: 10 });
    a.subscribe("**", () => called.push("after all"), { priority: -0.5 });
    a.subscribe("t/**", () => called.push("third"));

    await a.publish({ topic: "t/x" });

    expect(called).toEqual(["before all", "first", "second", "third", "after all"]);
  });

  it("hands an addressed message to the handlers of its destination only", async () => {
    const { hub } = aHub();
    const [a, b, c] = [busOn(hub, "a"), busOn(hub, "b"), busOn(hub, "c")];
    const called: string[] = [];
    for (const bus of [a, b, c]) bus.subscribe("t", () => called.push(bus.pluginId));

    await a.publish({ topic: "t", destination: "b" });

    expect(called).toEqual(["b"]);
  });

  it.each<[string, object, string]>([
    ["another sender", { source: "system" }, "INVALID_MESSAGE"],
    ["an id of its own", { messageId: "m1" }, "INVALID_MESSAGE"],
    ["a time of its own", { timestamp: "2020-01-01T00:00:00Z" }, "INVALID_MESSAGE"],
    ["a correlation id of its own", { correlationId: "0".repeat(32) }, "INVALID_MESSAGE"],
    ["a wildcard", { topic: "a/*" }, "INVALID_TOPIC"],
    ["no topic", { topic: undefined }, "INVALID_TOPIC"],
    ["a topic of the host", { topic: "system.broadcast" }, "RESERVED_TOPIC"],
    ["a topic of the router", { topic: "routing/decision" }, "RESERVED_TOPIC"],
    ["a type that is none", { messageType: "shout" }, "INVALID_MESSAGE"],
    ["a type that is a name of objects", { messageType: "constructor" }, "INVALID_MESSAGE"],
    ["a priority above 10", { priority: 11 }, "INVALID_MESSAGE"],
    ["a priority that is none", { priority: Number.NaN }, "INVALID_MESSAGE"],
    ["a destination that is no id", { destination: "a/b" }, "INVALID_PLUGIN_ID"],
    ["headers that are no strings", { headers: { a: 1 } }, "INVALID_MESSAGE"],
    ["headers in a Map", { headers: new Map([["a", "b"]]) }, "INVALID_MESSAGE"],
    ["headers in a list", { headers: ["a"] }, "INVALID_MESSAGE"],
    ["a __proto__ header", { headers: JSON.parse('{"__proto__":"x"}') }, "INVALID_MESSAGE"],
    [
      "33 headers",
      { headers: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`h${n}`, ""])) },
      "INVALID_MESSAGE",
    ],
    ["long headers", { headers: { a: "x".repeat(8_192) } }, "INVALID_MESSAGE"],
    ["a payload of 10 MB", { payload: "x".repeat(10_000_000) }, "INVALID_MESSAGE"],
    ["a payload that is a function", { payload: () => {} }, "INVALID_MESSAGE"],
  ])("refuses %s, and delivers nothing", async (_name, part, code) => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: Message[] = [];
    bus.subscribe("**", (message) => seen.push(message));
    const input = { topic: "t", payload: {}, ...part } as PublishInput;

    await expect(bus.publish(input)).rejects.toMatchObject({ code });

    expect(seen).toEqual([]);
  });

  it.each([undefined, null, "topic", 7])("refuses %j as a message", async (input) => {
    const { hub } = aHub();

    // Deliberately not what the types allow.
    await expect(busOn(hub, "a").publish(input as unknown as PublishInput)).rejects.toThrow("a message is an object");
  });

  it("takes an input that names its own bus as the source", async () => {
    const { hub } = aHub();

    await expect(busOn(hub, "a").publish({ topic: "t", source: "a" } as PublishInput)).resolves.toBeUndefined();
  });

  it("lets the host publish on the reserved topics, and plugins listen to them", async () => {
    const { hub } = aHub();
    const [host, plugin] = [busOn(hub, "system", { isSystem: true }), busOn(hub, "a")];
    const seen: string[] = [];
    plugin.subscribe("system/*", ({ source, topic }) => seen.push(`${source} ${topic}`));
    plugin.subscribe("routing.>", ({ source, topic }) => seen.push(`${source} ${topic}`));

    await host.publish({ topic: "system/broadcast" });
    await host.publish({ topic: "routing/decision" });

    expect(seen).toEqual(["system system/broadcast", "system routing/decision"]);
  });
});

describe("a handler that fails", () => {
  it.each<[string, () => unknown]>([
    ["throws", () => explode()],
    ["rejects", async () => explode()],
    // oxlint-disable-next-line unicorn/no-thenable -- somebody will
    ["returns something whose then throws", () => ({ then: () => explode() })],
    ["throws nothing in particular", () => explode(undefined)],
  ])("hurts neither the sender nor the next handler, and is reported, when it %s", async (_name, handler) => {
    const { hub } = aHub();
    const failures: ListenerFailure[] = [];
    const bus = busOn(hub, "a", { onListenerError: (failure) => failures.push(failure) });
    let isNextCalled = false;
    bus.subscribe("t/*", handler);
    bus.subscribe("t/x", () => (isNextCalled = true));

    await bus.publish({ topic: "t/x" });
    await turn();

    expect(isNextCalled).toBe(true);
    expect(failures).toMatchObject([{ pluginId: "a", pattern: "t/*", message: { topic: "t/x" } }]);
  });

  it("does not hurt anybody with a hook that throws either", async () => {
    const { hub } = aHub();
    const warnings = collectWarnings();
    const bus = busOn(hub, "a", { onListenerError: () => explode() });
    bus.subscribe("hook/t", () => explode());

    await bus.publish({ topic: "hook/t" });

    expect(await warnings()).toEqual(["a handler of plugin a for hook/t failed: explosive"]);
  });

  it("is told as a process warning by default, and not without end", async () => {
    const { hub } = aHub();
    const warnings = collectWarnings();
    const bus = new MessageBus({ pluginId: "a", transport: hub });
    bus.subscribe("default/t", () => explode());

    for (let n = 0; n < 100; n++) await bus.publish({ topic: "default/t" });

    expect(await warnings()).toEqual(["a handler of plugin a for default/t failed: explosive"]);
  });
});

describe("a filter", () => {
  it("chooses what its handler gets", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: number[] = [];
    bus.subscribe("t", ({ priority }) => seen.push(priority), { filter: ({ priority }) => priority >= 8 });

    for (const priority of [1, 8, 5, 10]) await bus.publish({ topic: "t", priority });

    expect(seen).toEqual([8, 10]);
  });

  it("that throws is reported and chooses nothing, and others get their messages", async () => {
    const { hub } = aHub();
    const failures: unknown[] = [];
    const bus = busOn(hub, "a", { onListenerError: ({ error }) => failures.push(error) });
    const seen: string[] = [];
    bus.subscribe("t", () => seen.push("filtered"), { filter: () => explode() });
    bus.subscribe("t", () => seen.push("other"));

    await bus.publish({ topic: "t" });

    expect(seen).toEqual(["other"]);
    expect(failures).toEqual([new Error("explosive")]);
  });
});

describe("order", () => {
  it("lets no listener see what was published during a delivery before what was being delivered", async () => {
    const { hub } = aHub();
    const [a, b] = [busOn(hub, "a"), busOn(hub, "b")];
    const seen: string[] = [];
    a.subscribe("t", ({ payload }) => {
      seen.push(`first ${payload}`);
      if (payload < 3) void a.publish({ topic: "t", payload: payload + 1 });
    });
    b.subscribe("t", ({ payload }) => seen.push(`second ${payload}`));

    await a.publish({ topic: "t", payload: 1 });

    expect(seen).toEqual(["first 1", "second 1", "first 2", "second 2", "first 3", "second 3"]);
  });

  it("keeps requests among the publishes", async () => {
    const { hub } = aHub();
    const [a, b] = [busOn(hub, "a"), busOn(hub, "b")];
    const seen: string[] = [];
    b.subscribe("plugin/b/request", ({ payload, correlationId }) => {
      seen.push(payload);
      if (correlationId) void b.respond(correlationId, payload);
    });
    a.subscribe("go", () => {
      void a.publish({ topic: "plugin/b/request", payload: "published" });
      void a.request({ topic: "plugin/b/request", payload: "requested" });
      void a.publish({ topic: "plugin/b/request", payload: "published again" });
    });

    await a.publish({ topic: "go" });

    expect(seen).toEqual(["published", "requested", "published again"]);
  });

  it("resolves a nested publish when its handlers were called", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: string[] = [];
    bus.subscribe("outer", async () => {
      await bus.publish({ topic: "inner" });
      seen.push("inner is published");
    });
    bus.subscribe("inner", () => seen.push("inner is delivered"));

    await bus.publish({ topic: "outer" });
    await turn();

    expect(seen).toEqual(["inner is delivered", "inner is published"]);
  });

  it("does not give a message to who subscribed after it was sent, and gives none to who unsubscribed", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: string[] = [];
    bus.subscribe("t", ({ payload }) => {
      if (payload !== 1) return;
      void bus.publish({ topic: "t", payload: 2 });
      bus.subscribe("t", (message) => seen.push(`newcomer ${message.payload}`));
      leaver.unsubscribe();
    });
    const leaver = bus.subscribe("t", ({ payload }) => seen.push(`leaver ${payload}`));

    await bus.publish({ topic: "t", payload: 1 });
    await bus.publish({ topic: "t", payload: 3 });

    expect(seen).toEqual(["newcomer 3"]);
  });

  it("lets the event loop have its turn in a storm without end", async () => {
    const { hub } = aHub({ "queue.batch": 10 });
    const bus = busOn(hub, "a");
    let count = 0;
    bus.subscribe("t", () => {
      count++;
      void bus.publish({ topic: "t" });
    });

    await bus.publish({ topic: "t" });

    expect(count).toBe(11);
    await turn();
    await turn();
    expect(count).toBeGreaterThan(11);
    bus.clear();
  });

  it("keeps the order over such a pause, for those who publish meanwhile too", async () => {
    const { hub } = aHub({ "queue.batch": 2 });
    const bus = busOn(hub, "a");
    const seen: number[] = [];
    bus.subscribe("start", () => {
      for (let n = 0; n < 5; n++) void bus.publish({ topic: "t", payload: n });
    });
    bus.subscribe("t", ({ payload }) => seen.push(payload));

    await bus.publish({ topic: "start" });
    expect(seen).toEqual([0, 1]);
    await bus.publish({ topic: "t", payload: 5 });

    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it("bounds what waits, and refuses the rest", async () => {
    const { hub } = aHub({ "queue.messages": 3 });
    const bus = busOn(hub, "a");
    const results: Promise<unknown>[] = [];
    bus.subscribe("start", () => {
      for (let n = 0; n < 4; n++) results.push(bus.publish({ topic: "t" }));
      results.push(bus.request({ topic: "t", destination: "a" }));
    });

    await bus.publish({ topic: "start" });

    const settled = await Promise.allSettled(results);
    expect(settled.map((result) => (result.status === "rejected" ? result.reason.code : "delivered"))).toEqual([
      "delivered",
      "delivered",
      "delivered",
      "OVERLOADED",
      "OVERLOADED",
    ]);
  });
});

describe("AbortSignal", () => {
  it("stops a publish before it is sent", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: Message[] = [];
    bus.subscribe("t", (message) => seen.push(message));

    await expect(bus.publish({ topic: "t" }, { signal: AbortSignal.abort("enough") })).rejects.toBe("enough");

    expect(seen).toEqual([]);
  });

  it("stops a publish that waits for its turn", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const seen: Message[] = [];
    const controller = new AbortController();
    let nested: Promise<void> | undefined;
    bus.subscribe("start", () => {
      nested = bus.publish({ topic: "t" }, { signal: controller.signal });
      controller.abort("enough");
    });
    bus.subscribe("t", (message) => seen.push(message));

    await bus.publish({ topic: "start" });

    await expect(nested).rejects.toBe("enough");
    expect(seen).toEqual([]);
  });

  it("ends a subscription, and makes none when it is aborted already", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    const controller = new AbortController();
    let count = 0;
    bus.subscribe("t", () => count++, { signal: controller.signal });

    await bus.publish({ topic: "t" });
    controller.abort(new Error("enough"));
    await bus.publish({ topic: "t" });

    expect(count).toBe(1);
    expect(() => bus.subscribe("t", () => {}, { signal: controller.signal })).toThrow("enough");
  });
});

describe("MessageBus.subscribe", () => {
  it("is in force at once in process", async () => {
    const { hub } = aHub();

    await expect(busOn(hub, "a").subscribe("t", () => {}).ready).resolves.toBeUndefined();
  });

  it("ends by unsubscribe, which may come twice, and by using", async () => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");
    let count = 0;
    const subscription = bus.subscribe("t", () => count++);
    {
      using _scoped = bus.subscribe("t", () => count++);
      await bus.publish({ topic: "t" });
    }

    await bus.publish({ topic: "t" });
    subscription.unsubscribe();
    subscription.unsubscribe();
    await bus.publish({ topic: "t" });

    expect(count).toBe(3);
    expect(subscription.pattern).toBe("t");
  });

  it.each<[string, unknown[]]>([
    ["a pattern that is none", ["a/**/b", () => {}]],
    ["a handler that is none", ["a", "handler"]],
    ["a filter that is none", ["a", () => {}, { filter: 1 }]],
    ["a priority that is none", ["a", () => {}, { priority: Number.NaN }]],
  ])("refuses %s", (_name, args) => {
    const { hub } = aHub();
    const bus = busOn(hub, "a");

    // Deliberately not what the types allow.
    expect(() => Reflect.apply(bus.subscribe.bind(bus), bus, args)).toThrow(BusError);
  });

  it("bounds the subscriptions of a plugin", () => {
    const { hub } = aHub({ subscriptions: 2 });
    const bus = busOn(hub, "a");
    bus.subscribe("t", () => {});
    bus.subscribe("t", () => {}).unsubscribe();
    bus.subscribe("t", () => {});

    expect(() => bus.subscribe("t", () => {})).toThrow(/already has 2 subscriptions/);
  });
});

describe("MessageBus.close", () => {
  it("ends what comes in, refuses what is to go out, and may be called again", async () => {
    const { hub } = aHub();
    const [a, b] = [busOn(hub, "a"), busOn(hub, "b")];
    let count = 0;
    a.subscribe("t", () => count++);

    await a.close();
    await a.close();
    await b.publish({ topic: "t" });
    a.clear();

    expect(count).toBe(0);
    expect(a.isClosed).toBe(true);
    expect(() => a.subscribe("t", () => {})).toThrow(/was closed/);
    await expect(a.publish({ topic: "t" })).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await expect(a.request({ topic: "t", destination: "b" })).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    await expect(a.call("plugin://b/rpc", "x")).rejects.toMatchObject({ code: "CONNECTION_LOST" });
  });

  it("comes with the end of the transport", async () => {
    const { hub } = aHub();
    const [a, b] = [busOn(hub, "a"), busOn(hub, "b")];
    b.subscribe("t", () => {});
    const asked = a.request({ topic: "t", destination: "b" });

    await hub.close();

    await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/CONNECTION_LOST|NO_RESPONDER/) });
    expect([a.isClosed, b.isClosed]).toEqual([true, true]);
    expect(() => busOn(hub, "c")).toThrow(/hub was closed/);
  });

  it("fails what waits behind a delivery when the transport ends", async () => {
    const { hub } = aHub({ "queue.batch": 1 });
    const bus = busOn(hub, "a");
    const results: Promise<unknown>[] = [];
    bus.subscribe("start", () => {
      for (let n = 0; n < 3; n++) results.push(bus.publish({ topic: "t" }));
    });
    await bus.publish({ topic: "start" });

    await hub.close();

    const settled = await Promise.allSettled(results);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
  });
});

describe("a plugin id", () => {
  it.each(["", "-a", "a/b", "a.b", "a b", "a*", "ä", "a".repeat(65), undefined, 7])("cannot be %j", (pluginId) => {
    const { hub } = aHub();

    // Deliberately not what the types allow.
    expect(() => busOn(hub, pluginId as string)).toThrow(/is not a plugin id/);
  });

  it("is not system for a plugin, and nothing else for the host", () => {
    const { hub } = aHub();

    expect(() => busOn(hub, "system")).toThrow(/the host of plugins/);
    expect(() => busOn(hub, "a", { isSystem: true })).toThrow(/the host of plugins/);
  });
});

function aHub(limits: NonNullable<LocalHubOptions["limits"]> = {}): { hub: LocalHub } {
  return { hub: new LocalHub({ limits }) };
}

function busOn(hub: LocalHub, pluginId: string, options: Partial<MessageBusOptions> = {}): MessageBus {
  return new MessageBus({ pluginId, transport: hub, ...options });
}

function explode(error: unknown = new Error("explosive")): never {
  throw error;
}

/** Collects the warnings of this package from now until it is called. */
function collectWarnings(): () => Promise<string[]> {
  const messages: string[] = [];
  const listener = (warning: Error) => {
    if (warning.name === "SignalboxListenerWarning") messages.push(warning.message);
  };
  process.on("warning", listener);
  return async () => {
    await turn();
    process.off("warning", listener);
    return messages;
  };
}
