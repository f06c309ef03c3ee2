import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import { RPCClient, type RpcContext } from "../../src/index.ts";
import { refusalOf, serve } from "./plugins.ts";
import { NEVER_MS, type Worlds } from "./world.ts";

/** Methods that are called from elsewhere. */
export function itServesRpc(worlds: Worlds): void {
  it("returns what the method returns, and passes parameters, caller and headers", async () => {
    const [caller, server] = await worlds.join("caller", "server");
    const contexts: RpcContext[] = [];
    await serve(server, {
      add: ({ a, b }: { a: number; b: number }, context: RpcContext) => {
        contexts.push(context);
        return a + b;
      },
      later: async () => ({ message: "pong" }),
      nothing: () => undefined,
    });
    const client = new RPCClient("plugin://server/rpc", { bus: caller });

    const sum = await client.call("add", { a: 1, b: 2 }, { headers: { traceId: "t" }, timeout: NEVER_MS });
    const later = await client.call("later");
    const nothing = await client.call("nothing");

    expect([sum, later, nothing]).toEqual([3, { message: "pong" }, undefined]);
    expect(contexts[0]).toMatchObject({ caller: "caller", method: "add", headers: { traceId: "t" } });
  });

  it("gives each of 100 calls at once its own result", async () => {
    const [caller, server] = await worlds.join("caller", "server");
    await serve(server, { double: async (n: number) => n * 2 });
    const client = new RPCClient("plugin://server/rpc", { bus: caller });
    const numbers = Array.from({ length: 100 }, (_, index) => index);

    const results = await Promise.all(numbers.map((number) => client.call("double", number)));

    expect(results).toEqual(numbers.map((number) => number * 2));
  });

  it("passes on what the method threw", async () => {
    const [caller, server] = await worlds.join("caller", "server");
    await serve(server, {
      deploy: () => {
        throw new Error("serviceName is required");
      },
    });

    const called = caller.call("plugin://server/rpc", "deploy", {}, { timeout: NEVER_MS });

    await expect(called).rejects.toMatchObject({ code: "REMOTE_ERROR", message: "serviceName is required" });
  });

  it("fails at once when there is no such method, no server, or no such plugin", async () => {
    const [caller, server] = await worlds.join("caller", "server", "silent");
    await serve(server, {});

    const call = (id: string) => caller.call(`plugin://${id}/rpc`, "toString", {}, { timeout: NEVER_MS });

    await expect(call("server")).rejects.toMatchObject({ code: "UNKNOWN_METHOD" });
    await expect(call("silent")).rejects.toMatchObject({ code: "NO_RESPONDER" });
    await expect(call("nobody")).rejects.toMatchObject({ code: "NO_RESPONDER" });
  });

  it("is answered by the newest server, and by nobody once that is closed", async () => {
    const [caller, server] = await worlds.join("caller", "server");
    await serve(server, { which: () => "older" });
    const newer = await serve(server, { which: () => "newer" });
    const call = () => caller.call("plugin://server/rpc", "which", {}, { timeout: NEVER_MS });

    const before = await call();
    newer.close();

    expect(before).toBe("newer");
    await eventually(async () => {
      await expect(call()).rejects.toMatchObject({ code: "NO_RESPONDER" });
      return true;
    });
  });

  it.each(["abort", "timeout", "close"] as const)("tells the method when the caller gives up by %s", async (how) => {
    const [caller, server] = await worlds.join("caller", "server");
    const signals: AbortSignal[] = [];
    await serve(server, {
      wait: (_: unknown, { signal }: RpcContext) => {
        signals.push(signal);
        return new Promise(() => {});
      },
    });
    const controller = new AbortController();

    const options = { signal: controller.signal, timeout: how === "timeout" ? 100 : NEVER_MS };
    const outcome = refusalOf(caller.call("plugin://server/rpc", "wait", {}, options));
    await eventually(() => signals.length === 1);
    expect(signals[0]?.aborted).toBe(false);
    if (how === "abort") controller.abort(new Error("enough"));
    if (how === "close") await caller.close();

    expect(await outcome).toBeInstanceOf(Error);
    await eventually(() => signals[0]?.aborted);
  });

  it("fails calls at once when the server's bus is closed", async () => {
    const [caller, server] = await worlds.join("caller", "server");
    let reached = 0;
    await serve(server, {
      wait: () => {
        reached++;
        return new Promise(() => {});
      },
    });

    const called = caller.call("plugin://server/rpc", "wait", {}, { timeout: NEVER_MS });
    const outcome = refusalOf(called);
    await eventually(() => reached === 1);
    await server.close();

    expect(await outcome).toMatchObject({ code: "NO_RESPONDER" });
  });
}
