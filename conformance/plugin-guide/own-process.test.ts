import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { LocalHub, MessageBus } from "@signalbox/messagebus";
import { BusBroker, busServerOptions } from "@signalbox/messagebus/websocket";
import { accessOf, PluginManifestSchema } from "@signalbox/plugins";
import { DistributedStateManager } from "@signalbox/state-manager";
import { CircuitBreaker, shareThrough } from "@signalbox/circuit-breaker";
import { eventually, listen, tempDir } from "@signalbox/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";

import { Child } from "../_support/child.ts";
import { codeBlock } from "../guides/code-blocks.ts";
import { type CompiledGuide, compileGuide } from "../guides/compile-guide.ts";
import { GUIDE, PLUGIN_GUIDE, type SceneName } from "./plugin-guide.ts";

// The guide's plugins, unchanged, in processes of their own: `node --import @signalbox/messagebus/register lib/….js`.

let guide: CompiledGuide<SceneName>;

beforeAll(() => {
  guide = compileGuide("plugin-processes", PLUGIN_GUIDE);
});

/** What the guide's manifest lets a plugin do on the bus. */
const ACCESS = accessOf(PluginManifestSchema.parse(JSON.parse(codeBlock(GUIDE, "2. Update Plugin Manifest", "json"))));
const TOKEN = "a-credential-of-your-plugin";

/** A server's hub with a broker before it, which knows one credential. */
async function startBroker() {
  const stack = new AsyncDisposableStack();
  const hub = new LocalHub();
  stack.defer(() => hub.close());
  const broker = stack.use(new BusBroker({ hub }));
  const sockets = new WebSocketServer(busServerOptions(hub.limits));
  const server = createServer().on("upgrade", (request, socket, head) => {
    if (request.headers.authorization !== `Bearer ${TOKEN}`) return void socket.destroy();
    sockets.handleUpgrade(request, socket, head, (ws) => {
      broker.accept(ws, { pluginId: "your-plugin", access: ACCESS });
    });
  });
  const { port } = stack.use(await listen(server));
  const bus = (pluginId: string) => stack.use(new MessageBus({ pluginId, transport: hub }));
  return { bus, broker, url: `ws://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

describe("the guide's bootstrap in a process of its own (P-80, P-81)", () => {
  it("starts, answers requests and calls, and ends in good order when it is interrupted", async () => {
    await using broker = await startBroker();
    await using folder = await tempDir();
    const tokenFile = folder.file("token");
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
    const caller = broker.bus("caller");
    await using plugin = new Child(
      [
        process.execPath,
        "--import",
        "@signalbox/messagebus/register",
        join(guide.folder, "dist", "lib", "plugin-bootstrap.js"),
      ],
      { env: { SIGNALBOX_BUS_URL: broker.url, SIGNALBOX_PLUGIN_TOKEN_FILE: tokenFile }, cwd: guide.folder },
    );

    await eventually(() => expect(plugin.said).toContain("[YourPlugin] Ready!"));
    const answer = await eventually(() =>
      caller.request({ topic: "plugin/your-plugin/request", payload: { command: "greet" } }),
    );
    const status = await caller.call("plugin://your-plugin/rpc", "get_status");
    plugin.signal("SIGINT");
    const end = await plugin.ended;

    expect(answer).toEqual({ status: "success", result: { command: "greet" } });
    expect(status).toMatchObject({ status: "running", circuitBreakerState: "closed" });
    expect(end).toEqual({ code: 0, signal: null });
    expect(plugin.said).toContain("[YourPlugin] Stopped");
  });

  it("ends with 1 when it cannot start", async () => {
    await using plugin = new Child(
      [
        process.execPath,
        "--import",
        "@signalbox/messagebus/register",
        join(guide.folder, "dist", "lib", "plugin-bootstrap.js"),
      ],
      { env: { SIGNALBOX_BUS_URL: "ws://127.0.0.1:1" }, cwd: guide.folder },
    );

    const end = await plugin.ended;

    expect(end.code).toBe(1);
    expect(plugin.said).toContain("SIGNALBOX_PLUGIN_TOKEN");
  });
});

describe("a breaker whose state is shared through the state manager (C-37)", () => {
  it("opens in one replica when it has opened in another, and closes with it", async () => {
    await using hub = disposable(new LocalHub());
    const replica = () =>
      new DistributedStateManager("shop", { bus: new MessageBus({ pluginId: "shop", transport: hub }) });
    await using one = replica();
    await using other = replica();
    const breakerOn = (state: DistributedStateManager) =>
      new CircuitBreaker("payments", {
        threshold: 1,
        timeout: 60_000,
        announce: false,
        shared: shareThrough(state, "payments"),
      });
    const [here, there] = [breakerOn(one), breakerOn(other)];

    await here.execute(() => Promise.reject(new Error("down"))).catch(() => undefined);
    await eventually(() => expect(there.getState()).toBe("open"));
    here.close();

    await eventually(() => expect(there.getState()).toBe("closed"));
  });
});

function disposable(hub: LocalHub): LocalHub & AsyncDisposable {
  return Object.assign(hub, { [Symbol.asyncDispose]: () => hub.close() });
}
