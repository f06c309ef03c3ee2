import { getMessageBus, RPCServer, type Message } from "@signalbox/messagebus";

// Whoever started this process has connected the bus already, with this plugin's own credential.
const bus = getMessageBus("greeter");

/** What a request or call may ask for. */
interface GreetParameters {
  readonly name?: string;
}

async function greet({ name = "world" }: GreetParameters): Promise<{ greeting: string }> {
  if (typeof name !== "string" || name.trim() === "") throw new Error("name is required");
  const greeting = `Hello, ${name}!`;
  // Its manifest lets it send on this topic; on any other but its own `plugin/greeter/…` it would be refused.
  await bus.publish({ topic: "greetings/spoken", payload: { name } });
  return { greeting };
}

async function answer({ payload }: Message): Promise<object> {
  const { command = "greet", parameters = {} } = payload ?? {};
  if (command !== "greet") return { status: "error", error: `Unknown command: ${command}` };
  try {
    return { status: "success", result: await greet(parameters) };
  } catch (error) {
    return { status: "error", error: (error as Error).message };
  }
}

bus.subscribe("plugin/greeter/request", async (message) => {
  if (message.correlationId !== undefined) await bus.respond(message.correlationId, await answer(message));
});

new RPCServer("plugin://greeter/rpc").register("greet", greet);

process.on("SIGINT", () => {
  console.log("Goodbye.");
  void bus.close().then(() => process.exit(0));
});

console.log("Ready to greet.");
await bus.publish({
  topic: "plugin/greeter/status",
  payload: { status: "ready", timestamp: new Date().toISOString() },
});
