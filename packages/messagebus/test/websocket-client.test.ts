import { eventually, ManualClock } from "@signalbox/testkit";
import { describe, expect, it, onTestFinished } from "vitest";

import { MessageBus, RPCClient, type Transport } from "../src/index.ts";
import { websocketTransport, type WebSocketTransport, type WebSocketTransportOptions } from "../src/websocket/index.ts";
import { fakeBroker } from "./fake-broker.ts";
import { brokerWorld, stateOf } from "./websocket-world.ts";

describe("websocketTransport", () => {
  describe("the connection", () => {
    it("is made when the plugin joins, and brings the token along", async () => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url, token: "secret" });
      const states: string[] = [];
      transport.on("state", (state) => states.push(state));

      expect(transport.state).toBe("idle");
      join(transport, "plugin");

      expect((await broker.connection(0)).token).toBe("Bearer secret");
      await eventually(() => transport.state === "open");
      expect(states).toEqual(["connecting", "open"]);
    });

    it("asks for the token each time", async () => {
      await using broker = await fakeBroker();
      let asked = 0;
      const transport = connect({ url: broker.url, token: async () => `token-${++asked}`, limits: QUICK });

      join(transport, "plugin");
      (await broker.connection(0)).socket.terminate();

      expect((await broker.connection(1)).token).toBe("Bearer token-2");
    });

    it("is tried again after waits with full jitter below a ceiling that doubles, until it stands", async () => {
      const clock = new ManualClock();
      const waits: number[] = [];
      const setTimer = clock.setTimer.bind(clock);
      const limits = { "reconnect.firstMs": 100, "reconnect.maxMs": 1_000 };
      const watching = Object.assign(clock, {
        setTimer: (ms: number, fire: () => void) => {
          if (ms <= 1_000) waits.push(ms);
          return setTimer(ms, fire);
        },
      });
      const transport = connect({ url: "ws://127.0.0.1:1", clock: watching, random: () => 0.5, limits });

      join(transport, "plugin");
      for (let tries = 1; tries <= 6; tries++) {
        await eventually(() => waits.length === tries);
        clock.advance(waits[tries - 1] ?? 0);
      }

      expect(waits.slice(0, 6)).toEqual([50, 100, 200, 400, 500, 500]);
    });

    it("is made anew when the broker has been silent for too long", async () => {
      await using broker = await fakeBroker({ heartbeatMs: 1_000 });
      const clock = new ManualClock();
      const transport = connect({ url: broker.url, clock });
      join(transport, "plugin");
      await eventually(() => transport.state === "open");

      clock.advance(2_000);
      expect(transport.state).toBe("open");
      clock.advance(1_000);

      await eventually(() => transport.state === "waiting");
    });

    it("stands as long as the broker pings", async () => {
      await using broker = await fakeBroker({ heartbeatMs: 1_000 });
      const clock = new ManualClock();
      const transport = connect({ url: broker.url, clock });
      join(transport, "plugin");
      await eventually(() => transport.state === "open");
      const { socket } = await broker.connection(0);

      for (let beat = 0; beat < 10; beat++) {
        const answered = new Promise((resolve) => socket.once("pong", resolve));
        socket.ping();
        await answered;
        clock.advance(1_000);
      }

      expect([transport.state, broker.connections.length]).toEqual(["open", 1]);
    });

    it("is given up when the server does not speak within the time for a handshake", async () => {
      await using broker = await fakeBroker();
      const clock = new ManualClock();
      const transport = connect({ url: broker.url, clock, token: () => new Promise(() => {}) });
      join(transport, "plugin");

      clock.advance(10_000);

      expect(transport.state).toBe("waiting");
    });

    it.each([
      [4001, "revoked"],
      [4002, "replaced"],
    ])("is not made again after it was closed with %i (%s)", async (code, reason) => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url, limits: QUICK });
      const bus = join(transport, "plugin");

      (await broker.connection(0)).socket.close(code, reason);
      const end = await transport.closed;

      expect(end).toMatchObject({ code: "NOT_ADMITTED", isRetryable: false, message: expect.stringContaining(reason) });
      expect(transport.state).toBe("closed");
      await expect(bus.publish({ topic: "t" })).rejects.toMatchObject({ code: "NOT_ADMITTED" });
      expect(() => join(transport, "plugin")).toThrow(expect.objectContaining({ code: "NOT_ADMITTED" }));
    });

    it.each([4003, 4004, 1012, 1001])("is made again after it was closed with %i", async (code) => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url, limits: QUICK });
      join(transport, "plugin");

      (await broker.connection(0)).socket.close(code);

      expect(await broker.connection(1)).toBeDefined();
    });

    it("is not made again when the credential is refused, nor without one", async () => {
      await using world = await brokerWorld();
      const stolen = connect({ url: world.url, token: "stolen" });
      const missing = connect({ url: world.url, token: () => Promise.reject(new Error("no such file")) });
      const buses = [join(stolen, "plugin"), join(missing, "plugin")];

      const refusals = await Promise.all(
        buses.map((bus) => bus.publish({ topic: "t" }).catch((error: unknown) => error)),
      );

      expect(refusals).toEqual([
        expect.objectContaining({ code: "NOT_ADMITTED", message: expect.stringContaining("401") }),
        expect.objectContaining({ code: "NOT_ADMITTED", cause: expect.objectContaining({ message: "no such file" }) }),
      ]);
    });

    it("ends when the signal is aborted, and everything that waits with it", async () => {
      await using broker = await fakeBroker();
      const controller = new AbortController();
      const transport = connect({ url: broker.url, signal: controller.signal });
      const bus = join(transport, "plugin");
      await broker.connection(0);
      const subscription = bus.subscribe("t", () => {});
      const outcomes = [
        bus.publish({ topic: "t" }),
        bus.request({ topic: "t", destination: "x" }),
        bus.call("plugin://x/rpc", "m"),
        subscription.ready,
      ].map((promise) => promise.catch(({ code }) => code as unknown));

      controller.abort();

      expect(await Promise.all(outcomes)).toEqual(Array.from({ length: 4 }, () => "CONNECTION_LOST"));
      expect(connect({ url: broker.url, signal: controller.signal }).state).toBe("closed");
    });

    it("sends what was sent before it is closed", async () => {
      await using world = await brokerWorld();
      const got: unknown[] = [];
      join(world.hub, "host").subscribe("t", ({ payload }) => got.push(payload));
      const bus = await world.join("plugin");
      await stateOf(world.transportOf("plugin"), "open");

      const sent = [1, 2, 3].map((payload) => bus.publish({ topic: "t", payload }));
      await bus.close();
      await Promise.all(sent);

      expect(got).toEqual([1, 2, 3]);
    });
  });

  describe("who takes part", () => {
    it("is the plugin of the credential and nobody else", async () => {
      await using broker = await fakeBroker({ pluginId: "somebody" });
      const transport = connect({ url: broker.url });

      const bus = join(transport, "plugin");
      const refusal = await bus.publish({ topic: "t" }).catch((error: unknown) => error);

      expect(refusal).toMatchObject({ code: "INVALID_PLUGIN_ID", message: expect.stringContaining("somebody") });
      expect(transport.state).toBe("closed");
    });

    it("is settled by the first who joins, or beforehand", async () => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url });
      join(transport, "plugin");

      const refusal = expect.objectContaining({ code: "INVALID_PLUGIN_ID" });
      expect(() => join(transport, "other")).toThrow(refusal);
      expect(() => join(connect({ url: broker.url, pluginId: "plugin" }), "other")).toThrow(refusal);
      expect(() => connect({ url: broker.url, pluginId: "no id" })).toThrow(refusal);
    });

    it("is also who has no name of its own", async () => {
      await using world = await brokerWorld();
      const callers: string[] = [];
      join(world.hub, "host").serve({
        find:
          () =>
          (_, { caller }) =>
            void callers.push(caller),
      });
      const transport = await world.connect("plugin");

      await new RPCClient("plugin://host/rpc", { bus: join(transport, "anonymous") }).call("m");

      expect(callers).toEqual(["plugin"]);
    });

    it("takes part in the hub of the server like a plugin in its process", async () => {
      await using world = await brokerWorld();
      const [host, plugin] = [join(world.hub, "host"), await world.join("plugin")];
      const got: unknown[] = [];
      host.subscribe("from/*", ({ source }) => got.push(source));
      await plugin.subscribe("from/*", ({ source }) => got.push(source)).ready;
      await plugin.subscribe("q", ({ correlationId = "" }) => plugin.respond(correlationId, "answer")).ready;

      await host.publish({ topic: "from/host" });
      await plugin.publish({ topic: "from/plugin" });

      await eventually(() => got.length === 4);
      expect(await host.request({ topic: "q", destination: "plugin" })).toBe("answer");
    });

    it("answers as the newest of several handles", async () => {
      await using world = await brokerWorld();
      const transport = await world.connect("plugin");
      const [older, newer] = [join(transport, "plugin"), join(transport, "plugin")];
      const host = join(world.hub, "host");
      const answers = (bus: MessageBus, value: string) =>
        bus.subscribe("q", ({ correlationId = "" }) => bus.respond(correlationId, value)).ready;
      await Promise.all([answers(older, "older"), answers(newer, "newer")]);

      const first = await host.request({ topic: "q", destination: "plugin" });
      await newer.close();
      const second = await host.request({ topic: "q", destination: "plugin" });

      expect([first, second]).toEqual(["newer", "older"]);
    });
  });

  describe("what is subscribed to", () => {
    it("is refused beyond the access list, in a way that can be seen", async () => {
      await using world = await brokerWorld();
      world.access.set("plugin", { subscribe: ["a/*"] });
      const bus = await world.join("plugin");

      const refused = bus.subscribe("**", () => {});
      const allowed = bus.subscribe("a/b", () => {});

      await expect(refused.ready).rejects.toMatchObject({ code: "FORBIDDEN_TOPIC" });
      await allowed.ready;
      expect(world.failures).toEqual([expect.objectContaining({ pluginId: "plugin", pattern: "**" })]);
    });

    it("is asked for once, however many handlers there are, and let go with the last", async () => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url });
      const bus = join(transport, "plugin");
      const connection = await broker.connection(0);

      const [one, two] = [bus.subscribe("a.b", () => {}), bus.subscribe("a/b", () => {})];
      await eventually(() => connection.frames.length === 1);
      connection.send({ type: "done", ids: [connection.frames[0]?.id] });
      await Promise.all([one.ready, two.ready]);
      one.unsubscribe();
      two.unsubscribe();

      await eventually(() => connection.frames.length === 2);
      expect(connection.frames).toEqual([
        { type: "subscribe", id: expect.any(Number), pattern: "a/b" },
        { type: "unsubscribe", pattern: "a/b" },
      ]);
    });

    it("is told of when it is refused after the connection came back", async () => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url, limits: QUICK });
      const warnings: Error[] = [];
      transport.on("warning", (warning) => warnings.push(warning));
      const bus = join(transport, "plugin");
      const first = await broker.connection(0);
      const got: unknown[] = [];
      const { ready } = bus.subscribe("a", (message) => got.push(message));
      await eventually(() => first.frames.length === 1);
      first.send({ type: "done", ids: [first.frames[0]?.id] });
      await ready;
      first.socket.terminate();

      const second = await broker.connection(1);
      await eventually(() => second.frames.length === 1);
      second.send({ type: "fail", id: second.frames[0]?.id, code: "FORBIDDEN_TOPIC", message: "not any more" });

      await eventually(() => warnings.length === 1);
      expect(warnings[0]).toMatchObject({ code: "FORBIDDEN_TOPIC", message: "not any more" });
    });
  });

  describe("what is sent", () => {
    it("does not overtake what waited for the connection", async () => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url });
      const bus = join(transport, "plugin");
      const publish = (payload: string) => void bus.publish({ topic: "t", payload }).catch(() => {});
      transport.on("state", (state) => state === "open" && publish("later"));
      bus.subscribe("t", () => {});
      publish("earlier");

      const { frames } = await broker.connection(0);

      await eventually(() => frames.length === 3);
      expect(frames.map(({ type, payload = "" }) => [type, payload])).toEqual([
        ["subscribe", ""],
        ["publish", "earlier"],
        ["publish", "later"],
      ]);
    });

    it("goes with the rest of its turn as one message", async () => {
      await using broker = await fakeBroker();
      const transport = connect({ url: broker.url });
      const bus = join(transport, "plugin");
      const { socket, frames } = await broker.connection(0);
      await eventually(() => transport.state === "open");
      let messages = 0;
      socket.on("message", () => messages++);

      for (let n = 0; n < 20; n++) void bus.publish({ topic: "t", payload: n }).catch(() => {});

      await eventually(() => frames.length === 20);
      expect(messages).toBe(1);
    });

    it("waits within bounds when the server does not read", async () => {
      await using broker = await fakeBroker();
      const limits = { "outbox.characters": 3_000_000 };
      const transport = connect({ url: broker.url, limits });
      const bus = join(transport, "plugin");
      (await broker.connection(0)).socket.pause();
      await eventually(() => transport.state === "open");
      const payload = "x".repeat(200_000);

      let refusal: unknown;
      for (let sent = 0; sent < 500 && !refusal; sent++) {
        bus.publish({ topic: "t", payload }).catch((error: unknown) => (refusal = error));
        await new Promise((resolve) => setImmediate(resolve));
      }

      expect(refusal).toMatchObject({ code: "OVERLOADED", isRetryable: true });
    });

    it("is refused when a getter says something else the second time, and harms nobody", async () => {
      await using world = await brokerWorld();
      const bus = await world.join("plugin");
      let reads = 0;
      const payload = {
        get value() {
          return reads++ < 1 ? 1 : 1n;
        },
      };

      await expect(bus.publish({ topic: "t", payload })).rejects.toMatchObject({ code: "INVALID_MESSAGE" });
      await expect(bus.publish({ topic: "t", payload: 1 })).resolves.toBeUndefined();
    });
  });

  it("leaves out frames that cannot be read, and says so", async () => {
    await using broker = await fakeBroker();
    const transport = connect({ url: broker.url });
    const warnings: string[] = [];
    transport.on("warning", ({ message }) => warnings.push(message));
    join(transport, "plugin");
    const connection = await broker.connection(0);

    connection.send({ type: "explode" }, { type: "message", message: { topic: 1 } }, { type: "reply", id: 99 });
    connection.send({ type: "refused", code: "INVALID_MESSAGE", message: "what was that" });

    await eventually(() => warnings.length === 3);
    expect(warnings.at(-1)).toBe("what was that");
    expect(transport.state).toBe("open");
  });

  it.each([
    "ftp://127.0.0.1/",
    "bus",
    "ws://signalbox.example/bus",
    "http://192.168.0.1/",
    "wss://user:secret@signalbox.example/",
  ])("does not connect to %s", (url) => {
    expect(() => connect({ url })).toThrow(TypeError);
  });

  it.each(["wss://signalbox.example/bus", "https://signalbox.example", "http://localhost:3000", "ws://[::1]:3000/bus"])(
    "can connect to %s",
    (url) => {
      expect(connect({ url }).state).toBe("idle");
    },
  );
});

const QUICK = { "reconnect.firstMs": 1, "reconnect.maxMs": 10 };

function connect(options: Partial<WebSocketTransportOptions> & { readonly url: string }): WebSocketTransport {
  const transport = websocketTransport({ token: "token", ...options });
  onTestFinished(() => transport.close());
  return transport;
}

function join(transport: Transport, pluginId: string): MessageBus {
  return new MessageBus({ pluginId, transport, onListenerError: () => {} });
}
