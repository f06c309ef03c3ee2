import type { Message } from "../message.ts";
import type { CallExchange, Exchange, Link, Listener, Member, RequestExchange } from "../transport.ts";
import type { Outbox } from "../remote/outbox.ts";
import { Publication } from "../remote/publication.ts";
import { spellPluginFrame } from "./spell-frames.ts";

/** What the links of a connection share, beside its outbox. */
export interface LinkHost {
  cancel(exchange: Exchange): void;
  subscribe(listener: Listener): Promise<void> | undefined;
  unsubscribe(listener: Listener): void;
  serve(link: WebSocketLink): Promise<void> | undefined;
  unserve(link: WebSocketLink): void;
  leave(link: WebSocketLink): Promise<void> | undefined;
}

/** One member on the connection. */
export class WebSocketLink implements Link {
  readonly member: Member;
  readonly #host: LinkHost;
  readonly #outbox: Outbox<string>;
  readonly #listeners = new Set<Listener>();

  constructor(host: LinkHost, outbox: Outbox<string>, member: Member) {
    this.#host = host;
    this.#outbox = outbox;
    this.member = member;
  }

  publish(message: Message, signal?: AbortSignal): Promise<void> {
    const publication = new Publication(this.#outbox, signal);
    this.#outbox.post((id) => spellPluginFrame.publish(id, message), publication);
    return publication.promise;
  }

  subscribe(listener: Listener): Promise<void> | undefined {
    this.#listeners.add(listener);
    return this.#host.subscribe(listener);
  }

  unsubscribe(listener: Listener): void {
    if (this.#listeners.delete(listener)) this.#host.unsubscribe(listener);
  }

  request(exchange: RequestExchange): void {
    this.#outbox.post((id) => spellPluginFrame.request(id, exchange), exchange);
  }

  call(exchange: CallExchange): void {
    this.#outbox.post((id) => spellPluginFrame.call(id, exchange), exchange);
  }

  cancel(exchange: Exchange): void {
    this.#host.cancel(exchange);
  }

  serve(): Promise<void> | undefined {
    return this.#host.serve(this);
  }

  unserve(): void {
    this.#host.unserve(this);
  }

  leave(): Promise<void> | undefined {
    for (const listener of this.#listeners) this.#host.unsubscribe(listener);
    this.#listeners.clear();
    return this.#host.leave(this);
  }
}
