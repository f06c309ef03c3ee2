import type { Msg } from "@nats-io/transport-node";

import { ForbiddenTopicError, type BusError } from "../errors.ts";
import { ANONYMOUS_ID } from "../plugin-id.ts";
import { StandingOrder } from "../remote/standing-order.ts";
import type { Link, Member } from "../transport.ts";
import type { NatsLine, NatsSubscription } from "./nats-line.ts";
import type { NatsSubjects } from "./nats-subjects.ts";
import type { NatsTasks } from "./nats-tasks.ts";

/** What stations are made with. */
export interface NatsStationOptions {
  readonly pluginId: string;
  readonly subjects: NatsSubjects;
  readonly line: NatsLine;
  readonly tasks: NatsTasks;
  /** Random; nobody else's inbox has it. */
  readonly token: string;
  readonly onAnswer: (incoming: Msg) => void;
  readonly onDirected: (incoming: Msg) => void;
  /** The server does not let this plugin be reached in some way. */
  readonly onForbidden: (error: BusError) => void;
}

interface Service {
  readonly order: StandingOrder;
  subscription: NatsSubscription | undefined;
}

/** What one plugin has on the connection besides its subscriptions: where it is asked, called, sent to and answered. */
export class NatsStation {
  readonly pluginId: string;
  /** Below which its answers come. */
  readonly inbox: string;
  readonly tasks: NatsTasks;
  readonly #options: NatsStationOptions;
  readonly #members = new Map<Link, Member>();
  readonly #serving = new Set<Link>();
  #member: Member | undefined;
  #inboxError: BusError | undefined;
  #subscriptions: NatsSubscription[] = [];
  #service: Service | undefined;

  constructor(options: NatsStationOptions) {
    const { pluginId, subjects, tasks, token } = options;
    this.pluginId = pluginId;
    this.inbox = subjects.inbox(pluginId, token);
    this.tasks = tasks;
    this.#options = options;
  }

  /** Why no answer can come; undefined when one can. */
  get inboxError(): BusError | undefined {
    return this.#inboxError;
  }

  add(link: Link, member: Member): void {
    this.#members.set(link, member);
    this.#choose();
  }

  /** Whether anybody is left. */
  remove(link: Link): boolean {
    this.#members.delete(link);
    this.unserve(link);
    this.#choose();
    return this.#members.size > 0;
  }

  /** Subscribes on a connection that has just been made. */
  open(): void {
    const { pluginId, subjects, line, tasks, onAnswer, onDirected, onForbidden } = this.#options;
    // Where two processes have one id, one of them is asked: the queue group is the id.
    const listen = (
      subject: string,
      take: (incoming: Msg) => void,
      onRefusal: (error: BusError) => void,
      queue?: string,
    ) => line.subscribe(subject, take, { confirm: () => {}, refuse: onRefusal }, queue);
    this.#inboxError = undefined;
    this.#subscriptions = [
      listen(`${this.inbox}.*`, onAnswer, (error) => (this.#inboxError = error)),
      listen(subjects.directed(pluginId, "*", "**"), onDirected, onForbidden),
      listen(subjects.ask(pluginId, "*"), (incoming) => tasks.ask(incoming, this.#member), onForbidden, pluginId),
      listen(subjects.cancel(pluginId, "*"), (incoming) => tasks.cancel(incoming), onForbidden),
    ];
    if (this.#service) this.#listenForCalls(this.#service);
  }

  /** The last member has left. */
  close(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  serve(link: Link): Promise<void> | undefined {
    this.#serving.add(link);
    if (!this.#service) {
      this.#service = { order: new StandingOrder(), subscription: undefined };
      if (this.#options.line.isOpen) this.#listenForCalls(this.#service);
    }
    return this.#service.order.answer;
  }

  unserve(link: Link): void {
    this.#serving.delete(link);
    if (this.#serving.size > 0) return;
    this.#service?.subscription?.unsubscribe();
    this.#service = undefined;
  }

  /** There is no server any more. */
  end(error: BusError): void {
    this.tasks.abandonAll();
    this.#service?.order.refuse(error);
    for (const member of this.#members.values()) member.cutOff(error);
  }

  /** The newest that has the plugin's name is asked. */
  #choose(): void {
    this.#member = [...this.#members.values()].findLast(({ pluginId }) => pluginId !== ANONYMOUS_ID);
  }

  #listenForCalls(service: Service): void {
    const { pluginId, subjects, line, tasks, onForbidden } = this.#options;
    const take = (incoming: Msg) => tasks.call(incoming, this.#member);
    const refuse = (error: BusError) => {
      service.order.refuse(new ForbiddenTopicError(`plugin ${pluginId} may not serve RPC`, { cause: error }));
      onForbidden(error);
    };
    const order = { confirm: () => service.order.confirm(), refuse };
    service.subscription = line.subscribe(subjects.call(pluginId, "*"), take, order, pluginId);
  }
}
