import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";

import { WebhookMessageSchema, type WebhookMessage } from "@signalbox/protocol";
import { listen, type TestCertificate } from "@signalbox/testkit";
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
  readonly #scheme: "http" | "https";

  private constructor(listening: Awaited<ReturnType<typeof listen>>, scheme: "http" | "https") {
    this.#listening = listening;
    this.#scheme = scheme;
  }

  /** With a certificate it speaks TLS. */
  static async open(certificate?: TestCertificate): Promise<WebhookReceiver> {
    const take: RequestListener = (incoming, outgoing) => {
      void incoming.toArray().then((chunks: Buffer[]) => {
        const body = Buffer.concat(chunks).toString();
        const message = WebhookMessageSchema.parse(JSON.parse(body));
        const headers = incoming.headers as Record<string, string>;
        const post = { headers, body, message, atMs: performance.now() };
        receiver.posts.push(post);
        receiver.answer(outgoing, post);
      });
    };
    const server = certificate ? createTlsServer(certificate, take) : createServer(take);
    // Whoever does not like the certificate goes away in the middle of the handshake.
    server.on("tlsClientError", () => {});
    const receiver: WebhookReceiver = new WebhookReceiver(await listen(server), certificate ? "https" : "http");
    return receiver;
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}/webhooks/nofx`;
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
