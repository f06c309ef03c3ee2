import { LocalHub, MessageBus, type ListenerFailure } from "../src/index.ts";
import { describeTransport } from "./transport-contract.ts";

describeTransport("in process", async () => {
  const hub = new LocalHub();
  const failures: ListenerFailure[] = [];
  const join = async (pluginId: string, isSystem = false) =>
    new MessageBus({ pluginId, transport: hub, isSystem, onListenerError: (failure) => failures.push(failure) });
  return {
    join: (pluginId) => join(pluginId),
    system: () => join("system", true),
    limits: hub.limits,
    failures,
    [Symbol.asyncDispose]: () => hub.close(),
  };
});
