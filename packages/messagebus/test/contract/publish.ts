import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import type { Message } from "../../src/index.ts";
import { collect, payloads } from "./plugins.ts";
import type { Worlds } from "./world.ts";

/** Who gets what, in which order, and how it looks. */
export function itPublishes(worlds: Worlds): void {
  it("delivers on the topic that was subscribed to, and on no other", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got = await collect(subscriber, "orders/created");

    await publisher.publish({ topic: "orders/deleted", payload: 1 });
    await publisher.publish({ topic: "orders/created/late", payload: 2 });
    await publisher.publish({ topic: "orders/created", payload: 3 });

    await eventually(() => got.length > 0);
    expect(payloads(got)).toEqual([3]);
  });

  it("takes a topic with dots and one with slashes for the same", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const dotted = await collect(subscriber, "a.b.c");
    const slashed = await collect(subscriber, "a/b/c");

    await publisher.publish({ topic: "a/b/c", payload: 1 });
    await publisher.publish({ topic: "a.b.c", payload: 2 });

    await eventually(() => dotted.length === 2 && slashed.length === 2);
    expect([payloads(dotted), payloads(slashed)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(dotted[0]?.topic).toBe("a/b/c");
  });

  it("lets * stand for one level, and ** and > for one or more", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const patterns = ["a/*", "a/*/c", "a/**", "a/>", "**", "*.b"];
    const got = await Promise.all(patterns.map((pattern) => collect(subscriber, pattern)));

    for (const topic of ["a", "a/b", "a/b/c", "x/b", "a/b/c/d"]) await publisher.publish({ topic, payload: topic });

    await eventually(() => got[4]?.length === 5);
    expect(Object.fromEntries(patterns.map((pattern, index) => [pattern, payloads(got[index] ?? [])]))).toEqual({
      "a/*": ["a/b"],
      "a/*/c": ["a/b/c"],
      "a/**": ["a/b", "a/b/c", "a/b/c/d"],
      "a/>": ["a/b", "a/b/c", "a/b/c/d"],
      "**": ["a", "a/b", "a/b/c", "x/b", "a/b/c/d"],
      "*.b": ["a/b", "x/b"],
    });
  });

  it("keeps the order of each publisher on each topic", async () => {
    const [one, two, subscriber] = await worlds.join("one", "two", "subscriber");
    const got = await collect(subscriber, "stream/*");
    const numbers = Array.from({ length: 1_000 }, (_, index) => index);

    await Promise.all(
      numbers.flatMap((number) => [
        one.publish({ topic: "stream/x", payload: number }),
        two.publish({ topic: "stream/x", payload: number }),
        one.publish({ topic: "stream/y", payload: number }),
      ]),
    );

    await eventually(() => got.length === 3_000);
    const from = (source: string, topic: string) =>
      payloads(got.filter((message) => message.source === source && message.topic === topic));
    expect(from("one", "stream/x")).toEqual(numbers);
    expect(from("two", "stream/x")).toEqual(numbers);
    expect(from("one", "stream/y")).toEqual(numbers);
  });

  it("calls the handlers of a plugin by priority and then by age, whatever their patterns", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const calls: string[] = [];
    await Promise.all([
      subscriber.subscribe("t/a", () => calls.push("older")).ready,
      subscriber.subscribe("t/*", () => calls.push("first"), { priority: 10 }).ready,
      subscriber.subscribe("**", () => calls.push("last"), { priority: -1 }).ready,
      subscriber.subscribe("t/a", () => calls.push("newer")).ready,
    ]);

    await publisher.publish({ topic: "t/a" });

    await eventually(() => calls.length === 4);
    expect(calls).toEqual(["first", "older", "newer", "last"]);
  });

  it("hands over only what passes the filter", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got: Message[] = [];
    await subscriber.subscribe("t", (message) => got.push(message), { filter: ({ priority }) => priority >= 8 }).ready;

    for (const priority of [1, 8, 5, 10]) await publisher.publish({ topic: "t", priority });

    await eventually(() => got.length === 2);
    expect(got.map(({ priority }) => priority)).toEqual([8, 10]);
  });

  it("keeps a handler that throws, rejects or hangs away from the others and from the publisher", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    await Promise.all([
      subscriber.subscribe("t", () => {
        throw new Error("thrown");
      }).ready,
      subscriber.subscribe("t", () => Promise.reject(new Error("rejected"))).ready,
      subscriber.subscribe("t", () => new Promise(() => {})).ready,
    ]);
    const got = await collect(subscriber, "t");

    await publisher.publish({ topic: "t", payload: 1 });
    await publisher.publish({ topic: "t", payload: 2 });

    await eventually(() => got.length === 2 && worlds.world.failures.length === 4);
    expect(worlds.world.failures.map(({ error }) => (error as Error).message).toSorted()).toEqual([
      "rejected",
      "rejected",
      "thrown",
      "thrown",
    ]);
  });

  it("delivers nothing more after unsubscribe, also to one who leaves during a delivery", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const once: Message[] = [];
    const subscription = subscriber.subscribe("t", (message) => {
      once.push(message);
      subscription.unsubscribe();
    });
    await subscription.ready;
    const wider = await collect(subscriber, "*");

    for (const payload of [1, 2, 3]) await publisher.publish({ topic: "t", payload });

    await eventually(() => wider.length >= 3);
    expect(payloads(once)).toEqual([1]);
    expect(payloads(wider)).toEqual([1, 2, 3]);
  });

  it("forgets all subscriptions of a bus with clear, and the bus can subscribe anew", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const before = await collect(subscriber, "t");

    subscriber.clear();
    const after = await collect(subscriber, "t");
    await publisher.publish({ topic: "t", payload: 1 });

    await eventually(() => after.length === 1);
    expect(before).toEqual([]);
  });

  it("gives a message with a destination to the handlers of that plugin alone", async () => {
    const [publisher, addressed, other] = await worlds.join("publisher", "addressed", "other");
    const [mine, theirs] = [await collect(addressed, "t"), await collect(other, "t")];

    await publisher.publish({ topic: "t", payload: 1, destination: "addressed" });
    await publisher.publish({ topic: "t", payload: 2 });

    await eventually(() => mine.length === 2 && theirs.length === 1);
    expect(payloads(theirs)).toEqual([2]);
  });

  it("carries headers, trace context, type and priority as they are, and stamps the rest", async () => {
    const [publisher, subscriber] = await worlds.join("publisher", "subscriber");
    const got = await collect(subscriber, "t");
    const headers = {
      traceId: "trace_abc",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ключ: 'значение\n"quoted"',
    };
    const payload = { text: "ü\u0000\u2028😀", list: [1, -0.5, null, true, { deep: [] }], empty: {} };

    await publisher.publish({ topic: "t", messageType: "command", priority: 9, headers, payload });

    await eventually(() => got.length === 1);
    const [message] = got;
    expect(message).toMatchObject({
      topic: "t",
      source: "publisher",
      messageType: "command",
      priority: 9,
      headers,
      payload,
    });
    expect(message?.messageId).toMatch(/\S{16,}/);
    expect(new Date(message?.timestamp ?? "").toISOString()).toBe(message?.timestamp);
  });

  it("reaches the plugin that sends, too", async () => {
    const [plugin] = await worlds.join("plugin");
    const got = await collect(plugin, "t");

    await plugin.publish({ topic: "t", payload: 1 });

    await eventually(() => got.length === 1);
    expect(got[0]?.source).toBe("plugin");
  });
}
