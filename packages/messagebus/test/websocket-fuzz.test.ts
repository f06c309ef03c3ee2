import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { MessageBus } from "../src/index.ts";
import { rawPlugin } from "./raw-plugin.ts";
import { brokerWorld, type BrokerWorld } from "./websocket-world.ts";

// Whatever a connected plugin sends: the server lives, and what is let through is what may be. A key `__proto__` is one like any
// other to fast-check and to JSON.stringify, so it goes over the wire.

const NAMES = [
  "t",
  "plugin/fuzz/x",
  "victim",
  "fuzz",
  "host",
  "*",
  "**",
  "",
  "system/x",
  "a//b",
  "__proto__",
  "constructor",
];
const name = fc.constantFrom(...NAMES);
const id = fc.oneof(fc.nat(20), fc.integer(), fc.double(), fc.string(), fc.constant(null));
const hostileKeys = fc.dictionary(
  fc.constantFrom("__proto__", "constructor", "toString", "type", "id", "payload", "a"),
  fc.jsonValue({ maxDepth: 3 }),
  { noNullPrototype: true },
);
const frame = fc.record(
  {
    type: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.constantFrom(
          ..."publish request call cancel subscribe unsubscribe serve unserve sync reply fail".split(" "),
        ),
      },
      { weight: 1, arbitrary: fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 1 })) },
    ),
    id,
    topic: name,
    pattern: name,
    destination: name,
    method: name,
    code: name,
    message: name,
    timeoutMs: fc.oneof(fc.nat(1_000), fc.double(), fc.string()),
    payload: fc.oneof(fc.jsonValue(), hostileKeys),
    params: fc.oneof(fc.jsonValue(), hostileKeys),
    value: fc.oneof(fc.jsonValue(), hostileKeys),
    headers: fc.oneof(
      fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
      hostileKeys,
      fc.jsonValue({ maxDepth: 1 }),
    ),
    priority: fc.oneof(fc.integer({ min: -1, max: 11 }), fc.string()),
    messageType: name,
    source: fc.constant("victim"),
    caller: fc.constant("victim"),
  },
  { requiredKeys: ["type"] },
);
/** What a plugin in order would send, so that the rest of the frames meets a session in which something goes on. */
const goodFrame = fc
  .tuple(fc.nat(1_000), fc.jsonValue())
  .chain(([good, payload]) =>
    fc.constantFrom(
      { type: "publish", id: good, topic: "t", payload },
      { type: "subscribe", id: good, pattern: "t" },
      { type: "serve", id: good },
      { type: "call", id: good, destination: "host", method: "m", timeoutMs: 1_000 },
      { type: "request", id: good, topic: "q", destination: "host", timeoutMs: 1_000 },
    ),
  );
const text = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(fc.oneof({ weight: 3, arbitrary: frame }, { weight: 1, arbitrary: goodFrame }), { maxLength: 8 })
      .map((frames) => JSON.stringify(frames)),
  },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string() },
);

describe("BusBroker, fuzzed", () => {
  let world: BrokerWorld;
  beforeAll(async () => {
    world = await brokerWorld({ limits: { "connection.badFrames": 1_000_000 } });
    world.access.set("fuzz", { publish: ["t"], subscribe: ["t"], request: ["host"], call: ["host"], serve: true });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it("does not fall over anything that a plugin sends, and lets nothing through that may not be", async () => {
    const host = new MessageBus({ pluginId: "host", transport: world.hub });
    const wrong: unknown[] = [];
    host.subscribe("**", ({ source, topic, payload, correlationId }) => {
      const isAllowed =
        correlationId === undefined ? /^(?:t|plugin\/fuzz\/.*)$/.test(topic) : !/^(?:system|routing)/.test(topic);
      if (source !== "fuzz" || !isAllowed) wrong.push({ source, topic, payload });
    });
    const callers = new Set<string>();
    host.serve({
      find:
        () =>
        (_, { caller }) =>
          void callers.add(caller),
    });
    world.broker.on("failed", (failure) => wrong.push(failure));

    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (texts) => {
        await using plugin = await rawPlugin(world.url, "fuzz");
        for (const message of texts) plugin.sendText(message);
        plugin.send({ type: "sync", id: 987_654 });

        await plugin.next("done");
        expect(wrong).toEqual([]);
        expect(({} as { isAdmin?: unknown }).isAdmin).toBeUndefined();
      }),
      { numRuns: 100 },
    );

    expect([...callers]).toEqual(["fuzz"]);
  });
});
