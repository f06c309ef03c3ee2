import {
  getMessageBus,
  getSystemBus,
  InvalidMessageError,
  NoResponderError,
  RemoteError,
  RequestTimeoutError,
  resetMessageBus,
  setListenerErrorHook,
} from "@signalbox/messagebus";
import type { Message } from "@signalbox/messagebus";
import { eventually } from "@signalbox/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { parseManifest } from "../manifest/parse-manifest.ts";
import { PluginRegistry } from "../registry/plugin-registry.ts";
import { PluginRouter } from "./plugin-router.ts";
import type { RoutingDecision } from "./routing-decision.ts";
import { AllPluginsFailedError, NoPluginError } from "./routing-errors.ts";

beforeEach(() => {
  resetMessageBus();
  // Handlers of these tests throw on purpose.
  setListenerErrorHook(() => {});
});

const request = { requestId: "r1", text: "make an api" };

describe("PluginRouter.dispatch", () => {
  it("sends the payload to the best plugin and resolves to its answer", async () => {
    const { router } = withPlugins({ api: { priority: 200 }, other: {} });
    answering("api", (message) => ({ status: "success", got: message.payload, id: message.headers["requestId"] }));

    const result = await router.dispatch(request, { payload: { command: "create" } });

    expect(result).toMatchObject({
      pluginId: "api",
      response: { status: "success", got: { command: "create" }, id: "r1" },
      failed: [],
    });
  });

  it("publishes its decision first: who is asked, who next, and why", async () => {
    const { router } = withPlugins({ api: { priority: 200 }, other: {}, shut: { acceptsRoutingFrom: ["boss"] } });
    answering("api", () => "done");
    const decisions: Message<RoutingDecision>[] = [];
    getMessageBus("listener").subscribe("routing/decision", (message: Message<RoutingDecision>) => {
      decisions.push(message);
    });

    await router.dispatch({ ...request, from: "stranger" });

    expect(decisions).toHaveLength(1);
    expect(decisions[0]).toMatchObject({
      source: "system",
      headers: { requestId: "r1" },
      payload: {
        requestId: "r1",
        primaryPlugin: "api",
        fallbacks: ["other"],
        reasons: [
          { pluginId: "api", outcome: "primary", score: 3, why: ["keyword api +3"] },
          { pluginId: "other", outcome: "fallback", score: 3, why: ["keyword api +3"] },
          { pluginId: "shut", outcome: "left-out", why: ["not-accepted"] },
        ],
        omitted: 0,
      },
    });
  });

  it("publishes also that there is nobody, and says why", async () => {
    const { router } = withPlugins({ shut: { acceptsRoutingFrom: ["boss"] } });
    let decided: RoutingDecision | undefined;
    getMessageBus("listener").subscribe("routing/decision", ({ payload }) => void (decided = payload));

    const dispatching = router.dispatch({ ...request, from: "stranger" });

    await expect(dispatching).rejects.toThrow(NoPluginError);
    await expect(dispatching).rejects.toThrow("its acceptsRoutingFrom names boss, not stranger");
    await expect(dispatching).rejects.toMatchObject({ code: "NO_PLUGIN", isRetryable: false });
    expect(decided).toMatchObject({ primaryPlugin: null, fallbacks: [] });
  });

  it("says that trying again can help when the only plugin is stopped", async () => {
    const { router, registry } = withPlugins({ api: {} });
    stop(registry, "api");

    await expect(router.dispatch(request)).rejects.toMatchObject({ code: "NO_PLUGIN", isRetryable: true });
  });

  it("retries as the manifest says, then asks the fallbacks in order", async () => {
    const { router } = withPlugins({ a: { priority: 300 }, b: { priority: 200 }, c: {} });
    const asked: string[] = [];
    silent("a", asked);
    silent("b", asked);
    answering("c", () => "at last", asked);

    const result = await router.dispatch(request, { timeout: 20 });

    expect(asked).toEqual(["a", "a", "a", "b", "b", "b", "c"]);
    expect(result).toMatchObject({ pluginId: "c", response: "at last" });
    expect(result.failed.map(({ pluginId, error }) => [pluginId, error.constructor])).toEqual([
      ["a", RequestTimeoutError],
      ["b", RequestTimeoutError],
    ]);
  });

  it("goes on at once from a plugin that does not listen, or threw", async () => {
    const { router } = withPlugins({ deaf: { priority: 300 }, bad: { priority: 200 }, good: {} });
    const asked: string[] = [];
    failing("bad", asked);
    answering("good", () => "here", asked);

    const result = await router.dispatch(request);

    expect(asked).toEqual(["bad", "good"]);
    expect(result.failed.map(({ error }) => error.constructor)).toEqual([NoResponderError, RemoteError]);
  });

  it("waits for the last plugin there is, which may be just coming back", async () => {
    const { router } = withPlugins({ api: {} });
    const dispatching = router.dispatch(request);
    answering("api", () => "back");

    await expect(dispatching).resolves.toMatchObject({ pluginId: "api", response: "back" });
  });

  it("takes an answer that tells of an error for an answer", async () => {
    const { router } = withPlugins({ api: { priority: 200 }, other: {} });
    answering("api", () => ({ status: "error", error: "no such table" }));

    await expect(router.dispatch(request)).resolves.toMatchObject({ pluginId: "api", response: { status: "error" } });
  });

  it("says of each plugin how it failed when all did", async () => {
    const { router } = withPlugins({ a: { priority: 200 }, b: {} });
    failing("a", []);
    failing("b", []);

    const dispatching = router.dispatch(request);

    await expect(dispatching).rejects.toThrow(AllPluginsFailedError);
    await expect(dispatching).rejects.toMatchObject({
      code: "ALL_PLUGINS_FAILED",
      isRetryable: true,
      attempts: [{ pluginId: "a" }, { pluginId: "b" }],
    });
  });

  it("spares a plugin whose breaker has opened, also within its own retries, and tells so on the bus", async () => {
    const { router, registry } = withPlugins({ a: { priority: 200 }, b: {} }, { threshold: 2, timeout: 60_000 });
    const asked: string[] = [];
    silent("a", asked);
    answering("b", () => "ok", asked);
    const states: unknown[] = [];
    getMessageBus("ops").subscribe("plugin/a/circuit-breaker", ({ source, payload }) => {
      states.push([source, payload.state]);
    });

    await router.dispatch(request, { timeout: 10 });
    const second = await router.dispatch({ ...request, requestId: "r2" }, { timeout: 10 });

    expect(asked).toEqual(["a", "a", "b", "b"]);
    expect(registry.breakerOf("a")?.getState()).toBe("open");
    expect(second.route.leftOut).toMatchObject([{ pluginId: "a", obstacles: [{ kind: "breaker-open" }] }]);
    await eventually(() => states.length === 1);
    expect(states).toEqual([["system", "open"]]);
  });

  it("has no breaker where the manifest wants none", async () => {
    const { router, registry } = withPlugins({ a: {} }, { enabled: false, threshold: 1 });
    failing("a", []);

    await expect(router.dispatch(request)).rejects.toThrow(AllPluginsFailedError);
    await expect(router.dispatch(request)).rejects.toThrow(AllPluginsFailedError);

    expect(registry.breakerOf("a")).toBeUndefined();
  });

  it("blames no plugin for a payload that cannot be sent", async () => {
    const { router, registry } = withPlugins({ a: {} }, { threshold: 1 });
    answering("a", () => "ok");

    await expect(router.dispatch(request, { payload: { big: "x".repeat(300_000) } })).rejects.toThrow(
      InvalidMessageError,
    );

    expect(registry.breakerOf("a")?.getState()).toBe("closed");
  });

  it("gives up when it is told to, while asking and while waiting to ask again, and blames nobody", async () => {
    const { router, registry } = withPlugins({ a: {} }, { threshold: 1 });
    const asked: string[] = [];
    silent("a", asked);
    const controller = new AbortController();

    const dispatching = router.dispatch(request, { signal: controller.signal });
    await eventually(() => asked.length > 0);
    controller.abort(new Error("enough"));

    await expect(dispatching).rejects.toThrow("enough");
    expect(registry.breakerOf("a")?.getState()).toBe("closed");
  });

  it("keeps a decision of very many plugins within what the bus carries", async () => {
    const word = "\u{1F600}".repeat(60);
    const globs = Array.from({ length: 50 }, (_, i) => `**/${word}${i}`);
    const names = Array.from({ length: 60 }, (_, i) => `p${i}`);
    const { router } = withPlugins(Object.fromEntries(names.map((name) => [name, { contextPatterns: globs }])));
    let decision: RoutingDecision | undefined;
    getMessageBus("listener").subscribe("routing/decision", ({ payload }) => void (decision = payload));

    const route = await router.decide({ requestId: "r", paths: Array.from({ length: 50 }, (_, i) => `${word}${i}`) });

    expect(route.candidates).toHaveLength(60);
    expect(decision?.reasons).toHaveLength(50);
    expect(decision).toMatchObject({ omitted: 10, fallbacks: { length: 59 } });
  });
});

describe("PluginRegistry.put", () => {
  it("keeps a plugin's breaker until the manifest has another", () => {
    const registry = new PluginRegistry({ bus: getSystemBus() });
    const manifest = (threshold: number, version: string) =>
      parseManifest({ name: "a", version, errorHandling: { circuitBreaker: { threshold } } });
    registry.put(manifest(2, "1.0.0"), true);
    const first = registry.breakerOf("a");

    registry.put(manifest(2, "1.0.1"), false);
    const second = registry.breakerOf("a");
    registry.put(manifest(3, "1.0.2"), true);

    expect(second).toBe(first);
    expect(registry.breakerOf("a")).not.toBe(first);
    registry.remove("a");
    expect([registry.plugins(), registry.breakerOf("a")]).toEqual([[], undefined]);
  });
});

/** A router over plugins that all fit `request`, with this routing and breaker, and retries that do not wait. */
function withPlugins(routings: Record<string, object>, circuitBreaker: object = { threshold: 100 }) {
  const bus = getSystemBus();
  const registry = new PluginRegistry({ bus });
  const retryPolicy = { maxRetries: 2, initialDelay: 1, maxDelay: 2 };
  for (const [name, routing] of Object.entries(routings)) {
    const errorHandling = { circuitBreaker, retryPolicy };
    const manifest = { name, version: "1.0.0", routing: { keywords: ["api"], ...routing }, errorHandling };
    registry.put(parseManifest(manifest), true);
  }
  return { registry, router: new PluginRouter({ registry, bus }) };
}

function stop(registry: PluginRegistry, pluginId: string): void {
  const manifest = registry.manifestOf(pluginId);
  if (manifest) registry.put(manifest, false);
}

function answering(pluginId: string, answer: (message: Message) => unknown, asked: string[] = []): void {
  const bus = getMessageBus(pluginId);
  bus.subscribe(`plugin/${pluginId}/request`, async (message) => {
    asked.push(pluginId);
    await bus.respond(message.correlationId ?? "", answer(message));
  });
}

function silent(pluginId: string, asked: string[]): void {
  getMessageBus(pluginId).subscribe(`plugin/${pluginId}/request`, () => void asked.push(pluginId));
}

function failing(pluginId: string, asked: string[]): void {
  getMessageBus(pluginId).subscribe(`plugin/${pluginId}/request`, () => {
    asked.push(pluginId);
    throw new Error(`${pluginId} is broken`);
  });
}
