import { EventEmitter } from "node:events";

import type { Msg, NodeConnectionOptions } from "@nats-io/transport-node";

import { systemClock, type Clock } from "../clock.ts";
import { BusError, ConnectionLostError, InvalidMessageError, NoResponderError, toBusError } from "../errors.ts";
import { RandomIds, type RandomFill } from "../ids.ts";
import { busLimits, type BusLimits } from "../limits.ts";
import { ANONYMOUS_ID, checkPluginId } from "../plugin-id.ts";
import type { ConnectionState } from "../remote/connection-states.ts";
import { closeOnAbort } from "../remote/close-on-abort.ts";
import { Outbox } from "../remote/outbox.ts";
import type { Exchange, Link, Member, Transport } from "../transport.ts";
import { readAnswer, writeCancel } from "./nats-bodies.ts";
import { NatsLine, type NatsConnect } from "./nats-line.ts";
import { NatsLink, type NatsLetter, type NatsLinkHost } from "./nats-link.ts";
import { NatsPresence } from "./nats-presence.ts";
import { NatsSent } from "./nats-sent.ts";
import { NatsStation } from "./nats-station.ts";
import { NatsSubjects } from "./nats-subjects.ts";
import { NatsSubscriptions } from "./nats-subscriptions.ts";
import { NatsTasks } from "./nats-tasks.ts";

/** What a connection to a bus on NATS is made with. */
export interface NatsTransportOptions {
  /** One or more of a cluster: `nats://host:4222`. Default: the one on this machine. */
  readonly servers?: string | readonly string[];
  /** The first tokens of every subject; one bus has one. Default `signalbox`. */
  readonly prefix?: string;
  /** Credentials, TLS and the like, as the official client takes them. Reconnection is the transport's own. */
  readonly connection?: Omit<NodeConnectionOptions, "servers" | "reconnect">;
  /** Makes a connection; default: the `connect` of the official client. */
  readonly connect?: NatsConnect;
  /** As whom RPC clients without a bus call. Default: `anonymous`. */
  readonly pluginId?: string;
  readonly limits?: Partial<BusLimits>;
  /** Closes the transport when it is aborted. */
  readonly signal?: AbortSignal;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Numbers from 0 up to 1, for the jitter between two tries. Default: `Math.random`. */
  readonly random?: () => number;
  /** Where inboxes and correlation ids come from. Default: the machine's randomness. */
  readonly randomFill?: RandomFill;
}

/** What a connection tells. */
export interface NatsTransportEvents {
  /** The connection has come to another state. */
  state: [ConnectionState];
  /** It has ended for good: closed here, or refused. */
  closed: [BusError];
  /** Something was left out: a subscription that the server refuses, or a message that cannot be read or that nobody may send. */
  warning: [Error];
}

/** Connects plugins to a bus on a NATS server. The connection is made when the first of them joins. */
export function natsTransport(options: NatsTransportOptions = {}): NatsTransport {
  return new NatsTransport(options);
}

/**
 * A bus on a NATS server. The plugins that join share the connection; where they are not to trust each other, each has a connection
 * with a user of its own, and `natsPermissions`. A connection that is lost is made again as over a WebSocket: what was sent and not
 * confirmed has failed with a ConnectionLostError; nothing is sent twice.
 */
export class NatsTransport extends EventEmitter<NatsTransportEvents> implements Transport, AsyncDisposable {
  readonly limits: BusLimits;
  /** Resolves to the reason when the connection has ended for good. */
  readonly closed: Promise<BusError>;
  readonly #clock: Clock;
  readonly #ids: RandomIds;
  readonly #subjects: NatsSubjects;
  readonly #pluginId: string;
  readonly #line: NatsLine;
  readonly #outbox: Outbox<NatsLetter>;
  readonly #sent: NatsSent;
  readonly #presence: NatsPresence;
  readonly #subscriptions: NatsSubscriptions;
  readonly #host: NatsLinkHost;
  readonly #stations = new Map<string, NatsStation>();
  readonly #leaving = new Set<() => void>();
  #endedBy: BusError | undefined;
  #resolveClosed!: (reason: BusError) => void;

  /** Throws a TypeError when the prefix cannot be, and an InvalidPluginIdError or RangeError. */
  constructor(options: NatsTransportOptions) {
    super();
    const { clock = systemClock, random = Math.random, pluginId = ANONYMOUS_ID, signal } = options;
    checkPluginId(pluginId);
    this.#pluginId = pluginId;
    this.limits = busLimits(options.limits);
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#clock = clock;
    this.#ids = new RandomIds(options.randomFill);
    this.#subjects = new NatsSubjects(options.prefix ?? "signalbox");
    this.#line = new NatsLine({
      connection: connectionOf(options),
      connect: options.connect,
      limits: this.limits,
      clock,
      random,
      listener: {
        onOpen: () => this.#opened(),
        onLost: (error) => this.#lost(error),
        onEnd: (error) => this.#ended(error),
        onState: (state) => this.emit("state", state),
        onForbidden: (subject, error) => this.#forbidden(subject, error),
      },
    });
    const line = this.#line;
    this.#presence = new NatsPresence({
      clock,
      everyMs: this.limits["nats.presenceMs"],
      probe: (subject, reply) => line.isOpen && line.publish(subject, "", reply),
    });
    this.#sent = new NatsSent({ line, presence: this.#presence, take: (id) => this.#outbox.take(id) });
    this.#outbox = new Outbox(this.#sent, this.limits);
    const onWarning = (error: Error) => void this.emit("warning", error);
    this.#subscriptions = new NatsSubscriptions({ subjects: this.#subjects, line, limits: this.limits, onWarning });
    this.#host = this.#makeHost();
    closeOnAbort(this, signal);
  }

  /** Where the connection is now. */
  get state(): ConnectionState {
    return this.#line.state;
  }

  /** Throws after the end the error that brought it. */
  join(member: Member): Link {
    if (this.#endedBy) throw toBusError(this.#endedBy.code, this.#endedBy.message);
    const station = this.#stationOf(member.pluginId === ANONYMOUS_ID ? this.#pluginId : member.pluginId);
    const link = new NatsLink(this.#host, this.#outbox, station, member);
    station.add(link, member);
    this.#line.start();
    return link;
  }

  /** Ends the connection for good, after what was sent before has gone. */
  close(): Promise<void> {
    return this.#line.end(new ConnectionLostError("the connection to NATS was closed"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #opened(): void {
    for (const station of this.#stations.values()) station.open();
    this.#subscriptions.open();
    this.#outbox.sendKept();
  }

  #lost(error: ConnectionLostError): void {
    this.#clear();
    this.#outbox.failSent(error);
    for (const station of this.#stations.values()) station.tasks.abandonAll();
  }

  #ended(error: BusError): void {
    this.#endedBy = error;
    this.#clear();
    this.#outbox.failAll(error);
    this.#subscriptions.end(error);
    for (const station of this.#stations.values()) station.end(error);
    this.#resolveClosed(error);
    this.emit("closed", error);
  }

  #clear(): void {
    this.#sent.clear();
    for (const resolve of this.#leaving) resolve();
    this.#leaving.clear();
  }

  #forbidden(subject: string, error: BusError): void {
    for (const id of this.#sent.on(subject)) this.#outbox.take(id)?.fail(error);
  }

  #takeAnswer(incoming: Msg): void {
    const token = this.#subjects.readSource(incoming.subject);
    const isNobodyThere = incoming.data.length === 0 && incoming.headers?.code === NO_RESPONDERS;
    if (token.startsWith("p")) {
      if (!isNobodyThere) return this.#presence.present(token);
      for (const id of this.#presence.gone(token)) this.#fail(id, new NoResponderError("who was asked left the bus"));
      return;
    }
    const id = Number(token);
    if (isNobodyThere)
      this.#fail(id, new NoResponderError("nobody can answer: there is no such plugin, or it does not serve"));
    else this.#settle(id, incoming.data);
  }

  #settle(id: number, data: Uint8Array): void {
    this.#presence.forget(id);
    const waiter = this.#outbox.take(id);
    if (!waiter) return;
    try {
      const answer = readAnswer(data, this.limits);
      if (answer instanceof BusError) waiter.fail(answer);
      else waiter.reply?.(answer.value);
    } catch (error) {
      waiter.fail(
        error instanceof BusError ? error : new InvalidMessageError("the answer cannot be read", { cause: error }),
      );
    }
  }

  #fail(id: number, error: BusError): void {
    this.#presence.forget(id);
    this.#outbox.take(id)?.fail(error);
  }

  #stationOf(pluginId: string): NatsStation {
    const known = this.#stations.get(pluginId);
    if (known) return known;
    const onWarning = (error: Error) => void this.emit("warning", error);
    const line = this.#line;
    const tasks = new NatsTasks({
      pluginId,
      subjects: this.#subjects,
      limits: this.limits,
      clock: this.#clock,
      ids: this.#ids,
      send: (reply, body) => line.isOpen && line.publish(reply, body),
      onUnreadable: onWarning,
    });
    const station = new NatsStation({
      pluginId,
      subjects: this.#subjects,
      line,
      tasks,
      token: this.#ids.next(),
      onAnswer: (incoming) => this.#takeAnswer(incoming),
      onDirected: (incoming) => this.#subscriptions.takeDirected(incoming, pluginId),
      onForbidden: onWarning,
    });
    this.#stations.set(pluginId, station);
    if (line.isOpen) station.open();
    return station;
  }

  #makeHost(): NatsLinkHost {
    return {
      subjects: this.#subjects,
      cancel: (exchange, destination, station) => this.#cancel(exchange, destination, station),
      subscribe: (listener) => this.#subscriptions.subscribe(listener),
      unsubscribe: (listener) => this.#subscriptions.unsubscribe(listener),
      leave: (link) => this.#leave(link),
    };
  }

  #cancel(exchange: Exchange, destination: string, { pluginId, inbox }: NatsStation): void {
    const id = this.#outbox.giveUp(exchange);
    if (id === undefined) return;
    this.#presence.forget(id);
    if (!this.#line.isOpen) return;
    this.#line.publish(this.#subjects.cancel(destination, pluginId), writeCancel(`${inbox}.${id}`));
  }

  #leave(link: NatsLink): Promise<void> | undefined {
    const { station } = link;
    if (!station.remove(link)) {
      station.close();
      this.#stations.delete(station.pluginId);
    }
    if (!this.#line.isOpen) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#leaving.add(resolve);
    this.#line.confirm(() => {
      this.#leaving.delete(resolve);
      resolve();
    });
    return promise;
  }
}

/** The status of the server's answer for a question that nobody listens to. */
const NO_RESPONDERS = 503;

function connectionOf({ servers, connection }: NatsTransportOptions): NodeConnectionOptions {
  if (servers === undefined) return { ...connection };
  return { ...connection, servers: typeof servers === "string" ? servers : [...servers] };
}
