import type { Message } from "../message.ts";
import { Publication } from "../remote/publication.ts";
import type { Outbox } from "../remote/outbox.ts";
import type { CallExchange, Exchange, Link, Listener, Member, RequestExchange } from "../transport.ts";
import { writeCall, writeMessage, writeRequest } from "./nats-bodies.ts";
import type { NatsStation } from "./nats-station.ts";
import type { NatsSubjects } from "./nats-subjects.ts";

/** Something to publish on NATS. */
export interface NatsLetter {
  readonly subject: string;
  readonly body: string;
  /** Where an answer goes; absent: the server's word that it has it is all. */
  readonly reply?: string;
  readonly length: number;
}

/** What the links of a connection share, beside its outbox. */
export interface NatsLinkHost {
  readonly subjects: NatsSubjects;
  cancel(exchange: Exchange, destination: string, station: NatsStation): void;
  subscribe(listener: Listener): Promise<void> | undefined;
  unsubscribe(listener: Listener): void;
  leave(link: NatsLink): Promise<void> | undefined;
}

/** One member on the connection. */
export class NatsLink implements Link {
  readonly member: Member;
  readonly station: NatsStation;
  readonly #host: NatsLinkHost;
  readonly #outbox: Outbox<NatsLetter>;
  readonly #listeners = new Set<Listener>();

  constructor(host: NatsLinkHost, outbox: Outbox<NatsLetter>, station: NatsStation, member: Member) {
    this.#host = host;
    this.#outbox = outbox;
    this.station = station;
    this.member = member;
  }

  publish(message: Message, signal?: AbortSignal): Promise<void> {
    const { destination, topic } = message;
    const { subjects } = this.#host;
    const { pluginId } = this.station;
    const publication = new Publication(this.#outbox, signal);
    this.#outbox.post(
      () =>
        toLetter(
          destination === undefined
            ? subjects.publish(pluginId, topic)
            : subjects.directed(destination, pluginId, topic),
          writeMessage(message),
        ),
      publication,
    );
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
    const { message, timeoutMs } = exchange;
    const subject = this.#host.subjects.ask(message.destination ?? "", this.station.pluginId);
    this.#question(exchange, subject, () => writeRequest(message, timeoutMs));
  }

  call(exchange: CallExchange): void {
    const subject = this.#host.subjects.call(exchange.destination, this.station.pluginId);
    this.#question(exchange, subject, () => writeCall(exchange));
  }

  cancel(exchange: Exchange): void {
    this.#host.cancel(exchange, destinationOf(exchange), this.station);
  }

  serve(): Promise<void> | undefined {
    return this.station.serve(this);
  }

  unserve(): void {
    this.station.unserve(this);
  }

  leave(): Promise<void> | undefined {
    for (const listener of this.#listeners) this.#host.unsubscribe(listener);
    this.#listeners.clear();
    return this.#host.leave(this);
  }

  #question(exchange: Exchange, subject: string, write: () => string): void {
    const { inbox, inboxError } = this.station;
    if (inboxError) return void exchange.fail(inboxError);
    this.#outbox.post((id) => toLetter(subject, write(), `${inbox}.${id}`), exchange);
  }
}

function toLetter(subject: string, body: string, reply?: string): NatsLetter {
  const length = subject.length + body.length;
  return reply === undefined ? { subject, body, length } : { subject, body, reply, length };
}

/** Exchanges are requests or calls, and both have one. */
function destinationOf(exchange: Exchange): string {
  const { destination, message } = exchange as Partial<CallExchange & RequestExchange>;
  return destination ?? message?.destination ?? "";
}
