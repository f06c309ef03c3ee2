import { createServer, type ServerResponse } from "node:http";

import { WebhookMessageSchema, type WebhookMessage } from "@signalbox/protocol";
import { listen } from "@signalbox/testkit";
import { Webhook as StandardWebhook } from "standardwebhooks";

/** One post as it arrived. */
export interface Post {
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly message: WebhookMessage;
  readonly atMs: number;
}

/**
 * A receiver as somebody else would write it, with the published library of Standard Webhooks and nothing of Signalbox's own
 * signing. It keeps what arrives and answers as a test wants.
 */
export class WebhookReceiver implements AsyncDisposable {
  readonly posts: Post[] = [];
  /** Default: 200 and `{"ok":true}`. */
  answer: (outgoing: ServerResponse, post: Post) => void = (outgoing) => outgoing.end('{"ok":true}');
  readonly #listening: Awaited<ReturnType<typeof listen>>;

  private constructor(listening: Awaited<ReturnType<typeof listen>>) {
    this.#listening = listening;
  }

  static async open(): Promise<WebhookReceiver> {
    const server = createServer((incoming, outgoing) => {
      void incoming.toArray().then((chunks: Buffer[]) => {
        const body = Buffer.concat(chunks).toString();
        const message = WebhookMessageSchema.parse(JSON.parse(body));
        const headers = incoming.headers as Record<string, string>;
        const post = { headers, body, message, atMs: performance.now() };
        receiver.posts.push(post);
        receiver.answer(outgoing, post);
      });
    });
    const receiver: WebhookReceiver = new WebhookReceiver(await listen(server));
    return receiver;
  }

  get url(): string {
    return `${this.#listening.url}/webhooks/nofx`;
  }

  get port(): number {
    return this.#listening.port;
  }

  get types(): string[] {
    return this.posts.map(({ message }) => message.event_type);
  }

  get ids(): string[] {
    return this.posts.map(({ message }) => message.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening[Symbol.asyncDispose]();
  }
}

/** Whether the published library believes a post. */
export function isBelieved({ headers, body }: Post, secret: string): boolean {
  try {
    new StandardWebhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}
