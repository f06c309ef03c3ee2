import { ServiceBroker } from "moleculer";

import { PARAMS, PAYLOAD, patterns, RESULT, type Contender, type Task } from "./contender.ts";

/** moleculer within one node, out of the box: `broadcastLocal` and `call`. */
export async function openMoleculer({ subscriptions }: Task): Promise<Contender> {
  const broker = new ServiceBroker({ logger: false });
  let delivered = 0;
  const events = Object.fromEntries(
    patterns(subscriptions).map((pattern) => [dotted(pattern), () => void delivered++]),
  );
  broker.createService({ name: "receiver", events, actions: { createEndpoint: async () => RESULT } });
  await broker.start();
  return {
    publish: (topic) => broker.broadcastLocal(dotted(topic), PAYLOAD),
    delivered: () => delivered,
    call: () => broker.call("receiver.createEndpoint", PARAMS),
    [Symbol.asyncDispose]: () => broker.stop(),
  };
}

function dotted(topic: string): string {
  return topic.replaceAll("/", ".");
}
