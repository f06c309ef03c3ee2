import { createRequire } from "node:module";

import { beforeEach, describe, expect, it } from "vitest";

import {
  getMessageBus,
  getSystemBus,
  resetMessageBus,
  setDefaultTransport,
  setListenerErrorHook,
} from "./bus-registry.ts";
import type * as Package from "./index.ts";
import { LocalHub } from "./local-hub.ts";
import { RPCClient } from "./rpc-client.ts";
import { RPCServer } from "./rpc-server.ts";

beforeEach(() => resetMessageBus());

describe("getMessageBus", () => {
  it("has one handle for an id, and all handles share one bus", async () => {
    const seen: unknown[] = [];
    getMessageBus("b").subscribe("t", ({ payload }) => seen.push(payload));

    await getMessageBus("a").publish({ topic: "t", payload: 1 });

    expect(seen).toEqual([1]);
    expect(getMessageBus("a")).toBe(getMessageBus("a"));
    expect(getMessageBus("a").pluginId).toBe("a");
  });

  it("makes a new handle where the old one was closed", async () => {
    const old = getMessageBus("a");
    await old.close();

    expect(getMessageBus("a")).not.toBe(old);
    await expect(getMessageBus("a").publish({ topic: "t" })).resolves.toBeUndefined();
  });

  it("does not hand out the host's bus, whether it is there or not", () => {
    expect(() => getMessageBus("system")).toThrow(/the host of plugins/);

    getSystemBus();

    expect(() => getMessageBus("system")).toThrow(/the host of plugins/);
    expect(getSystemBus()).toBe(getSystemBus());
  });

  it("shares one bus with another copy of this package", async () => {
    // Node's own loader, so not the copy that the test runner has loaded.
    const copy = createRequire(import.meta.url)("./index.ts") as typeof Package;
    const seen: unknown[] = [];
    copy.getMessageBus("b").subscribe("t", ({ source }) => seen.push(source));
    new copy.RPCServer("plugin://b/rpc").register("ping", () => "pong");

    await getMessageBus("a").publish({ topic: "t" });

    expect(copy.MessageBus).not.toBe(Object.getPrototypeOf(getMessageBus("a")).constructor);
    expect(seen).toEqual(["a"]);
    expect(await new RPCClient("plugin://b/rpc").call("ping")).toBe("pong");
    expect(copy.getMessageBus("a")).toBe(getMessageBus("a"));
  });
});

describe("setDefaultTransport", () => {
  it("says what new handles join, and leaves the others where they are", async () => {
    const [before, seen] = [getMessageBus("before"), [] as string[]];
    before.subscribe("t", () => seen.push("before"));

    setDefaultTransport(new LocalHub());
    getMessageBus("after").subscribe("t", () => seen.push("after"));
    await getMessageBus("other").publish({ topic: "t" });

    expect(seen).toEqual(["after"]);
    expect(getMessageBus("before")).toBe(before);
  });
});

describe("setListenerErrorHook", () => {
  it("is told of failures on every handle, those before it too", async () => {
    const bus = getMessageBus("a");
    const failures: unknown[] = [];
    bus.subscribe("t", () => {
      throw new Error("explosive");
    });

    setListenerErrorHook(({ error, pluginId }) => failures.push([pluginId, (error as Error).message]));
    await bus.publish({ topic: "t" });

    expect(failures).toEqual([["a", "explosive"]]);
  });
});

describe("resetMessageBus", () => {
  it("closes what was there and begins anew", async () => {
    const old = getMessageBus("a");
    const seen: unknown[] = [];
    old.subscribe("t", () => seen.push("old"));
    new RPCServer("plugin://a/rpc").register("ping", () => "pong");
    old.subscribe("ask", () => {});
    const asked = getMessageBus("b").request({ destination: "a", topic: "ask" });

    resetMessageBus();

    await expect(asked).rejects.toMatchObject({ code: "NO_RESPONDER" });
    await getMessageBus("b").publish({ topic: "t" });
    expect(seen).toEqual([]);
    expect(old.isClosed).toBe(true);
    expect(() => old.clear()).not.toThrow();
    await expect(new RPCClient("plugin://a/rpc").call("ping")).rejects.toMatchObject({ code: "NO_RESPONDER" });
  });

  it("goes back to the transport of this process, and leaves the other one open", async () => {
    const other = new LocalHub();
    setDefaultTransport(other);
    const there = getMessageBus("a");

    resetMessageBus();

    expect(there.isClosed).toBe(true);

    const seen: unknown[] = [];
    getMessageBus("a").subscribe("t", () => seen.push("a"));
    await getMessageBus("b").publish({ topic: "t" });
    expect(seen).toEqual(["a"]);
    expect(() =>
      other.join({ pluginId: "x", takeCall: () => false, takeRequest: () => false, cutOff() {} }),
    ).not.toThrow();
  });

  it("leaves clients usable that were made before", async () => {
    const client = new RPCClient("plugin://a/rpc");
    await expect(client.call("ping")).rejects.toMatchObject({ code: "NO_RESPONDER" });

    resetMessageBus();
    new RPCServer("plugin://a/rpc").register("who", (_params, { caller }) => caller);

    expect(await client.call("who")).toBe("anonymous");
  });
});

describe("an RPC server without a bus", () => {
  it("serves on the bus of the plugin in its endpoint", async () => {
    new RPCServer("plugin://your-plugin/rpc").register("ping", () => "pong");

    expect(await getMessageBus("b").call("plugin://your-plugin/rpc", "ping")).toBe("pong");

    await getMessageBus("your-plugin").close();
    await expect(getMessageBus("b").call("plugin://your-plugin/rpc", "ping")).rejects.toMatchObject({
      code: "NO_RESPONDER",
    });
  });

  it("serves for the host at the host's endpoint", async () => {
    new RPCServer("plugin://system/rpc").register("who", () => "host");

    expect(await new RPCClient("plugin://system/rpc").call("who")).toBe("host");
    expect(getSystemBus().isClosed).toBe(false);
  });
});
