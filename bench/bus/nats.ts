import { connect } from "@nats-io/transport-node";

import { PARAMS, PAYLOAD, patterns, RESULT, type Contender, type Task } from "./contender.ts";

/** nats.js and a real server on the loopback address; publisher and subscribers share a connection, which favours it. */
export async function openNats({ subscriptions, service = "4222" }: Task): Promise<Contender> {
  const connection = await connect({ servers: `127.0.0.1:${service}`, noEcho: false });
  let delivered = 0;
  for (const pattern of patterns(subscriptions)) {
    connection.subscribe(pattern.replaceAll("/", "."), {
      callback: (_error, message) => {
        message.json();
        delivered++;
      },
    });
  }
  connection.subscribe("rpc.receiver", {
    callback: (_error, message) => {
      message.json();
      message.respond(JSON.stringify(RESULT));
    },
  });
  await connection.flush();
  return {
    publish: (topic) => connection.publish(topic.replaceAll("/", "."), JSON.stringify(PAYLOAD)),
    // What the server was sent before a flush it has delivered before the answer to it.
    settle: () => connection.flush(),
    delivered: () => delivered,
    call: async () => (await connection.request("rpc.receiver", JSON.stringify(PARAMS))).json(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}
