import { connect, type NatsConnection } from "@nats-io/transport-node";
import { eventually } from "@signalbox/testkit";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";

import { MessageBus, RPCClient, type Message, type Subscription } from "../src/index.ts";
import { natsTransport, type NatsTransportOptions } from "../src/nats/index.ts";
import { natsServer, natsServerProgram } from "./nats-server.ts";
import { natsWorld, stateOf, type NatsWorld } from "./nats-world.ts";

describe.skipIf(natsServerProgram === undefined)("natsTransport with a real nats-server", () => {
  let world: NatsWorld;
  beforeEach(async () => {
    world = await natsWorld({
      access: {
        limited: {
          publish: ["orders.*"],
          subscribe: ["orders.>", "system/broadcast"],
          request: ["server"],
          call: ["server"],
        },
      },
    });
  });
  afterEach(() => world[Symbol.asyncDispose]());

  describe("the permissions", () => {
    it("do not let a plugin send in another's name, or as the host", async () => {
      const watcher = await world.join("other");
      const got = await collect(watcher, "**");
      const { raw, errors } = await user("forger");

      for (const subject of [
        "pub.victim.t",
        "pub.system.system.broadcast",
        "to.other.victim.t",
        "pub.forger.system.x",
      ]) {
        raw.publish(`signalbox.${subject}`, body());
      }
      raw.publish("signalbox.pub.forger.t", body());
      await raw.flush();

      await eventually(() => got.length > 0 && errors.length === 4);
      expect(got.map(({ source, topic }) => [source, topic])).toEqual([["forger", "t"]]);
    });

    it("do not let a plugin ask, call or cancel in another's name, or answer what it was not asked", async () => {
      const { raw, errors } = await user("forger");

      for (const subject of ["ask.server.victim", "call.server.victim", "cancel.server.victim", "inbox.victim.x.1"]) {
        raw.publish(`signalbox.${subject}`, body());
      }
      await raw.flush();

      await eventually(() => errors.length === 4);
      expect(errors.every((message) => message.includes("Permissions Violation for Publish"))).toBe(true);
    });

    it.each(["signalbox.inbox.victim.>", "signalbox.inbox.>", "signalbox.ask.victim.*", "signalbox.to.victim.>", ">"])(
      "do not let a plugin listen to %s",
      async (subject) => {
        const { raw } = await user("forger");

        const refusal = new Promise((resolve) => raw.subscribe(subject, { callback: (error) => resolve(error) }));

        expect(String(await refusal)).toContain("Permissions Violation for Subscription");
      },
    );

    it("are told as a ForbiddenTopicError where they refuse what a plugin does", async () => {
      await world.join("server");
      const limited = await world.join("limited");
      const client = new RPCClient("plugin://other/rpc", { bus: limited });

      const refusals = await Promise.all(
        [
          limited.publish({ topic: "orders/a/b" }),
          limited.publish({ topic: "audit" }),
          limited.publish({ topic: "audit", destination: "server" }),
          limited.subscribe("**", () => {}).ready,
          limited.subscribe("orders", () => {}).ready,
          limited.subscribe("system/*", () => {}).ready,
          limited.request({ topic: "t", destination: "other", timeout: 600_000 }),
          client.call("m", {}, { timeout: 600_000 }),
          limited.serve({ find: () => undefined }).ready,
        ].map((promise) => promise.then(() => "allowed").catch(({ code }) => code as unknown)),
      );

      expect(refusals).toEqual(Array.from({ length: 9 }, () => "FORBIDDEN_TOPIC"));
    });

    it("let a plugin do what its access list has", async () => {
      const [server, limited] = [await world.join("server"), await world.join("limited")];
      const got = await collect(server, "**");
      server.serve({ find: () => () => "result" });
      await server.subscribe("q", ({ correlationId = "" }) => server.respond(correlationId, "answer")).ready;

      await limited.publish({ topic: "orders/created" });
      await limited.publish({ topic: "plugin/limited/status" });
      const mine = await Promise.all(["orders/a/*", "orders/**", "plugin/limited/>"].map((p) => collect(limited, p)));
      await server.publish({ topic: "orders/a/b" });

      await eventually(() => got.length === 3 && mine[0]?.length === 1 && mine[1]?.length === 1);
      expect(await limited.request({ topic: "q", destination: "server" })).toBe("answer");
      expect(await limited.call("plugin://server/rpc", "m")).toBe("result");
    });
  });

  describe("what cannot be trusted", () => {
    it("gets no answer sent to another's topic or inbox", async () => {
      // The server lets whoever was asked answer anywhere the question says; so this is for the one who is asked to see to.
      const victim = await world.join("victim");
      await victim.subscribe("q", ({ correlationId = "" }) => victim.respond(correlationId, { isAdmin: true })).ready;
      const watcher = await world.join("other");
      const got = await collect(watcher, "**");
      const warnings = warningsOf("victim");
      const { raw } = await user("forger");

      for (const reply of ["signalbox.pub.victim.t", "signalbox.inbox.asker.x.1", "signalbox.inbox.forgery.x.1"]) {
        raw.publish("signalbox.ask.victim.forger", request("q"), { reply });
      }
      const answer = raw.subscribe("signalbox.inbox.forger.mine", { max: 1 });
      raw.publish("signalbox.ask.victim.forger", request("q"), { reply: "signalbox.inbox.forger.mine" });

      for await (const message of answer) expect(message.json()).toEqual({ value: { isAdmin: true } });
      await eventually(() => warnings.length === 3);
      await watcher.publish({ topic: "end" });
      await eventually(() => got.length > 0);
      expect(got.map(({ topic }) => topic)).toEqual(["end"]);
    });

    it("cannot cancel what another has asked", async () => {
      const [asker, server] = [await world.join("asker"), await world.join("server")];
      const signals: AbortSignal[] = [];
      const finish: ((value: string) => void)[] = [];
      server.serve({
        find:
          () =>
          (_, { signal }) => {
            signals.push(signal);
            return new Promise((resolve) => finish.push(resolve));
          },
      });
      const { raw, seen } = await user("server");
      raw.subscribe("signalbox.call.server.*", { callback: (_, { reply }) => void seen.push(reply ?? "") });
      await raw.flush();

      const called = asker.call("plugin://server/rpc", "m");
      await eventually(() => signals.length === 1 && seen.length === 1);
      const { raw: forger } = await user("forger");
      forger.publish("signalbox.cancel.server.forger", JSON.stringify({ reply: seen[0] }));
      await forger.flush();
      await world
        .join("other")
        .then((other) => other.call("plugin://server/rpc", "m", {}, { timeout: 20 }).catch(() => {}));
      finish[0]?.("done");

      expect(await called).toBe("done");
      expect(signals[0]?.aborted).toBe(false);
    });

    it.each([
      ["no JSON", "{"],
      ["no object", "1"],
      ["no id", JSON.stringify({ timestamp: new Date().toISOString() })],
      ["a time that is none", JSON.stringify({ messageId: "m", timestamp: "yesterday" })],
      ["a __proto__ in its payload", `{"messageId":"m","timestamp":"2026-01-01T00:00:00Z","payload":{"__proto__":1}}`],
      ["headers that are no strings", `{"messageId":"m","timestamp":"2026-01-01T00:00:00Z","headers":{"a":1}}`],
      ["a payload that is too big", body({ payload: "x".repeat(300_000) })],
    ])("is left out and told of when it has %s", async (_, text) => {
      const subscriber = await world.join("subscriber");
      const got = await collect(subscriber, "**");
      const warnings = warningsOf("subscriber");
      const { raw } = await user("forger");

      raw.publish("signalbox.pub.forger.t", text);
      raw.publish("signalbox.pub.forger.t", body({ payload: "fine" }));

      await eventually(() => got.length === 1 && warnings.length === 1);
      expect(got[0]?.payload).toBe("fine");
    });

    it("never takes a plugin down, whatever it sends", async () => {
      const victim = await world.join("victim");
      await collect(victim, "**");
      victim.serve({ find: () => (params) => params });
      const { raw } = await user("forger");
      const inbox = raw.subscribe("signalbox.inbox.forger.>", { callback: () => {} });
      const subject = fc.constantFrom(
        "pub.forger.t",
        "to.victim.forger.t",
        "ask.victim.forger",
        "call.victim.forger",
        "cancel.victim.forger",
      );
      const field = fc.constantFrom(
        "messageId",
        "timestamp",
        "topic",
        "timeoutMs",
        "method",
        "params",
        "payload",
        "headers",
        "reply",
        "__proto__",
      );
      const text = fc.oneof(
        fc.string(),
        fc.json(),
        fc.dictionary(field, fc.jsonValue()).map((value) => JSON.stringify(value)),
      );

      await fc.assert(
        fc.asyncProperty(subject, text, fc.boolean(), async (to, data, isAsked) => {
          raw.publish(`signalbox.${to}`, data, isAsked ? { reply: "signalbox.inbox.forger.1" } : {});
        }),
        { numRuns: 500 },
      );
      await raw.flush();

      const caller = await world.join("caller");
      expect(await caller.call("plugin://victim/rpc", "echo", 1)).toBe(1);
      inbox.unsubscribe();
    });
  });

  describe("the connection", () => {
    it("is made again when the server was killed and is back, and fails what was under way", async () => {
      const [publisher, subscriber] = [await world.join("publisher"), await world.join("subscriber")];
      const got = await collect(subscriber, "t");
      const asked = await collect(subscriber, "q");
      const pending = publisher.request({ topic: "q", destination: "subscriber" }).catch(({ code }) => code as unknown);
      await eventually(() => asked.length === 1);

      await world.server.kill();
      expect(await pending).toBe("CONNECTION_LOST");
      const sent = publisher.publish({ topic: "t", payload: "while away" });
      await world.server.start();
      await sent;
      await Promise.all(["publisher", "subscriber"].map((id) => stateOf(world.transportOf(id), "open")));
      await eventually(async () => {
        await publisher.publish({ topic: "t", payload: "after" });
        return got.some(({ payload }) => payload === "after");
      });
    });

    it("tells who asked when who was asked is gone without a word", async () => {
      const [asker, server] = [await world.join("asker"), await world.join("server")];
      const asked = await collect(server, "q");
      await server.serve({ find: () => () => new Promise(() => {}) }).ready;

      const outcomes = [
        asker.request({ topic: "q", destination: "server", timeout: 600_000 }),
        asker.call("plugin://server/rpc", "m", {}, { timeout: 600_000 }),
      ].map((promise) => promise.catch(({ code }) => code as unknown));
      await eventually(() => asked.length === 1);
      await world.cut("server");

      expect(await Promise.all(outcomes)).toEqual(["NO_RESPONDER", "NO_RESPONDER"]);
    });

    it("ends when the credentials are refused", async () => {
      const transport = await world.connect("plugin", { connection: { user: "plugin", pass: "wrong" } });
      const bus = new MessageBus({ pluginId: "plugin", transport });

      await expect(bus.publish({ topic: "t" })).rejects.toMatchObject({ code: "NOT_ADMITTED", isRetryable: false });
      expect(await transport.closed).toMatchObject({ code: "NOT_ADMITTED" });
      expect(transport.state).toBe("closed");
    });

    it("ends when the signal is aborted", async () => {
      const controller = new AbortController();
      const transport = await world.connect("plugin", { signal: controller.signal });
      const bus = new MessageBus({ pluginId: "plugin", transport });
      await stateOf(transport, "open");

      controller.abort();

      await expect(bus.publish({ topic: "t" })).rejects.toMatchObject({ code: "CONNECTION_LOST" });
      expect(transport.state).toBe("closed");
    });
  });

  it("has one of two processes with one id answer, never both", async () => {
    const asker = await world.join("asker");
    let calls = 0;
    for (const transport of [await world.connect("server"), await world.connect("server")]) {
      const bus = new MessageBus({ pluginId: "server", transport });
      await bus.serve({ find: () => () => ++calls }).ready;
    }

    const results = await Promise.all(Array.from({ length: 50 }, () => asker.call("plugin://server/rpc", "m")));

    expect(new Set(results).size).toBe(50);
    expect(calls).toBe(50);
  });

  it("hands a message once to handlers that come and go between the copies of several patterns", async () => {
    const [publisher, subscriber] = [await world.join("publisher"), await world.join("subscriber")];
    const got: number[] = [];
    await collect(subscriber, "t/**");
    const takeOne = () => {
      const subscription: Subscription = subscriber.subscribe("t/*", () => subscription.unsubscribe());
      return subscription.ready;
    };
    await subscriber.subscribe("*/x", ({ payload }) => got.push(payload as number)).ready;

    for (let n = 0; n < 100; n++) {
      if (n % 10 === 0) await takeOne();
      void publisher.publish({ topic: "t/x", payload: n });
    }

    await eventually(() => got.length >= 100);
    await publisher.publish({ topic: "t/x", payload: 100 });
    await eventually(() => got.at(-1) === 100);
    expect(got).toEqual(Array.from({ length: 101 }, (_, n) => n));
  });

  describe("with one server and no users", () => {
    it("carries several plugins of a process over one connection", async () => {
      await using server = await natsServer();
      const transport = open({ servers: `127.0.0.1:${server.port}`, pluginId: "orchestrator", prefix: "acme.bus" });
      const [one, two] = ["one", "two"].map((pluginId) => new MessageBus({ pluginId, transport }));
      const anonymous = new MessageBus({ pluginId: "anonymous", transport });
      const callers: string[] = [];
      two?.serve({
        find:
          () =>
          (_, { caller }) =>
            callers.push(caller),
      });
      const [mine, theirs] = [await collect(one!, "t"), await collect(two!, "t")];

      await one?.publish({ topic: "t", payload: "all" });
      await one?.publish({ topic: "t", payload: "two", destination: "two" });
      await anonymous.call("plugin://two/rpc", "m");

      await eventually(() => theirs.length === 2);
      expect(mine.map(({ payload }) => payload)).toEqual(["all"]);
      expect(callers).toEqual(["orchestrator"]);
    });

    it("leaves out what nobody but the host may send", async () => {
      await using server = await natsServer();
      const transport = open({ servers: `127.0.0.1:${server.port}` });
      const bus = new MessageBus({ pluginId: "plugin", transport });
      const warnings: string[] = [];
      transport.on("warning", ({ message }) => warnings.push(message));
      const got = await collect(bus, "**");
      const raw = await connect({ servers: `127.0.0.1:${server.port}` });

      raw.publish("signalbox.pub.forger.routing.decision", body());
      raw.publish("signalbox.pub.no$plugin.t", body());
      raw.publish("signalbox.pub.system.routing.decision", body());
      await raw.drain();

      await eventually(() => got.length === 1 && warnings.length === 2);
      expect(got[0]?.source).toBe("system");
    });

    it("refuses what is larger than the server takes", async () => {
      await using server = await natsServer({ maxPayload: 10_000 });
      const transport = open({ servers: `127.0.0.1:${server.port}` });
      const bus = new MessageBus({ pluginId: "plugin", transport });
      await stateOf(transport, "open");

      await expect(bus.publish({ topic: "t", payload: "x".repeat(20_000) })).rejects.toMatchObject({
        code: "INVALID_MESSAGE",
      });
      await bus.publish({ topic: "t", payload: "fine" });
    });

    it.each(["", "a..b", "a b", "a.>", "*"])("refuses %o as a prefix", (prefix) => {
      expect(() => natsTransport({ prefix })).toThrow(TypeError);
    });
  });

  /** A connection with the credentials of a plugin, and nothing of this package. */
  async function user(id: string): Promise<{ raw: NatsConnection; errors: string[]; seen: string[] }> {
    const raw = await connect({ servers: `127.0.0.1:${world.server.port}`, user: id, pass: id });
    const errors: string[] = [];
    void (async () => {
      for await (const status of raw.status()) if (status.type === "error") errors.push(status.error.message);
    })();
    onTestFinished(() => raw.close());
    return { raw, errors, seen: [] };
  }

  function warningsOf(pluginId: string): Error[] {
    const warnings: Error[] = [];
    world.transportOf(pluginId).on("warning", (warning) => warnings.push(warning));
    return warnings;
  }
});

function open(options: NatsTransportOptions) {
  const transport = natsTransport(options);
  onTestFinished(() => transport.close());
  return transport;
}

async function collect(bus: MessageBus, pattern: string): Promise<Message[]> {
  const got: Message[] = [];
  await bus.subscribe(pattern, (message) => got.push(message)).ready;
  return got;
}

function body(fields: object = {}): string {
  return JSON.stringify({ messageId: "m", timestamp: new Date().toISOString(), ...fields });
}

function request(topic: string): string {
  return body({ topic, timeoutMs: 10_000 });
}
