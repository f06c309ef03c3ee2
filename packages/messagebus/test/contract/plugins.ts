import { RPCServer, type Message, type MessageBus, type RpcContext } from "../../src/index.ts";

/** The messages of a subscription, as they come; in force when this resolves. */
export async function collect(bus: MessageBus, pattern: string): Promise<Message[]> {
  const got: Message[] = [];
  await bus.subscribe(pattern, (message) => got.push(message)).ready;
  return got;
}

/** Answers requests with what `make` makes of them. */
export async function answer(bus: MessageBus, topic: string, make: (message: Message) => unknown): Promise<void> {
  await bus.subscribe(topic, async (message) => {
    await bus.respond(message.correlationId ?? "", await make(message));
  }).ready;
}

// oxlint-disable-next-line typescript/no-explicit-any -- parameters are what the caller and the method agree on
type Methods = Record<string, (params: any, context: RpcContext) => unknown>;

/** Serves methods; in force when this resolves. */
export async function serve(bus: MessageBus, methods: Methods): Promise<RPCServer> {
  const server = new RPCServer(`plugin://${bus.pluginId}/rpc`, { bus });
  for (const [name, handler] of Object.entries(methods)) server.register(name, handler);
  await server.ready;
  return server;
}

export function payloads(messages: readonly Message[]): unknown[] {
  return messages.map(({ payload }) => payload);
}

/** What a promise was rejected with; undefined if it was not. Looked at in any case, so that nothing is unhandled. */
export function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
