import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";

import type { WebhookMessage } from "@signalbox/protocol";
import { listen } from "@signalbox/testkit";

/** One post as it arrived. */
export interface Arrived {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: WebhookMessage;
}

/** Somebody who is told: keeps what arrives and answers as it is told to. */
export interface Receiver extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly arrived: Arrived[];
  /** Default: 200 and `{"ok":true}`. */
  answer: (outgoing: ServerResponse, arrived: Arrived) => void;
}

export async function openReceiver(): Promise<Receiver> {
  const arrived: Arrived[] = [];
  const server = createServer({ keepAlive: false }, (incoming, outgoing) => {
    void take(incoming).then((one) => {
      arrived.push(one);
      receiver.answer(outgoing, one);
    });
  });
  const listening = await listen(server);
  const receiver: Receiver = {
    url: `${listening.url}/in`,
    port: listening.port,
    arrived,
    answer: (outgoing) => outgoing.setHeader("content-type", "application/json").end('{"ok":true}'),
    [Symbol.asyncDispose]: () => listening[Symbol.asyncDispose](),
  };
  return receiver;
}

/** Answers with a status. */
export function status(code: number, headers: Record<string, string> = {}): Receiver["answer"] {
  return (outgoing) => outgoing.writeHead(code, headers).end();
}

async function take(incoming: IncomingMessage): Promise<Arrived> {
  const body = Buffer.concat(await incoming.toArray()).toString();
  return {
    path: incoming.url ?? "",
    headers: incoming.headers,
    body,
    message: JSON.parse(body) as WebhookMessage,
  };
}
