import { setImmediate as turn } from "node:timers/promises";

import { beforeEach, describe, expect, it } from "vitest";

import {
  getMessageBus,
  getSystemBus,
  type Message,
  MessageType,
  resetMessageBus,
  RPCClient,
  RPCServer,
} from "./index.ts";

// What the plugin guide does with the bus, in its own words; the ids are those of the ledger of promises.

beforeEach(() => resetMessageBus());

describe("the guide's messages", () => {
  it("are answered, or their error is (P-19, P-30, P-33, P-34, P-48)", async () => {
    const messageBus: ReturnType<typeof getMessageBus> = getMessageBus("lobbi-platform-manager");
    const processRequest = async ({ command }: { command: string }) => {
      if (command !== "create_tenant") throw new Error(`Unknown command: ${command}`);
      return { tenant: "acme-corp" };
    };
    messageBus.subscribe("plugin/lobbi-platform-manager/request", async (message: Message) => {
      try {
        const result = await processRequest(message.payload);
        await messageBus.respond(message.correlationId!, { status: "success", result });
      } catch (error) {
        await messageBus.respond(message.correlationId!, { status: "error", error: (error as Error).message });
      }
    });
    const ask = (command: string) =>
      getMessageBus("your-plugin").request({
        destination: "lobbi-platform-manager",
        topic: "plugin/lobbi-platform-manager/request",
        payload: { command, parameters: { tenantId: "acme-corp" } },
        timeout: 30000,
      });

    const [made, unknown] = [await ask("create_tenant"), await ask("fly")];

    expect(made.result).toEqual({ tenant: "acme-corp" });
    expect(unknown).toEqual({ status: "error", error: "Unknown command: fly" });
  });

  it("come by wildcard, by filter and with their headers (P-21, P-22, P-28, P-29, P-31, P-42)", async () => {
    const messageBus = getMessageBus("your-plugin");
    const seen: unknown[] = [];
    messageBus.subscribe("orchestration/*", async ({ topic, headers }: Message) => void seen.push([topic, headers]));
    messageBus.subscribe("system/*", async ({ payload }: Message) => void seen.push(payload), {
      filter: (msg) => msg.priority >= 8,
    });

    await messageBus.publish({
      topic: "orchestration/task-complete",
      messageType: MessageType.EVENT,
      headers: { traceId: "trace_abc", spanId: "span_123", userId: "user_456" },
      payload: { taskId: "task_123", duration: 5000, tokensUsed: 1500 },
    });
    await getSystemBus().publish({ topic: "system.broadcast", payload: "low" });
    await getSystemBus().publish({ topic: "system.broadcast", payload: "high", priority: 8 });

    expect(seen).toEqual([
      ["orchestration/task-complete", { traceId: "trace_abc", spanId: "span_123", userId: "user_456" }],
      "high",
    ]);
    expect(MessageType.EVENT).toBe("event");
  });

  it("have arrived when publish resolves, and stop with clear (P-32, P-35, P-37)", async () => {
    const messageBus = getMessageBus("test-subscriber");
    let ready = 0;
    messageBus.subscribe("plugin/fastapi-backend/status", (message) => {
      if (message.payload.status === "ready") ready++;
    });
    const announceReady = () =>
      getMessageBus("fastapi-backend").publish({
        topic: "plugin/fastapi-backend/status",
        // oxlint-disable-next-line typescript/no-explicit-any -- the guide's own spelling
        messageType: "event" as any,
        payload: { status: "ready", timestamp: new Date().toISOString() },
      });

    await announceReady();
    messageBus.clear();
    await announceReady();

    expect(ready).toBe(1);
  });
});

describe("the guide's methods", () => {
  it("are called, check their parameters and tell their progress (P-44, P-49 … P-57)", async () => {
    const messageBus = getMessageBus("your-plugin");
    const rpcServer = new RPCServer("plugin://your-plugin/rpc");
    rpcServer.register("create_endpoint", async (params) => {
      const { path, method, authentication } = params;
      return { endpointId: `${method} ${path}`, url: path, schemaId: authentication };
    });
    rpcServer.register("deploy_service", async (params) => {
      if (!params.serviceName) throw new Error("serviceName is required");
      return { status: "deployed" };
    });
    rpcServer.register("analyze_codebase", async () => {
      setImmediate(() => {
        void messageBus.publish({
          topic: "plugin/your-plugin/events",
          messageType: MessageType.EVENT,
          payload: { eventType: "analysis_progress", analysisId: "a1", progress: 1 },
        });
      });
      return { analysisId: "a1", status: "started" };
    });
    const progress: unknown[] = [];
    getMessageBus("watcher").subscribe("plugin/*/events", ({ payload }) => progress.push(payload));
    const client = new RPCClient("plugin://your-plugin/rpc");

    const result = await client.call("create_endpoint", { path: "/api/users", method: "POST", authentication: "jwt" });
    const started = await client.call("analyze_codebase", { directory: ".", depth: 3 });
    await turn();

    expect(result).toEqual({ endpointId: "POST /api/users", url: "/api/users", schemaId: "jwt" });
    expect(started).toEqual({ analysisId: "a1", status: "started" });
    expect(progress).toEqual([{ eventType: "analysis_progress", analysisId: "a1", progress: 1 }]);
    await expect(client.call("deploy_service", {})).rejects.toThrow("serviceName is required");
  });

  it("can be served again by a second server (P-20, P-49)", async () => {
    new RPCServer("plugin://fastapi-backend/rpc").register("get_status", async () => ({ status: "old" }));
    new RPCServer("plugin://fastapi-backend/rpc").register("get_status", async () => ({ status: "running" }));

    expect(await new RPCClient("plugin://fastapi-backend/rpc").call("get_status")).toEqual({ status: "running" });
  });
});
