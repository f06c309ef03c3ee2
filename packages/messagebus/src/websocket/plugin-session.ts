import type { AccessList } from "../access/access-list.ts";
import type { Clock } from "../clock.ts";
import { checkHeaders, checkTimeout } from "../envelope.ts";
import { BusError, ConnectionLostError, OverloadedError } from "../errors.ts";
import type { RandomIds } from "../ids.ts";
import type { BusLimits } from "../limits.ts";
import { MessageMaker } from "../message-maker.ts";
import type { Message, PublishInput, RequestInput } from "../message.ts";
import { checkPayload } from "../payload.ts";
import { checkPluginId } from "../plugin-id.ts";
import { TopicIndex } from "../topic-index.ts";
import { canonicalPattern } from "../topic.ts";
import type { CallExchange, Link, Listener, Member, RequestExchange, Transport } from "../transport.ts";
import type { PluginFrame, PluginFrameOf } from "./frames.ts";
import { PluginCall, PluginRequest } from "./plugin-exchange.ts";
import { PluginQuestions, QuestionBatch } from "./plugin-questions.ts";
import { PluginTasks } from "./plugin-tasks.ts";
import { spellBrokerFrame } from "./spell-frames.ts";

/** What plugin sessions are made with. */
export interface PluginSessionOptions {
  readonly access: AccessList;
  readonly hub: Transport;
  readonly clock: Clock;
  readonly ids: RandomIds;
  /** Sends a frame to the plugin. */
  readonly send: (frame: string) => void;
  /** The frame of a message, which is the same for every plugin that gets it; undefined when it cannot be written. */
  readonly spell: (message: Message) => string | undefined;
  /** The hub is gone. */
  readonly onCutOff: (error: BusError) => void;
}

/**
 * One connected plugin as a member of the hub: does what its frames say as far as its access list goes, and turns what comes
 * in for it into frames. Who the plugin is was settled before; nothing in a frame can say otherwise.
 */
export class PluginSession implements Member {
  readonly pluginId: string;
  readonly #access: AccessList;
  readonly #limits: BusLimits;
  readonly #send: (frame: string) => void;
  readonly #spell: (message: Message) => string | undefined;
  readonly #onCutOff: (error: BusError) => void;
  readonly #maker: MessageMaker;
  readonly #questions: PluginQuestions;
  readonly #tasks: PluginTasks;
  readonly #link: Link;
  readonly #listeners = new Map<string, PatternListener>();
  readonly #index: TopicIndex<PatternListener>;
  #isServing = false;
  #lastDelivered: Message | undefined;
  #done: number[] = [];
  #batch = new QuestionBatch(0);

  /** Joins the hub. */
  constructor({ access, hub, clock, ids, send, spell, onCutOff }: PluginSessionOptions) {
    const { limits } = hub;
    const { pluginId } = access;
    this.pluginId = pluginId;
    this.#access = access;
    this.#limits = limits;
    this.#send = send;
    this.#spell = spell;
    this.#onCutOff = onCutOff;
    this.#maker = new MessageMaker({ pluginId, isSystem: false, limits, clock, ids });
    this.#tasks = new PluginTasks({ pluginId, limits, send });
    this.#index = new TopicIndex(limits["cache.topics"]);
    this.#questions = new PluginQuestions({
      clock,
      limits,
      send,
      cancel: (question) => this.#link.cancel(question),
    });
    this.#link = hub.join(this);
  }

  /** So many characters have come together; the frames in them follow. */
  begin(characters: number): void {
    this.#batch = new QuestionBatch(characters);
  }

  /** Does what a frame says, or answers it with the refusal. */
  take(frame: PluginFrame): void {
    try {
      this.#handle(frame);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      this.#send("id" in frame ? spellBrokerFrame.fail(frame.id, error) : spellBrokerFrame.refused(error));
    }
  }

  /** Tells the plugin which of its frames are done; after the frames that came together. */
  acknowledge(): void {
    if (this.#done.length === 0) return;
    this.#send(spellBrokerFrame.done(this.#done));
    this.#done = [];
  }

  /** Whether a frame answers something that the plugin was asked: it was paid for by who asked. */
  isAwaited(frame: PluginFrame): boolean {
    return (frame.type === "reply" || frame.type === "fail") && this.#tasks.has(frame.id);
  }

  /** Leaves the hub: whoever waits for this plugin is told so, and whoever works for it is told to stop. */
  end(): void {
    void this.#link.leave();
    this.#tasks.end();
    this.#questions.end();
  }

  takeRequest(exchange: RequestExchange): boolean {
    if (this.#index.match(exchange.message.topic).length === 0) return false;
    this.#tasks.put(exchange, (id) => spellBrokerFrame.ask(id, exchange));
    return true;
  }

  takeCall(exchange: CallExchange): boolean {
    if (!this.#isServing) return false;
    this.#tasks.put(exchange, (id) => spellBrokerFrame.invoke(id, exchange));
    return true;
  }

  cutOff(error: BusError): void {
    this.#onCutOff(error);
  }

  #handle(frame: PluginFrame): void {
    switch (frame.type) {
      case "publish":
        return this.#publish(frame);
      case "request":
        return this.#request(frame);
      case "call":
        return this.#call(frame);
      case "cancel":
        return this.#questions.cancel(frame.id);
      case "subscribe":
        return this.#subscribe(frame);
      case "unsubscribe":
        return this.#unsubscribe(frame.pattern);
      case "serve":
        return this.#serve(frame.id);
      case "unserve":
        return this.#unserve();
      case "sync":
        return this.#confirm(frame.id, undefined);
      case "reply":
        return this.#tasks.reply(frame);
      case "fail":
        return this.#tasks.fail(frame);
    }
  }

  #publish(frame: PluginFrameOf<"publish">): void {
    // The maker checks each of the unknown fields.
    const message = this.#maker.event(frame as PublishInput);
    this.#access.checkPublish(message.topic);
    this.#confirm(frame.id, this.#link.publish(message));
  }

  #request(frame: PluginFrameOf<"request">): void {
    const timeoutMs = checkTimeout(frame.timeoutMs, this.#limits);
    const message = this.#maker.request(frame as RequestInput);
    this.#access.checkRequest(frame.destination);
    const asked = { id: frame.id, timeoutMs, batch: this.#batch };
    const question = new PluginRequest(this.#questions, asked, message);
    this.#questions.add(question);
    this.#link.request(question);
  }

  #call(frame: PluginFrameOf<"call">): void {
    const { id, destination, method, params } = frame;
    checkPluginId(destination);
    this.#access.checkCall(destination);
    checkPayload(params, this.#limits, "the parameters");
    const headers = checkHeaders(frame.headers, this.#limits);
    const timeoutMs = checkTimeout(frame.timeoutMs, this.#limits);
    const call = { destination, caller: this.pluginId, method, params, headers };
    const question = new PluginCall(this.#questions, { id, timeoutMs, batch: this.#batch }, call);
    this.#questions.add(question);
    this.#link.call(question);
  }

  #subscribe({ id, pattern }: PluginFrameOf<"subscribe">): void {
    const canonical = canonicalPattern(pattern, this.#limits);
    this.#access.checkSubscribe(canonical);
    if (this.#listeners.has(canonical)) return this.#confirm(id, undefined);
    if (this.#listeners.size >= this.#limits["subscriptions"]) {
      throw new OverloadedError(`plugin ${this.pluginId} already subscribes to ${this.#listeners.size} patterns`);
    }
    const listener = new PatternListener(canonical, (message) => this.#deliver(message));
    this.#listeners.set(canonical, listener);
    this.#index.add(listener);
    this.#confirm(id, this.#link.subscribe(listener));
  }

  #unsubscribe(pattern: string): void {
    const listener = this.#listeners.get(canonicalPattern(pattern, this.#limits));
    if (!listener) return;
    this.#listeners.delete(listener.pattern);
    this.#index.remove(listener);
    this.#link.unsubscribe(listener);
  }

  #serve(id: number): void {
    this.#access.checkServe();
    this.#isServing = true;
    this.#confirm(id, this.#link.serve());
  }

  #unserve(): void {
    this.#isServing = false;
    this.#link.unserve();
  }

  /** What the hub hands to several patterns of this plugin at once goes to the plugin once; it knows its patterns too. */
  #deliver(message: Message): void {
    if (message === this.#lastDelivered) return;
    this.#lastDelivered = message;
    if (message.destination !== undefined && message.destination !== this.pluginId) return;
    const frame = this.#spell(message);
    if (frame !== undefined) this.#send(frame);
  }

  #confirm(id: number, promise: Promise<void> | undefined): void {
    if (promise === undefined) {
      this.#done.push(id);
      return;
    }
    promise.then(
      () => this.#send(spellBrokerFrame.done([id])),
      (error: unknown) => this.#send(spellBrokerFrame.fail(id, asBusError(error))),
    );
  }
}

/** A subscription of a connected plugin on the hub. */
class PatternListener implements Listener {
  readonly pattern: string;
  readonly priority = 0;
  readonly deliver: (message: Message) => void;

  constructor(pattern: string, deliver: (message: Message) => void) {
    this.pattern = pattern;
    this.deliver = deliver;
  }
}

function asBusError(error: unknown): BusError {
  return error instanceof BusError ? error : new ConnectionLostError("the hub could not take it", { cause: error });
}
