import { EventEmitter } from "eventemitter3";
import eventemitter2 from "eventemitter2";

import { PAYLOAD, patterns, type Contender, type Task } from "./contender.ts";

/** eventemitter2 with wildcards: no envelope, no checks, a throwing listener stops the others. */
export async function openEventemitter2({ subscriptions }: Task): Promise<Contender> {
  const emitter = new eventemitter2.EventEmitter2({ wildcard: true, delimiter: "/", maxListeners: 0 });
  let delivered = 0;
  for (const pattern of patterns(subscriptions)) emitter.on(pattern, () => void delivered++);
  return {
    publish: (topic) => void emitter.emit(topic, PAYLOAD),
    delivered: () => delivered,
    async [Symbol.asyncDispose]() {},
  };
}

/** eventemitter3: exact topics only, so both who match subscribe to the topic itself. */
export async function openEventemitter3({ subscriptions }: Task): Promise<Contender> {
  const emitter = new EventEmitter();
  let delivered = 0;
  const [exact = "", ...others] = patterns(subscriptions).reverse().slice(1);
  for (const topic of [exact, exact, ...others]) emitter.on(topic, () => void delivered++);
  return {
    publish: (topic) => void emitter.emit(topic, PAYLOAD),
    delivered: () => delivered,
    async [Symbol.asyncDispose]() {},
  };
}
