import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import type * as BreakerPackage from "@signalbox/circuit-breaker";
import type * as BusPackage from "@signalbox/messagebus";
import { loadManifest, PluginManifestSchema } from "@signalbox/plugins";
import type * as StatePackage from "@signalbox/state-manager";
import { eventually } from "@signalbox/testkit";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";

import { type CompiledGuide, compileGuide } from "../guides/compile-guide.ts";
import { PLUGIN_GUIDE, type SceneName } from "./plugin-guide.ts";

// The plugin guide (seed 004), word for word, with the names of the packages changed: compiled to CommonJS as its reader
// does, and run. Ids are those of the specification.

let guide: CompiledGuide<SceneName>;
let bus: typeof BusPackage;

beforeAll(() => {
  guide = compileGuide("plugin-guide", PLUGIN_GUIDE);
  bus = guide.require("@signalbox/messagebus") as typeof BusPackage;
});

beforeEach(() => {
  bus.resetMessageBus();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe("the guide's message bus (P-19 … P-48)", () => {
  it("answers a request that its subscriber processes, and tells the error of one that fails (P-30, P-33, P-48)", async () => {
    vi.stubGlobal("processRequest", async (payload: { fails?: boolean }) => {
      if (payload.fails) throw new Error("no such tenant");
      return "done";
    });
    vi.spyOn(console, "log").mockReturnValue();
    await guide.scene("subscribing").run();
    const other = bus.getMessageBus("other");
    const ask = (payload: unknown) =>
      other.request({ destination: "your-plugin", topic: "plugin/your-plugin/request", payload, timeout: 30_000 });

    const answers = [await ask({}), await ask({ fails: true })];

    expect(answers).toEqual([
      { status: "success", result: "done" },
      { status: "error", error: "no such tenant" },
    ]);
  });

  it("hears all topics of one level, and of those of the system only what its filter lets pass (P-28, P-31)", async () => {
    vi.stubGlobal("processRequest", async () => undefined);
    await guide.scene("subscribing").run();
    const told = vi.spyOn(console, "log").mockReturnValue();

    await bus.getMessageBus("other").publish({ topic: "orchestration/started", messageType: "event", payload: 1 });
    await bus.getMessageBus("other").publish({ topic: "orchestration/a/b", messageType: "event", payload: 2 });
    await bus.getSystemBus().publish({ topic: "system/a", messageType: "event", priority: 7, payload: 3 });
    await bus.getSystemBus().publish({ topic: "system/b", messageType: "event", priority: 8, payload: 4 });

    expect(told.mock.calls).toEqual([
      ["Orchestration event:", "orchestration/started", 1],
      ["High priority system message:", 4],
    ]);
  });

  it("publishes events, and the headers that trace them pass through (P-21, P-22, P-29, P-38, P-42)", async () => {
    const heard: BusPackage.Message[] = [];
    bus.getMessageBus("other").subscribe("**", (message) => void heard.push(message));

    await guide.scene("publishing").run();

    expect(heard.map(({ topic, messageType, source }) => ({ topic, messageType, source }))).toEqual([
      { topic: "plugin/your-plugin/events", messageType: "event", source: "your-plugin" },
      { topic: "orchestration/task-complete", messageType: "event", source: "your-plugin" },
    ]);
    expect(heard[1]?.headers).toEqual({ traceId: "trace_abc", spanId: "span_123", userId: "user_456" });
  });

  it("asks another plugin and uses what it answers (P-34)", async () => {
    const manager = bus.getMessageBus("lobbi-platform-manager");
    manager.subscribe("plugin/lobbi-platform-manager/request", async ({ correlationId, payload }) => {
      await manager.respond(correlationId!, { result: payload.parameters.tenantId });
    });
    const told = vi.spyOn(console, "log").mockReturnValue();

    await guide.scene("requesting").run();

    expect(told.mock.calls).toEqual([["Tenant created:", "acme-corp"]]);
  });
});

describe("the guide's RPC (P-49 … P-61)", () => {
  beforeEach(async () => {
    vi.stubGlobal("createEndpoint", async (path: string) => ({ id: "e1", url: `http://x${path}`, schemaId: "s1" }));
    vi.stubGlobal("deployService", async (name: string) => ({ id: `d-${name}`, status: "live", url: "http://y" }));
    vi.stubGlobal("analyzeCodebaseAsync", (_: string, depth: number, onProgress: (share: number) => void) =>
      onProgress(depth),
    );
    vi.stubGlobal("uuidv4", () => "analysis-1");
    await guide.scene("registering").run();
  });

  it("calls a method and uses its result (P-51, P-52, P-54, P-55)", async () => {
    const told = vi.spyOn(console, "log").mockReturnValue();

    const { result } = await guide.scene("calling").run();

    expect(result).toEqual({ endpointId: "e1", url: "http://x/api/users", schemaId: "s1" });
    expect(told.mock.calls).toEqual([["Endpoint created:", "e1"]]);
  });

  it("has the errors that a method throws reach its caller (P-53, P-56)", async () => {
    const client = new bus.RPCClient("plugin://your-plugin/rpc");

    await expect(client.call("deploy_service", {})).rejects.toThrow("serviceName is required");
    await expect(client.call("deploy_service", { serviceName: "shop" })).rejects.toThrow("environment is required");
    await expect(client.call("deploy_service", { serviceName: "shop", environment: "test" })).resolves.toEqual({
      deploymentId: "d-shop",
      status: "live",
      url: "http://y",
    });
  });

  it("starts work and tells its progress as events (P-44, P-57)", async () => {
    const heard: unknown[] = [];
    bus.getMessageBus("other").subscribe("plugin/your-plugin/events", ({ payload }) => void heard.push(payload));
    const client = new bus.RPCClient("plugin://your-plugin/rpc");

    const started = await client.call("analyze_codebase", { directory: ".", depth: 3 });

    expect(started).toEqual({ analysisId: "analysis-1", status: "started" });
    expect(heard).toEqual([{ eventType: "analysis_progress", analysisId: "analysis-1", progress: 3 }]);
  });
});

describe("the guide's state (P-62 … P-69)", () => {
  it("keeps registers, counters and sets (P-63 … P-66)", async () => {
    const { config, totalRequests, activeTasks } = await guide.scene("localState").run();

    expect({ config, totalRequests, activeTasks }).toEqual({
      config: { apiUrl: "https://api.example.com", timeout: 30_000 },
      totalRequests: 6,
      activeTasks: ["task_456"],
    });
  });

  it("shares what one plugin exports with another (P-68, P-69)", async () => {
    const { DistributedStateManager } = guide.require("@signalbox/state-manager") as typeof StatePackage;
    const jira = new DistributedStateManager("jira-orchestrator");
    await jira.exportState("jira_issues", { issues: [{ key: "SB-1", summary: "A first issue" }] });
    const told = vi.spyOn(console, "log").mockReturnValue();

    const { stateManager } = await guide.scene("sharedState").run();

    expect(told.mock.calls).toEqual([["Issue:", "SB-1", "A first issue"]]);
    const shared = await jira.importState("your-plugin", "endpoint_definitions");
    expect(shared.endpoints).toHaveLength(2);
    await (stateManager as StatePackage.DistributedStateManager).close();
    await jira.close();
  });
});

describe("the guide's circuit breaker (P-70 … P-78)", () => {
  it("answers with the primary's value, and with the fallback's when that fails (P-75)", async () => {
    vi.stubGlobal("getCachedResult", () => "cached");
    vi.stubGlobal("callExternalService", async () => "fresh");
    const fresh = await guide.scene("breaker").run();
    vi.stubGlobal("callExternalService", () => Promise.reject(new Error("down")));
    const cached = await guide.scene("breaker").run();

    expect([fresh.result, cached.result]).toEqual(["fresh", "cached"]);
  });

  it("tells on the bus that it opened and that it recovered (P-39, P-76, P-77, P-78)", async () => {
    const alerts: string[] = [];
    vi.stubGlobal("sendAlert", (text: string) => void alerts.push(text));
    const told = vi.spyOn(console, "log").mockReturnValue();
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const { circuitBreaker } = await guide.scene("monitoring").run();
    const breaker = circuitBreaker as BreakerPackage.CircuitBreaker;

    await expect(breaker.execute(() => Promise.reject(new Error("down")))).rejects.toThrow("down");
    await eventually(() => expect(alerts).toEqual(["Circuit breaker opened for your-plugin"]));
    await eventually(() => expect(breaker.getState()).toBe("half-open"));
    await breaker.execute(async () => "up");

    await eventually(() => expect(told.mock.calls).toEqual([["[CircuitBreaker] CLOSED - Service recovered"]]));
    expect(warned).toHaveBeenCalledTimes(1);
  });
});

describe("the guide's plugins (P-4 … P-18, P-79 … P-87)", () => {
  it("has a manifest that is taken as it stands, in the folder of its layout (P-4 … P-17)", async () => {
    const manifest: unknown = JSON.parse(readFileSync(join(guide.folder, ".claude-plugin", "plugin.json"), "utf8"));

    const loaded = await loadManifest(guide.folder);

    expect(PluginManifestSchema.safeParse(manifest).error?.issues ?? []).toEqual([]);
    expect(loaded.manifest).toMatchObject({ name: "your-plugin", routing: { priority: 100 } });
  });

  it("starts the bootstrap, serves, falls back and stops (P-79, P-82, P-47, P-58 … P-60)", async () => {
    const told = vi.spyOn(console, "log").mockReturnValue();
    const { YourPluginBootstrap } = guide.require("./plugin-bootstrap.js") as {
      YourPluginBootstrap: new () => { start(): Promise<void>; stop(): Promise<void> };
    };
    const plugin = new YourPluginBootstrap();
    await plugin.start();
    const other = bus.getMessageBus("other");
    const client = new bus.RPCClient("plugin://your-plugin/rpc");

    const answer = await other.request({ topic: "plugin/your-plugin/request", payload: { command: "greet" } });
    const fallback = await other.request({ topic: "plugin/your-plugin/request", payload: { command: "break" } });
    await bus
      .getSystemBus()
      .publish({ topic: "routing/decision", payload: { primaryPlugin: "your-plugin", requestId: "r1" } });
    const status = await client.call("get_status");
    const ran = await client.call("execute_command", { command: "greet", parameters: { to: "you" } });
    const agents = await client.call("query_agents", { criteria: "any" });
    await plugin.stop();

    expect(answer).toEqual({ status: "success", result: { command: "greet" } });
    expect(fallback).toEqual({ error: "Plugin circuit breaker open", fallbackUsed: true });
    expect(status).toEqual({ status: "running", circuitBreakerState: "closed", activeRequests: 0 });
    expect([ran, agents]).toEqual([
      { command: "greet", parameters: { to: "you" } },
      [{ name: "agent-1", criteria: "any" }],
    ]);
    expect(told.mock.calls.map(([words]) => words)).toEqual([
      "[YourPlugin] Starting...",
      "[YourPlugin] Ready!",
      "[YourPlugin] Selected as primary for:",
      "[YourPlugin] Stopping...",
      "[YourPlugin] Stopped",
    ]);
  });

  it("carries out the commands of the complete example, and counts them (P-45, P-83, P-84)", async () => {
    vi.spyOn(console, "log").mockReturnValue();
    vi.spyOn(console, "error").mockReturnValue();
    const { FastAPIBackendPlugin } = guide.require("./fastapi-backend-plugin.js") as {
      FastAPIBackendPlugin: new () => { start(): Promise<void>; stop(): Promise<void> };
    };
    const plugin = new FastAPIBackendPlugin();
    await plugin.start();
    const heard: unknown[] = [];
    const other = bus.getMessageBus("other");
    other.subscribe("plugin/fastapi-backend/events", ({ payload }) => void heard.push(payload));
    other.subscribe("orchestration/*", ({ payload }) => void heard.push(payload));
    const ask = (command: string, parameters: unknown) =>
      other.request({ topic: "plugin/fastapi-backend/request", payload: { command, parameters } });
    const client = new bus.RPCClient("plugin://fastapi-backend/rpc");

    const model = await ask("create_model", { name: "User" });
    const nothing = await ask("fly", {});
    await client.call("create_endpoint", { path: "/api/users", method: "POST", database: "mongodb" });
    const status = await client.call("get_status");
    await plugin.stop();

    expect(model).toEqual({ status: "success", result: { modelName: "User", schemaId: "schema_123" } });
    expect(nothing).toEqual({ status: "error", error: "Unknown command: fly" });
    expect(status).toMatchObject({ status: "running", endpointCount: 1, requestsProcessed: 1 });
    expect(heard).toMatchObject([
      { command: "create_model" },
      {
        eventType: "endpoint_created",
        endpoint: { path: "/api/users", method: "POST", filePath: "/app/routes_api_users.py" },
      },
    ]);
  });

  it("passes the guide's own test file (P-85, P-86, C-31)", async () => {
    // Beside the compiled files, so that it loads the packages as they do.
    const preload = join(guide.folder, "test-runner.cjs");
    await copyFile(join(import.meta.dirname, "test-runner.cjs"), preload);

    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--test", "--test-reporter=tap", "--require", preload, join(guide.folder, "dist", "test", "plugin.test.js")],
      { env: { PATH: process.env.PATH ?? "" }, timeout: 30_000 },
    );

    expect(stdout).toMatch(/ok \d - should start and announce ready/);
    expect(stdout).toMatch(/ok \d - should handle RPC calls/);
    expect(stdout).toMatch(/^# pass 2$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  });
});
