import {
  BusError,
  getMessageBus,
  getSystemBus,
  LocalHub,
  type Message,
  MessageBus,
  MessageType,
  RemoteError,
  resetMessageBus,
  RPCClient,
  RPCServer,
  setListenerErrorHook,
} from "./index.ts";

// What the README shows; compiled and run by readme.test.ts, so that it stays true.

export async function quickStart(): Promise<void> {
  const backend = getMessageBus("fastapi-backend");
  backend.subscribe("plugin/fastapi-backend/request", async (message) => {
    await backend.respond(message.correlationId, { status: "success", result: message.payload.command });
  });

  const orchestrator = getMessageBus("orchestrator");
  orchestrator.subscribe("plugin/*/events", (message) => console.log(message.source, message.payload));

  await backend.publish({ topic: "plugin/fastapi-backend/events", payload: { eventType: "started" } });
  const answer = await orchestrator.request({
    topic: "plugin/fastapi-backend/request",
    payload: { command: "create_endpoint" },
  });
  console.log(answer.result); // create_endpoint
}

export async function publishAndSubscribe(bus: MessageBus, shutdown: AbortSignal): Promise<void> {
  const subscription = bus.subscribe(
    "orchestration/**",
    (message: Message<{ taskId: string }>) => console.log(message.topic, message.payload.taskId),
    { filter: (message) => message.priority >= 8, priority: 10, signal: shutdown },
  );
  await subscription.ready; // in process it is; over a connection: the other side knows

  await bus.publish({
    topic: "orchestration.task-complete", // the same topic as orchestration/task-complete
    messageType: MessageType.EVENT,
    headers: { traceId: "trace_abc", userId: "user_456" },
    priority: 9,
    payload: { taskId: "task_123", duration: 5000 },
  });
  subscription.unsubscribe();
}

export async function callMethods(): Promise<void> {
  const server = new RPCServer("plugin://deployer/rpc");
  server.register("deploy_service", async (params, { caller, signal }) => {
    if (!params.serviceName) throw new Error("serviceName is required");
    const page = await fetch("data:,deployed", { signal }); // stops when the caller gives up
    return { caller, status: await page.text() };
  });

  const client = new RPCClient("plugin://deployer/rpc", { bus: getMessageBus("orchestrator") });
  console.log(await client.call("deploy_service", { serviceName: "payments" }, { timeout: 5_000 }));
  try {
    await client.call("deploy_service");
  } catch (error) {
    if (error instanceof RemoteError) console.log(error.message); // serviceName is required
  }
}

export async function askCarefully(bus: MessageBus): Promise<unknown> {
  try {
    return await bus.request({ destination: "lobbi-platform-manager", topic: "plugin/lobbi-platform-manager/request" });
  } catch (error) {
    if (error instanceof BusError && error.isRetryable) return { error: error.code, fallbackUsed: true };
    throw error;
  }
}

export async function host(): Promise<void> {
  setListenerErrorHook(({ error, pluginId, pattern }) => console.error(`${pluginId} failed on ${pattern}:`, error));
  await getSystemBus().publish({ topic: "system/broadcast", payload: { maintenance: true } });
}

export async function inTests(): Promise<void> {
  resetMessageBus(); // before each test: the bus of a new process

  // Or a bus of the test's own, with small limits:
  const transport = new LocalHub({ limits: { "payload.bytes": 1_000 } });
  await using bus = new MessageBus({ pluginId: "a", transport });
  await bus.publish({ topic: "t", payload: { small: true } });
}
