import { setImmediate as turn } from "node:timers/promises";

import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { LocalHub, type LocalHubOptions } from "./local-hub.ts";
import { MessageBus, type MessageBusOptions } from "./message-bus.ts";
import { RPCClient } from "./rpc-client.ts";
import type { RpcContext } from "./rpc-context.ts";
import { RPCServer } from "./rpc-server.ts";

const ENDPOINT = "plugin://callee/rpc";

describe("RPCClient.call", () => {
  it.each<[string, () => unknown]>([
    ["returns", () => ({ message: "pong" })],
    ["promises", async () => ({ message: "pong" })],
  ])("resolves to what the method %s", async (_name, ping) => {
    const { server, client } = aServer();
    server.register("ping", ping);

    expect(await client.call("ping")).toEqual({ message: "pong" });
  });

  it("hands over the parameters, by default {}", async () => {
    const { server, client } = aServer();
    server.register("echo", (params) => params);

    expect(await client.call("echo")).toEqual({});
    expect(await client.call("echo", { path: "/api/users" })).toEqual({ path: "/api/users" });
    expect(await client.call("echo", [1])).toEqual([1]);
    expect(await client.call("echo", null)).toBeNull();
  });

  it("resolves to undefined where the method returns nothing", async () => {
    const { server, client } = aServer();
    server.register("nothing", () => {});

    expect(await client.call("nothing")).toBeUndefined();
  });

  it("tells the method who calls, with which headers", async () => {
    const { server, client } = aServer();
    const contexts: RpcContext[] = [];
    server.register("who", (_params, context) => void contexts.push(context));

    await client.call("who", {}, { headers: { traceparent: "00-1" } });

    const [context] = contexts;
    expect([context?.caller, context?.method, context?.headers]).toEqual(["caller", "who", { traceparent: "00-1" }]);
    expect(context?.signal.aborted).toBe(false);
  });

  it.each<[string, () => unknown]>([
    ["throws", () => explode()],
    ["rejects", async () => explode()],
    ["rejects in a promise of another make", () => foreignPromise()],
  ])("rejects with the same message when the method %s", async (_name, deploy) => {
    const { server, client } = aServer();
    server.register("deploy_service", deploy);

    await expect(client.call("deploy_service")).rejects.toMatchObject({
      name: "RemoteError",
      code: "REMOTE_ERROR",
      message: "serviceName is required",
      cause: expect.any(Error),
    });
  });

  it("passes on no more than a part of an endless message", async () => {
    const { server, client } = aServer();
    server.register("long", () => explode("x".repeat(1_000_000)));

    const error = await client.call("long").catch((reason: unknown) => reason);

    expect((error as Error).message).toHaveLength(4_096);
  });

  it("does not mistake an error of the bus that a method met with for one of its own", async () => {
    const { server, client, callee } = aServer();
    server.register("relay", () => callee.request({ destination: "nobody", topic: "t" }));

    await expect(client.call("relay")).rejects.toMatchObject({ code: "REMOTE_ERROR", cause: { code: "NO_RESPONDER" } });
  });

  it.each<[string, Parameters<RPCClient["call"]>, string]>([
    ["there is no such method", ["nope"], "UNKNOWN_METHOD"],
    ["the method is a name of objects", ["constructor"], "UNKNOWN_METHOD"],
    ["the method has no name", [""], "INVALID_MESSAGE"],
    ["the name is too long", ["m".repeat(129)], "INVALID_MESSAGE"],
    ["the parameters are no JSON data", ["ping", { f: () => {} }], "INVALID_MESSAGE"],
    ["the parameters are too big", ["ping", "x".repeat(10_000_000)], "INVALID_MESSAGE"],
    ["the timeout is none", ["ping", {}, { timeout: -1 }], "INVALID_MESSAGE"],
    ["the headers are none", ["ping", {}, { headers: { a: 1 } as never }], "INVALID_MESSAGE"],
    ["the result is no JSON data", ["date"], "REMOTE_ERROR"],
  ])("rejects at once when %s", async (_name, args, code) => {
    const { server, client } = aServer({ clock: new ManualClock() });
    server.register("ping", () => "pong").register("date", async () => new Date(0));

    await expect(client.call(...args)).rejects.toMatchObject({ code });
  });

  it("rejects at once when nobody serves there, or no longer", async () => {
    const { server, client, caller } = aServer({ clock: new ManualClock() });
    server.register("ping", () => "pong");
    const nobody = new RPCClient("plugin://nobody/rpc", { bus: caller });
    const notServing = new RPCClient("plugin://caller/rpc", { bus: caller });

    await expect(nobody.call("ping")).rejects.toMatchObject({ code: "NO_RESPONDER" });
    await expect(notServing.call("ping")).rejects.toMatchObject({ code: "NO_RESPONDER" });
    server.close();

    await expect(client.call("ping")).rejects.toMatchObject({ code: "NO_RESPONDER" });
  });

  it("gives up when the time is up, and the method learns it", async () => {
    const clock = new ManualClock();
    const { server, client } = aServer({ clock });
    const signals: AbortSignal[] = [];
    server.register("hang", (_params, { signal }) => hang(signals, signal));
    const called = client.call("hang", {}, { timeout: 50 });
    called.catch(() => {});

    clock.advance(49);
    expect(signals[0]?.aborted).toBe(false);
    clock.advance(1);

    await expect(called).rejects.toMatchObject({
      code: "REQUEST_TIMEOUT",
      message: "the call of hang at plugin://callee/rpc was not answered within 50 ms",
    });
    expect(signals[0]?.aborted).toBe(true);
  });

  it("gives up when its signal is aborted, and the method learns it, also when it asks later", async () => {
    const { server, client } = aServer();
    const contexts: RpcContext[] = [];
    server.register("hang", (_params, context) => {
      contexts.push(context);
      return new Promise(() => {});
    });
    const controller = new AbortController();
    const called = client.call("hang", {}, { signal: controller.signal });

    controller.abort("enough");

    await expect(called).rejects.toBe("enough");
    expect(contexts[0]?.signal.aborted).toBe(true);
    await expect(client.call("hang", {}, { signal: controller.signal })).rejects.toBe("enough");
    expect(contexts).toHaveLength(1);
  });

  it("does not abort the signal of a method that has answered", async () => {
    const { server, client, caller } = aServer();
    const contexts: RpcContext[] = [];
    server.register("quick", (_params, context) => void contexts.push(context));

    await client.call("quick");
    await caller.close();

    expect(contexts[0]?.signal.aborted).toBe(false);
  });

  it("drops what a method returns after its caller gave up", async () => {
    const { server, client } = aServer();
    const { promise, resolve } = Promise.withResolvers<string>();
    server.register("slow", () => promise);
    const controller = new AbortController();
    const called = client.call("slow", {}, { signal: controller.signal });
    called.catch(() => {});
    controller.abort("enough");

    resolve("too late");
    await turn();

    await expect(called).rejects.toBe("enough");
  });

  it("fails at once when the plugin leaves while it works, and the method learns it", async () => {
    const { server, client, callee } = aServer();
    const signals: AbortSignal[] = [];
    server.register("hang", (_params, { signal }) => hang(signals, signal));
    const called = client.call("hang");

    await callee.close();

    await expect(called).rejects.toMatchObject({ code: "NO_RESPONDER" });
    expect(signals[0]?.aborted).toBe(true);
  });

  it("lets a call that runs go on when its server is closed or its method removed", async () => {
    const { server, client } = aServer();
    const { promise, resolve } = Promise.withResolvers<string>();
    server.register("slow", () => promise);
    const called = client.call("slow");

    expect(server.unregister("slow")).toBe(true);
    expect(server.unregister("slow")).toBe(false);
    server.close();
    resolve("done");

    expect(await called).toBe("done");
  });

  it("goes on serving after the bus was cleared", async () => {
    const { server, client, callee } = aServer();
    server.register("ping", () => "pong");

    callee.clear();

    expect(await client.call("ping")).toBe("pong");
  });

  it("carries many calls at once, each to its own caller", async () => {
    const { server, client } = aServer();
    server.register("double", async ({ n }) => {
      if (n % 3 === 0) await turn();
      return n * 2;
    });
    const numbers = Array.from({ length: 1_000 }, (_, n) => n);

    const results = await Promise.all(numbers.map((n) => client.call("double", { n })));

    expect(results).toEqual(numbers.map((n) => n * 2));
  });

  it("bounds what may be pending", async () => {
    const { server, client, caller } = aServer({}, { "request.pending": 2 });
    server.register("hang", () => new Promise(() => {}));
    for (let n = 0; n < 2; n++) client.call("hang").catch(() => {});

    await expect(client.call("hang")).rejects.toMatchObject({ code: "OVERLOADED" });
    await caller.close();
  });
});

describe("RPCServer", () => {
  it("gives way to a newer one for its endpoint, and does not come back when that is closed", async () => {
    const { server, client, callee } = aServer();
    server.register("who", () => "older");
    const newer = new RPCServer(ENDPOINT, { bus: callee }).register("who", () => "newer");

    expect(await client.call("who")).toBe("newer");
    server.close();
    expect(await client.call("who")).toBe("newer");
    newer.close();

    await expect(client.call("who")).rejects.toMatchObject({ code: "NO_RESPONDER" });
  });

  it("replaces a method that is registered again, and ends by using", async () => {
    const { client, callee } = aServer();
    {
      using server = new RPCServer(ENDPOINT, { bus: callee });
      server.register("m", () => 1).register("m", () => 2);
      await server.ready;
      expect(await client.call("m")).toBe(2);
    }

    await expect(client.call("m")).rejects.toMatchObject({ code: "NO_RESPONDER" });
  });

  it.each([
    "",
    "callee",
    "plugin://callee",
    "plugin:///rpc",
    "plugin://a/b/rpc",
    "plugin://a.b/rpc",
    "http://a/rpc",
    7,
  ])("refuses %j as an endpoint, and so does a client", (endpoint) => {
    // Deliberately not what the types allow.
    expect(() => new RPCServer(endpoint as string)).toThrow(/is not an endpoint/);
    expect(() => new RPCClient(endpoint as string)).toThrow(/is not an endpoint/);
  });

  it("refuses the endpoint of another plugin", () => {
    const { caller } = aServer();

    expect(() => new RPCServer(ENDPOINT, { bus: caller })).toThrow(/is not an endpoint of plugin caller/);
  });

  it.each<[string, unknown[]]>([
    ["no name", ["", () => {}]],
    ["a name that is none", [7, () => {}]],
    ["too long a name", ["m".repeat(129), () => {}]],
    ["a handler that is none", ["m", "handler"]],
  ])("refuses a method with %s", (_name, args) => {
    const { server } = aServer();

    // Deliberately not what the types allow.
    expect(() => Reflect.apply(server.register.bind(server), server, args)).toThrow(/is a/);
  });

  it("takes no more methods than its transport allows", () => {
    const { server } = aServer({}, { "rpc.methods": 2 });
    server
      .register("m0", () => {})
      .register("m1", () => {})
      .register("m0", () => {});

    expect(() => server.register("one more", () => {})).toThrow(/at most 2 methods/);
  });
});

function aServer(
  options: Partial<MessageBusOptions> = {},
  limits: NonNullable<LocalHubOptions["limits"]> = {},
): { server: RPCServer; client: RPCClient; caller: MessageBus; callee: MessageBus } {
  const transport = new LocalHub({ limits });
  const caller = new MessageBus({ pluginId: "caller", transport, ...options });
  const callee = new MessageBus({ pluginId: "callee", transport, ...options });
  const server = new RPCServer(ENDPOINT, { bus: callee });
  return { server, client: new RPCClient(ENDPOINT, { bus: caller }), caller, callee };
}

function hang(signals: AbortSignal[], signal: AbortSignal): Promise<never> {
  signals.push(signal);
  return new Promise(() => {});
}

function explode(message = "serviceName is required"): never {
  throw new Error(message);
}

function foreignPromise(): unknown {
  const own = Promise.reject(new Error("serviceName is required"));
  // oxlint-disable-next-line unicorn/no-thenable -- somebody will
  return { then: own.then.bind(own) };
}
