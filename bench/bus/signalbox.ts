import { LocalHub, MessageBus, RPCClient, RPCServer } from "@signalbox/messagebus";

import { PARAMS, PAYLOAD, patterns, RESULT, type Contender, type Task } from "./contender.ts";

/** Signalbox in one process: the whole envelope, checked payloads, isolated handlers, deadlines. */
export async function openSignalbox({ subscriptions }: Task): Promise<Contender> {
  const transport = new LocalHub();
  const [sender, receiver] = ["sender", "receiver"].map((pluginId) => new MessageBus({ pluginId, transport }));
  if (!sender || !receiver) throw new Error("two buses were made");
  let delivered = 0;
  for (const pattern of patterns(subscriptions)) receiver.subscribe(pattern, () => void delivered++);
  new RPCServer("plugin://receiver/rpc", { bus: receiver }).register("create_endpoint", async () => RESULT);
  const client = new RPCClient("plugin://receiver/rpc", { bus: sender });
  return {
    publish: (topic) => sender.publish({ topic, payload: PAYLOAD }),
    delivered: () => delivered,
    call: () => client.call("create_endpoint", PARAMS),
    [Symbol.asyncDispose]: () => transport.close(),
  };
}
