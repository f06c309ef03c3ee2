import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { CircuitBreaker } from "@signalbox/circuit-breaker";
import { getMessageBus, type Message, MessageType, RPCServer } from "@signalbox/messagebus";
import { DistributedStateManager } from "@signalbox/state-manager";

import { endpointCode, functionName } from "./endpoint-code.ts";

const ID = "fastapi-backend";
const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

/** An endpoint to write. */
interface EndpointRequest {
  readonly path: string;
  readonly method: string;
  readonly database?: string;
}

/** The complete example of the plugin guide, which also writes the files that it speaks of, below `routes`. */
export class FastAPIBackendPlugin {
  readonly #bus = getMessageBus(ID);
  readonly #rpc = new RPCServer(`plugin://${ID}/rpc`);
  readonly #breaker = new CircuitBreaker(ID, {
    threshold: 5,
    timeout: 60_000,
    halfOpenRetries: 3,
    monitoringWindow: 300_000,
  });
  readonly #state = new DistributedStateManager(ID);
  readonly #routes: string;

  constructor(routes = join(import.meta.dirname, "..", "routes")) {
    this.#routes = routes;
  }

  async start(): Promise<void> {
    console.log("[FastAPIBackend] Starting plugin...");
    this.#subscribe();
    this.#serve();
    await this.#bus.publish({
      topic: `plugin/${ID}/status`,
      messageType: MessageType.EVENT,
      payload: { status: "ready", timestamp: new Date().toISOString() },
    });
    console.log("[FastAPIBackend] Plugin ready!");
  }

  async stop(): Promise<void> {
    console.log("[FastAPIBackend] Stopping plugin...");
    await this.#state.close();
    await this.#bus.close();
    console.log("[FastAPIBackend] Stopped");
  }

  #subscribe(): void {
    this.#bus.subscribe(`plugin/${ID}/request`, (message) =>
      this.#breaker.execute(
        () => this.#handle(message),
        async () => {
          await this.#bus.respond(message.correlationId, { error: "Service temporarily unavailable", fallback: true });
        },
      ),
    );
    this.#bus.subscribe("routing/decision", ({ payload }) => {
      if (payload.primaryPlugin === ID) this.#state.incrementCounter("requests_routed");
    });
    this.#bus.subscribe("system/broadcast", ({ payload }) => {
      console.log("[FastAPIBackend] System broadcast:", payload);
    });
  }

  #serve(): void {
    this.#rpc
      .register("create_endpoint", (request: EndpointRequest) => this.#createEndpoint(request))
      .register("get_status", () => ({
        status: "running",
        circuitBreakerState: this.#breaker.getState(),
        endpointCount: this.#state.getSet("endpoints").length,
        requestsProcessed: this.#state.getCounter("requests_processed"),
      }))
      .register("health_check", () => ({ status: "healthy", timestamp: new Date().toISOString() }));
  }

  /** Answers a request; what is wrong with it is told, and counts as no failure of this plugin. */
  async #handle({ correlationId, messageId, payload }: Message): Promise<void> {
    const { command, parameters } = payload;
    const startedMs = performance.now();
    try {
      const result = await this.#carryOut(command, parameters);
      this.#state.incrementCounter("requests_processed");
      await this.#bus.respond(correlationId, { status: "success", result });
      await this.#bus.publish({
        topic: "orchestration/task-complete",
        payload: { taskId: messageId, command, duration: Math.round(performance.now() - startedMs) },
      });
    } catch (error) {
      await this.#bus.respond(correlationId, { status: "error", error: (error as Error).message });
    }
  }

  async #carryOut(command: string, parameters: EndpointRequest): Promise<object> {
    switch (command) {
      case "create_endpoint":
        return this.#createEndpoint(parameters);
      default:
        throw new Error(`Unknown command: ${command}`);
    }
  }

  async #createEndpoint({ path, method }: EndpointRequest): Promise<{ filePath: string; code: string }> {
    if (!/^\/[A-Za-z0-9/_-]{1,200}$/.test(path)) throw new Error("path must be a plain URL path");
    if (!METHODS.has(method)) throw new Error(`method must be one of ${[...METHODS].join(", ")}`);
    const code = endpointCode(path, method);
    const filePath = join(this.#routes, `${functionName(path)}.py`);
    await mkdir(this.#routes, { recursive: true });
    await writeFile(filePath, code);
    this.#state.addToSet("endpoints", { path, method });
    await this.#bus.publish({
      topic: `plugin/${ID}/events`,
      messageType: MessageType.EVENT,
      payload: { eventType: "endpoint_created", endpoint: { path, method, filePath } },
    });
    return { filePath, code };
  }
}

if (import.meta.main) {
  const plugin = new FastAPIBackendPlugin();
  process.on("SIGINT", () => void plugin.stop().then(() => process.exit(0)));
  await plugin.start();
}
