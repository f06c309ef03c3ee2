import { InvalidMessageError, NoResponderError, type BusError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { CallExchange, Exchange, Member, RequestExchange, Taker } from "../transport.ts";
import type { BrokerFrameOf } from "./frames.ts";
import { spellPluginFrame } from "./spell-frames.ts";

/** The requests and calls that the broker has put to this plugin. */
export class MemberTasks {
  readonly #send: (frame: string) => void;
  readonly #open = new Map<number, MemberTask>();
  /** Who wants to know whether an answer found somebody. */
  readonly #answered = new Map<number, (isDelivered: boolean) => void>();

  constructor(send: (frame: string) => void) {
    this.#send = send;
  }

  /** A request for the member. */
  ask({ id, timeoutMs, message }: BrokerFrameOf<"ask">, member: Member | undefined): void {
    const task = new RequestTask(this, id, timeoutMs, message);
    this.#open.set(id, task);
    if (!member?.takeRequest(task)) void task.fail(new NoResponderError(`nobody listens to ${message.topic}`));
  }

  /** A call for the member. */
  invoke(frame: BrokerFrameOf<"invoke">, member: Member | undefined): void {
    const task = new CallTask(this, frame, member?.pluginId ?? "");
    this.#open.set(frame.id, task);
    if (!member?.takeCall(task)) void task.fail(new NoResponderError("nobody serves RPC"));
  }

  /** Nobody waits for this answer any more. */
  abandoned(id: number): void {
    const task = this.#open.get(id);
    if (task) this.#abandon(task);
  }

  /** Whether an answer found somebody. */
  answered({ id, isDelivered }: BrokerFrameOf<"answered">): void {
    this.#answered.get(id)?.(isDelivered);
    this.#answered.delete(id);
  }

  /** The connection is gone, and whoever waited with it. */
  abandonAll(): void {
    for (const task of this.#open.values()) this.#abandon(task);
    for (const resolve of this.#answered.values()) resolve(false);
    this.#answered.clear();
  }

  /** For tasks: answers with a frame. */
  end(task: MemberTask, frame: string): void {
    this.#open.delete(task.id);
    this.#send(frame);
  }

  /** For tasks: resolves to whether the answer has found somebody. */
  watch(task: MemberTask): Promise<boolean> {
    return new Promise((resolve) => this.#answered.set(task.id, resolve));
  }

  #abandon(task: MemberTask): void {
    task.isOpen = false;
    this.#open.delete(task.id);
    task.taker?.abandoned();
  }
}

/** One of them. */
abstract class MemberTask implements Exchange {
  readonly id: number;
  readonly timeoutMs: number;
  isOpen = true;
  taker: Taker | undefined = undefined;
  protected readonly tasks: MemberTasks;

  constructor(tasks: MemberTasks, id: number, timeoutMs: number) {
    this.tasks = tasks;
    this.id = id;
    this.timeoutMs = timeoutMs;
  }

  reply(value: unknown): boolean | Promise<boolean> {
    let frame: string;
    try {
      frame = spellPluginFrame.reply(this.id, value);
    } catch (error) {
      // It was JSON data when it was checked; a getter can say something else each time.
      return this.fail(new InvalidMessageError("the answer is not JSON data", { cause: error }));
    }
    return this.#end(frame);
  }

  fail(error: BusError): boolean | Promise<boolean> {
    return this.#end(spellPluginFrame.fail(this.id, error));
  }

  /** What the member is told of its answer. */
  protected abstract told(): boolean | Promise<boolean>;

  #end(frame: string): boolean | Promise<boolean> {
    if (!this.isOpen) return false;
    this.isOpen = false;
    this.tasks.end(this, frame);
    return this.told();
  }
}

class RequestTask extends MemberTask implements RequestExchange {
  readonly message: Message;

  constructor(tasks: MemberTasks, id: number, timeoutMs: number, message: Message) {
    super(tasks, id, timeoutMs);
    this.message = message;
  }

  protected override told(): Promise<boolean> {
    return this.tasks.watch(this);
  }
}

class CallTask extends MemberTask implements CallExchange {
  readonly destination: string;
  readonly caller: string;
  readonly method: string;
  readonly params: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(tasks: MemberTasks, frame: BrokerFrameOf<"invoke">, destination: string) {
    super(tasks, frame.id, frame.timeoutMs);
    this.destination = destination;
    this.caller = frame.caller;
    this.method = frame.method;
    this.params = frame.params;
    this.headers = frame.headers;
  }

  // Whoever waited gives up by itself, and nobody here asks.
  protected override told(): boolean {
    return true;
  }
}
