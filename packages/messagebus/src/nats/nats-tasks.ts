import type { Msg } from "@nats-io/transport-node";

import type { Clock } from "../clock.ts";
import { Deadlines, type DeadlineQueue, type Expiring } from "../deadlines.ts";
import { checkTimeout } from "../envelope.ts";
import { BusError, InvalidMessageError, NoResponderError, OverloadedError } from "../errors.ts";
import type { RandomIds } from "../ids.ts";
import type { BusLimits } from "../limits.ts";
import type { Message } from "../message.ts";
import { checkPluginId, SYSTEM_ID } from "../plugin-id.ts";
import { canonicalTopic, isReservedTopic } from "../topic.ts";
import type { CallExchange, Exchange, Member, RequestExchange, Taker } from "../transport.ts";
import { readCall, readCancel, readRequest, writeError, writeValue, type CallBody } from "./nats-bodies.ts";
import type { NatsSubjects } from "./nats-subjects.ts";

/** What task books are made with. */
export interface NatsTasksOptions {
  readonly pluginId: string;
  readonly subjects: NatsSubjects;
  readonly limits: BusLimits;
  readonly clock: Clock;
  readonly ids: RandomIds;
  /** Sends an answer. */
  readonly send: (reply: string, body: string) => void;
  /** Something came that nobody can answer. */
  readonly onUnreadable: (error: Error) => void;
}

/** The requests and calls that others on the NATS server have put to a plugin of this process. */
export class NatsTasks {
  readonly #options: NatsTasksOptions;
  readonly #deadlines: Deadlines;
  readonly #open = new Map<string, NatsTask>();

  constructor(options: NatsTasksOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock);
  }

  /** A request; without a body it only asks whether somebody is there. */
  ask(incoming: Msg, member: Member | undefined): void {
    this.#take(incoming, (source) => {
      const { pluginId, limits, ids } = this.#options;
      const envelope = { source, destination: pluginId, correlationId: ids.next() };
      const { message, timeoutMs } = readRequest(incoming.data, envelope, limits);
      const topic = canonicalTopic(message.topic, limits);
      if (source !== SYSTEM_ID && isReservedTopic(topic)) throw new InvalidMessageError(`${topic} is a reserved topic`);
      const task = new NatsRequest(this, incoming, checkTimeout(timeoutMs, limits), { ...message, topic });
      this.#begin(task);
      if (!member?.takeRequest(task)) task.fail(new NoResponderError(`plugin ${pluginId} does not listen to ${topic}`));
    });
  }

  /** A call; without a body it only asks whether somebody is there. */
  call(incoming: Msg, member: Member | undefined): void {
    this.#take(incoming, (source) => {
      const { pluginId, limits } = this.#options;
      const body = readCall(incoming.data, limits);
      const task = new NatsCall(
        this,
        incoming,
        { ...body, timeoutMs: checkTimeout(body.timeoutMs, limits) },
        pluginId,
        source,
      );
      this.#begin(task);
      if (!member?.takeCall(task)) task.fail(new NoResponderError(`plugin ${pluginId} does not serve RPC`));
    });
  }

  /** Somebody waits no more. */
  cancel(incoming: Msg): void {
    try {
      const source = this.#options.subjects.readSource(incoming.subject);
      const task = this.#open.get(readCancel(incoming.data));
      // Only who has asked can cancel.
      if (task && this.#options.subjects.isInboxOf(source, task.replyTo)) this.#abandon(task);
    } catch (error) {
      this.#unreadable(error);
    }
  }

  /** The connection is gone, and with it the way back. */
  abandonAll(): void {
    for (const task of this.#open.values()) this.#abandon(task);
  }

  /** For tasks. */
  end(task: NatsTask, body: string): void {
    this.#forget(task);
    this.#options.send(task.replyTo, body);
  }

  /** For tasks: whoever asked is gone without a word. */
  expired(task: NatsTask): void {
    this.#abandon(task);
  }

  #take(incoming: Msg, begin: (source: string) => void): void {
    const { subjects, send } = this.#options;
    const { reply } = incoming;
    const source = subjects.readSource(incoming.subject);
    if (!subjects.isInboxOf(source, reply)) {
      return this.#unreadable(
        new InvalidMessageError(`plugin ${source} wants an answer sent to ${reply ?? "nowhere"}`),
      );
    }
    if (incoming.data.length === 0) return send(reply, "");
    try {
      checkPluginId(source);
      this.#admit();
      begin(source);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      send(reply, writeError(error));
    }
  }

  #admit(): void {
    const { pluginId, limits } = this.#options;
    if (this.#open.size < limits["request.asked"]) return;
    throw new OverloadedError(`plugin ${pluginId} has ${this.#open.size} questions that it has not answered`);
  }

  #begin(task: NatsTask): void {
    this.#open.set(task.replyTo, task);
    this.#deadlines.add(task, task.timeoutMs);
  }

  #forget(task: NatsTask): void {
    this.#open.delete(task.replyTo);
    this.#deadlines.remove(task);
  }

  #abandon(task: NatsTask): void {
    task.isOpen = false;
    this.#forget(task);
    task.taker?.abandoned();
  }

  #unreadable(error: unknown): void {
    if (!(error instanceof BusError)) throw error;
    this.#options.onUnreadable(error);
  }
}

/** One of them. */
abstract class NatsTask implements Exchange, Expiring {
  /** Where its answer goes, and no other's. */
  readonly replyTo: string;
  readonly timeoutMs: number;
  isOpen = true;
  taker: Taker | undefined = undefined;
  dueMs = 0;
  earlier: Expiring | undefined = undefined;
  later: Expiring | undefined = undefined;
  queue: DeadlineQueue | undefined = undefined;
  readonly #tasks: NatsTasks;

  constructor(tasks: NatsTasks, { reply = "" }: Msg, timeoutMs: number) {
    this.#tasks = tasks;
    this.replyTo = reply;
    this.timeoutMs = timeoutMs;
  }

  reply(value: unknown): boolean {
    let body: string;
    try {
      body = writeValue(value);
    } catch (error) {
      // It was JSON data when it was checked; a getter can say something else each time.
      return this.fail(new InvalidMessageError("the answer is not JSON data", { cause: error }));
    }
    return this.#end(body);
  }

  fail(error: BusError): boolean {
    return this.#end(writeError(error));
  }

  expire(): void {
    this.#tasks.expired(this);
  }

  #end(body: string): boolean {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.#tasks.end(this, body);
    return true;
  }
}

class NatsRequest extends NatsTask implements RequestExchange {
  readonly message: Message;

  constructor(tasks: NatsTasks, incoming: Msg, timeoutMs: number, message: Message) {
    super(tasks, incoming, timeoutMs);
    this.message = message;
  }
}

class NatsCall extends NatsTask implements CallExchange {
  readonly destination: string;
  readonly caller: string;
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(tasks: NatsTasks, incoming: Msg, body: CallBody, destination: string, caller: string) {
    super(tasks, incoming, body.timeoutMs);
    this.destination = destination;
    this.caller = caller;
    this.method = body.method;
    this.params = body.params;
    this.headers = body.headers;
  }
}
