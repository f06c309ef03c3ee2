import { eventually, ManualClock } from "@signalbox/testkit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { AccessList } from "../src/access/access-list.ts";
import { MessageBus, type BusLimits, type Message, type RpcContext } from "../src/index.ts";
import { rawPlugin } from "./raw-plugin.ts";
import { brokerWorld, type BrokerWorld, type BrokerWorldOptions } from "./websocket-world.ts";

describe("BusBroker", () => {
  let world: BrokerWorld;
  beforeEach(() => open());
  afterEach(() => world[Symbol.asyncDispose]());

  describe("the sender", () => {
    it("is the plugin of the connection, whatever a frame says", async () => {
      const got = await watch("**");
      await using forger = await rawPlugin(world.url, "forger");

      forger.send({
        type: "publish",
        id: 1,
        topic: "t",
        source: "victim",
        message: { source: "victim" },
        messageId: "mine",
        correlationId: "mine",
        timestamp: "2000-01-01T00:00:00.000Z",
      });

      await forger.next("done");
      expect(got).toHaveLength(1);
      expect(got[0]).toMatchObject({ source: "forger", correlationId: undefined });
      expect(got[0]?.messageId).not.toBe("mine");
      expect(got[0]?.timestamp).not.toContain("2000");
    });

    it("is told to the method that is called", async () => {
      const callers: string[] = [];
      bus("host").serve({
        find:
          () =>
          (_, { caller }) =>
            callers.push(caller),
      });
      await using forger = await rawPlugin(world.url, "forger");

      forger.send({ type: "call", id: 1, destination: "host", method: "m", timeoutMs: 1_000, caller: "victim" });

      await forger.next("reply", 1);
      expect(callers).toEqual(["forger"]);
    });

    it.each(["system", "anonymous", "no id", ""])("cannot be %o", async (pluginId) => {
      expect(() => world.broker.accept({} as never, { pluginId, access: {} })).toThrow(
        expect.objectContaining({ code: "INVALID_PLUGIN_ID" }),
      );
    });
  });

  describe("the access list", () => {
    beforeEach(() => {
      world.access.set("plugin", {
        publish: ["orders.*", "audit/**"],
        subscribe: ["orders.>", "system/broadcast"],
        request: ["billing"],
        call: ["billing"],
      });
    });

    it.each(["orders/created", "audit/a/b", "plugin/plugin/status", "plugin.plugin.a.b"])(
      "lets it publish on %s",
      async (topic) => {
        const got = await watch("**");
        await using plugin = await rawPlugin(world.url, "plugin");

        plugin.send({ type: "publish", id: 1, topic });

        expect(await plugin.next("done")).toMatchObject({ ids: [1] });
        expect(got).toHaveLength(1);
      },
    );

    it.each([
      ["orders/a/b", "FORBIDDEN_TOPIC"],
      ["orders", "FORBIDDEN_TOPIC"],
      ["audit", "FORBIDDEN_TOPIC"],
      ["plugin/other/status", "FORBIDDEN_TOPIC"],
      ["plugin/plugin", "FORBIDDEN_TOPIC"],
      ["system/broadcast", "RESERVED_TOPIC"],
      ["routing.decision", "RESERVED_TOPIC"],
    ])("does not let it publish on %s", async (topic, code) => {
      const got = await watch("**");
      await using plugin = await rawPlugin(world.url, "plugin");

      plugin.send({ type: "publish", id: 1, topic });

      expect(await plugin.next("fail")).toMatchObject({ id: 1, code });
      expect(got).toEqual([]);
    });

    it("keeps reserved topics even from a plugin whose list has them", async () => {
      world.access.set("greedy", { publish: ["**", "system/**"], request: ["host"] });
      const got = await watch("**");
      await using plugin = await rawPlugin(world.url, "greedy");

      plugin.send({ type: "publish", id: 1, topic: "system/x" });
      plugin.send({ type: "request", id: 2, topic: "routing/x", destination: "host", timeoutMs: 1_000 });

      expect(await plugin.next("fail", 1)).toMatchObject({ code: "RESERVED_TOPIC" });
      expect(await plugin.next("fail", 2)).toMatchObject({ code: "RESERVED_TOPIC" });
      expect(got).toEqual([]);
    });

    it.each(["orders/a", "orders/*", "orders/**", "orders/*/x", "orders/a/>", "system.broadcast", "plugin/plugin/>"])(
      "lets it subscribe to %s",
      async (pattern) => {
        await using plugin = await rawPlugin(world.url, "plugin");

        plugin.send({ type: "subscribe", id: 1, pattern });

        expect(await plugin.next("done")).toMatchObject({ ids: [1] });
      },
    );

    it.each(["**", "*", "orders", "*/a", "*/*", "system/*", "system/**", "audit/a", "plugin/**", "plugin/*/request"])(
      "does not let it subscribe to %s, and delivers nothing of it",
      async (pattern) => {
        await using plugin = await rawPlugin(world.url, "plugin");

        plugin.send({ type: "subscribe", id: 1, pattern });
        expect(await plugin.next("fail", 1)).toMatchObject({ code: "FORBIDDEN_TOPIC" });
        for (const topic of ["a", "orders", "audit/a", "plugin/other/request"]) await bus("host").publish({ topic });
        plugin.send({ type: "sync", id: 2 });

        await plugin.next("done");
        expect(plugin.frames.filter(({ type }) => type === "message")).toEqual([]);
      },
    );

    it("names whom it may ask and call, and whether it may serve", async () => {
      for (const id of ["billing", "other"]) {
        const asked = bus(id);
        asked.subscribe("q", ({ correlationId = "" }) => asked.respond(correlationId, id));
        asked.serve({ find: () => () => id });
      }
      await using plugin = await rawPlugin(world.url, "plugin");

      plugin.send(
        { type: "request", id: 1, topic: "q", destination: "billing", timeoutMs: 1_000 },
        { type: "call", id: 2, destination: "billing", method: "m", timeoutMs: 1_000 },
        { type: "request", id: 3, topic: "q", destination: "other", timeoutMs: 1_000 },
        { type: "call", id: 4, destination: "other", method: "m", timeoutMs: 1_000 },
        { type: "serve", id: 5 },
      );

      expect(await plugin.next("reply", 1)).toMatchObject({ value: "billing" });
      expect(await plugin.next("reply", 2)).toMatchObject({ value: "billing" });
      for (const id of [3, 4, 5]) expect(await plugin.next("fail", id)).toMatchObject({ code: "FORBIDDEN_TOPIC" });
      const called = bus("host").call("plugin://plugin/rpc", "m");
      await expect(called).rejects.toMatchObject({ code: "NO_RESPONDER" });
    });

    it("is not taken when it has what is no pattern and no id", async () => {
      const accept = (access: object) => () => world.broker.accept({} as never, { pluginId: "p", access });

      expect(accept({ publish: ["a//b"] })).toThrow(expect.objectContaining({ code: "INVALID_TOPIC" }));
      expect(accept({ call: ["a/b"] })).toThrow(expect.objectContaining({ code: "INVALID_PLUGIN_ID" }));
      expect(accept({ publsih: ["a"] })).toThrow(/publsih/);
    });
  });

  describe("answers", () => {
    it("are taken from the connection that was asked, and once", async () => {
      await using asked = await rawPlugin(world.url, "asked");
      await using forger = await rawPlugin(world.url, "forger");
      asked.send({ type: "subscribe", id: 1, pattern: "q" });
      await asked.next("done");

      const answer = bus("asker").request({ topic: "q", destination: "asked" });
      const { id } = await asked.next("ask");
      forger.send({ type: "reply", id, value: "forged" });
      expect(await forger.next("answered")).toMatchObject({ id, isDelivered: false });
      asked.send({ type: "reply", id, value: "first" }, { type: "reply", id, value: "second" });

      expect(await answer).toBe("first");
      await eventually(() => asked.frames.filter(({ type }) => type === "answered").length === 2);
      expect(asked.frames.filter(({ type }) => type === "answered").map(({ isDelivered }) => isDelivered)).toEqual([
        true,
        false,
      ]);
    });

    it("fail for the asker at once when they are not JSON data that may be sent, or when the plugin goes", async () => {
      await using asked = await rawPlugin(world.url, "asked");
      asked.send({ type: "subscribe", id: 1, pattern: "q" });
      await asked.next("done");
      const ask = () => bus("asker").request({ topic: "q", destination: "asked", timeout: 600_000 });

      const hostile = ask().catch((error: unknown) => error);
      const { id } = await asked.next("ask");
      asked.sendText(`[{"type":"reply","id":${String(id)},"value":{"__proto__":{"isAdmin":true}}}]`);
      const orphan = ask().catch((error: unknown) => error);
      await eventually(() => asked.frames.filter(({ type }) => type === "ask").length === 2);
      asked.socket.terminate();

      expect(await hostile).toMatchObject({ code: "INVALID_MESSAGE" });
      expect(await orphan).toMatchObject({ code: "NO_RESPONDER" });
    });

    it("are not worked on any more when the plugin that asked is gone", async () => {
      const signals: AbortSignal[] = [];
      const wait = (_: unknown, { signal }: RpcContext) => new Promise(() => signals.push(signal));
      bus("host").serve({ find: () => wait });
      await using asker = await rawPlugin(world.url, "asker");
      asker.send({ type: "call", id: 1, destination: "host", method: "m", timeoutMs: 600_000 });
      await eventually(() => signals.length === 1);

      asker.socket.terminate();

      await eventually(() => signals[0]?.aborted);
      expect(signals).toHaveLength(1);
    });

    it("are awaited by no more questions than may be held, however large each is", async () => {
      await open({ limits: { "connection.heldCharacters": 1_000_000 } });
      bus("host").subscribe("q", () => {});
      await using asker = await rawPlugin(world.url, "asker");
      const payload = "x".repeat(100_000);
      const ask = (id: number) => {
        // A crowd of small frames does not make the large one look small.
        const crowd = Array.from({ length: 100 }, () => ({ type: "unserve" }));
        asker.send({ type: "request", id, topic: "q", destination: "host", timeoutMs: 600_000, payload }, ...crowd);
      };

      for (let id = 1; id <= 12; id++) ask(id);
      const refused = await asker.next("fail");
      asker.send({ type: "cancel", id: 1 });
      ask(20);
      asker.send({ type: "sync", id: 21 });
      await asker.next("done");

      expect(refused).toMatchObject({ id: 10, code: "OVERLOADED" });
      expect(asker.frames.filter(({ type }) => type === "fail").map(({ id }) => id)).toEqual([10, 11, 12]);
    });

    it("are awaited no longer than the plugin said", async () => {
      const clock = await openWithClock();
      bus("host").subscribe("q", () => {});
      await using asker = await rawPlugin(world.url, "asker");

      asker.send(
        { type: "request", id: 1, topic: "q", destination: "host", timeoutMs: 5_000 },
        { type: "sync", id: 2 },
      );
      await asker.next("done");
      clock.advance(10_000);

      expect(await asker.next("fail", 1)).toMatchObject({ code: "REQUEST_TIMEOUT" });
    });
  });

  describe("a connection", () => {
    it("takes the place of an older one of the same plugin, which is told not to come back", async () => {
      await using older = await rawPlugin(world.url, "plugin");
      await using newer = await rawPlugin(world.url, "plugin");
      newer.send({ type: "subscribe", id: 1, pattern: "t" });

      expect(await older.closed).toBe(4002);
      await newer.next("done");
      await bus("host").publish({ topic: "t" });

      await newer.next("message");
      expect(world.broker.plugins).toEqual(["plugin"]);
    });

    it("can do nothing any more from the moment of its revocation", async () => {
      const got = await watch("t");
      await using plugin = await rawPlugin(world.url, "plugin");
      await plugin.next("welcome");
      plugin.send({ type: "subscribe", id: 1, pattern: "t" });
      await plugin.next("done");

      plugin.send({ type: "publish", id: 2, topic: "t" });
      expect(world.broker.revoke("plugin")).toBe(true);
      await bus("host").publish({ topic: "t", payload: "after" });

      expect(await plugin.closed).toBe(4001);
      expect(got.map(({ payload }) => payload)).toEqual(["after"]);
      expect(plugin.frames.some(({ type }) => type === "message")).toBe(false);
      expect(world.broker.revoke("plugin")).toBe(false);
    });

    it("is told a reason of any length as far as there is room", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");
      const told = new Promise((resolve) => plugin.socket.once("close", (_, reason) => resolve(reason.toString())));
      await plugin.next("welcome");

      world.broker.revoke("plugin", "ü".repeat(1_000));

      expect(await told).toBe(`${"ü".repeat(59)}…`);
    });

    it("is closed when its plugin reads too slowly, with bounded bytes kept for it", async () => {
      await open({ limits: { "connection.bufferedBytes": 1_000_000 } });
      await using plugin = await rawPlugin(world.url, "plugin");
      plugin.send({ type: "subscribe", id: 1, pattern: "t" });
      await plugin.next("done");
      const ended: unknown[] = [];
      world.broker.on("disconnected", (event) => ended.push(event));

      plugin.socket.pause();
      const payload = "x".repeat(100_000);
      const host = bus("host");
      for (let sent = 0; sent < 1_000 && ended.length === 0; sent++) {
        await host.publish({ topic: "t", payload });
        await new Promise((resolve) => setImmediate(resolve));
      }

      expect(ended).toEqual([{ pluginId: "plugin", code: 4003, reason: "slow reader" }]);
    });

    it("leaves nobody waiting when it is closed because a question was too much for it", async () => {
      await open({ limits: { "connection.bufferedBytes": 1_000_000 } });
      await using plugin = await rawPlugin(world.url, "plugin");
      plugin.send({ type: "subscribe", id: 1, pattern: "q" });
      await plugin.next("done");
      const outcomes: Promise<unknown>[] = [];

      plugin.socket.pause();
      const request = { topic: "q", destination: "plugin", payload: "x".repeat(100_000), timeout: 600_000 };
      while (world.broker.plugins.length > 0) {
        outcomes.push(
          bus("host")
            .request(request)
            .catch(({ code }) => code as unknown),
        );
        await new Promise((resolve) => setImmediate(resolve));
      }

      expect(new Set(await Promise.all(outcomes))).toEqual(new Set(["NO_RESPONDER"]));
    });

    it("is closed when a message is larger than any can be, before it is parsed", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");

      plugin.sendText("x".repeat(2_000_000));

      expect(await plugin.closed).toBe(1009);
    });

    it("is closed when it sends what is not text", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");

      plugin.socket.send(Buffer.from("[]"), { binary: true });

      expect(await plugin.closed).toBe(1003);
    });

    it("is read no faster than its rate allows", async () => {
      const clock = await openWithClock({ "connection.framesPerSecond": 100 });
      const got = await watch("t");
      await using plugin = await rawPlugin(world.url, "plugin");
      const publish = (id: number) => ({ type: "publish", id, topic: "t" });

      plugin.send(...Array.from({ length: 200 }, (_, id) => publish(id)));
      await eventually(() => got.length === 200);
      plugin.send(publish(200));
      // One that is not held back is quicker than one that would not be.
      await using other = await rawPlugin(world.url, "other");
      other.send({ type: "publish", id: 1, topic: "t", payload: "other" });
      await eventually(() => got.length === 201);
      clock.advance(900);
      await other.next("done");
      expect(got.at(-1)?.payload).toBe("other");
      clock.advance(200);

      await eventually(() => got.length === 202);
      expect(got.at(-1)?.source).toBe("plugin");
    });

    it("is cut when nobody is at its other end any more", async () => {
      const clock = await openWithClock();
      await using silent = await rawPlugin(world.url, "silent", { autoPong: false });
      await using alive = await rawPlugin(world.url, "alive");

      for (let beat = 0; beat < 5; beat++) {
        const pinged = new Promise((resolve) => alive.socket.once("ping", resolve));
        clock.advance(world.limits["connection.heartbeatMs"]);
        await pinged;
        alive.send({ type: "sync", id: beat });
        await eventually(() => alive.frames.some(({ ids }) => String(ids) === String(beat)));
      }

      expect(await silent.closed).toBe(1006);
      expect(world.broker.plugins).toEqual(["alive"]);
    });

    it("gets nothing that is for another plugin", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");
      plugin.send({ type: "subscribe", id: 1, pattern: "**" });
      await plugin.next("done");

      await bus("host").publish({ topic: "t", destination: "other", payload: "secret" });
      await bus("host").publish({ topic: "t", destination: "plugin", payload: "yours" });

      await plugin.next("message");
      expect(JSON.stringify(plugin.frames)).not.toContain("secret");
    });

    it("gets each message once, however many of its patterns match, and as one message with the others of a turn", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");
      plugin.send(...["a/b", "a/*", "**"].map((pattern, id) => ({ type: "subscribe", id, pattern })));
      await plugin.next("done");
      const before = plugin.messages.length;

      const host = bus("host");
      await Promise.all(Array.from({ length: 20 }, (_, payload) => host.publish({ topic: "a/b", payload })));

      await eventually(() => plugin.frames.filter(({ type }) => type === "message").length === 20);
      expect(plugin.messages.length - before).toBe(1);
    });

    it("ends alone when something of the server fails while it is served", async () => {
      world.access.set("plugin", { publish: ["t"] });
      const failures: unknown[] = [];
      world.broker.on("failed", (failure) => failures.push(failure));
      await using plugin = await rawPlugin(world.url, "plugin");
      await using other = await rawPlugin(world.url, "other");
      await plugin.next("welcome");

      const defect = vi.spyOn(AccessList.prototype, "checkPublish").mockImplementationOnce(() => {
        throw new TypeError("a defect");
      });
      plugin.send({ type: "publish", id: 1, topic: "t" });

      expect(await plugin.closed).toBe(1011);
      expect(failures).toEqual([{ pluginId: "plugin", error: new TypeError("a defect") }]);
      other.send({ type: "publish", id: 1, topic: "t" });
      await other.next("done");
      defect.mockRestore();
    });

    it("comes to its end with the hub's", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");
      await plugin.next("welcome");

      await world.hub.close();

      expect(await plugin.closed).toBe(1012);
    });
  });

  describe("frames that cannot be", () => {
    it.each([
      ["no JSON", "[{"],
      ["no array", '{"type":"sync","id":1}'],
      ["no objects", "[1]"],
      ["no type", '[{"id":1}]'],
      ["an unknown type", '[{"type":"eval","id":1}]'],
      ["a type that is inherited", '[{"type":"toString","id":1}]'],
      ["a __proto__ as its type", '[{"__proto__":{"type":"sync","id":1}}]'],
      ["no id", '[{"type":"sync"}]'],
      ["an id that is no number", '[{"type":"publish","id":"1","topic":"t"}]'],
      ["a topic that is no text", '[{"type":"publish","id":1,"topic":{"a":1}}]'],
      ["a topic that is none", '[{"type":"publish","id":1,"topic":"a//b"}]'],
      ["headers that are no strings", '[{"type":"publish","id":1,"topic":"t","headers":{"a":1}}]'],
      [
        "headers of a call that are no strings",
        '[{"type":"call","id":1,"destination":"host","method":"m","timeoutMs":9,"headers":{"a":1}}]',
      ],
      ["a __proto__ header", '[{"type":"publish","id":1,"topic":"t","headers":{"__proto__":"x"}}]'],
      [
        "a __proto__ in its parameters",
        '[{"type":"call","id":1,"destination":"host","method":"m","timeoutMs":9,"params":{"__proto__":1}}]',
      ],
      ["a __proto__ in its payload", '[{"type":"publish","id":1,"topic":"t","payload":[{"__proto__":1}]}]'],
      ["a priority beyond the highest", '[{"type":"publish","id":1,"topic":"t","priority":11}]'],
      ["an unknown message type", '[{"type":"publish","id":1,"topic":"t","messageType":"virus"}]'],
      ["a destination that is none", '[{"type":"publish","id":1,"topic":"t","destination":"../x"}]'],
      ["a timeout that is none", '[{"type":"call","id":1,"destination":"host","method":"m","timeoutMs":-1}]'],
      [
        "a payload that is too deep",
        `[{"type":"publish","id":1,"topic":"t","payload":${"[".repeat(99)}${"]".repeat(99)}}]`,
      ],
    ])("are answered when they have %s, and nobody is harmed", async (_, text) => {
      const got = await watch("**");
      await using plugin = await rawPlugin(world.url, "plugin");

      bus("host").serve({ find: () => () => "reached" });
      plugin.sendText(text);
      plugin.send({ type: "sync", id: 77 });

      await eventually(() => plugin.frames.find(({ ids }) => String(ids) === "77"));
      expect(plugin.frames.filter(({ type }) => type === "refused" || type === "fail")).toHaveLength(1);
      expect(got).toEqual([]);
    });

    it("close the connection when they are many", async () => {
      await using plugin = await rawPlugin(world.url, "plugin");

      plugin.send(...Array.from({ length: 100_000 }, () => 0));

      expect(await plugin.closed).toBe(4004);
      expect(plugin.frames.filter(({ type }) => type === "refused")).toHaveLength(world.limits["connection.badFrames"]);
    });
  });

  async function open(options?: BrokerWorldOptions): Promise<void> {
    await world?.[Symbol.asyncDispose]();
    world = await brokerWorld(options);
  }

  async function openWithClock(limits: Partial<BusLimits> = {}): Promise<ManualClock> {
    const clock = new ManualClock();
    await open({ limits, clock });
    return clock;
  }

  /** A plugin in the server's own process. */
  function bus(pluginId: string): MessageBus {
    return new MessageBus({ pluginId, transport: world.hub });
  }

  async function watch(pattern: string): Promise<Message[]> {
    const got: Message[] = [];
    await bus("watcher").subscribe(pattern, (message) => got.push(message)).ready;
    return got;
  }
});
