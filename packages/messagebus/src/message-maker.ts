import type { Clock } from "./clock.ts";
import { checkHeaders, checkInput, checkMessageType, checkPriority } from "./envelope.ts";
import { InvalidMessageError, ReservedTopicError } from "./errors.ts";
import { GenerationCache } from "./generation-cache.ts";
import type { RandomIds } from "./ids.ts";
import type { BusLimits } from "./limits.ts";
import { MessageType, type Message, type PublishInput, type RequestInput } from "./message.ts";
import { checkPayload } from "./payload.ts";
import { checkPluginId } from "./plugin-id.ts";
import { canonicalTopic, isReservedTopic, pluginOfTopic } from "./topic.ts";

const SPELLINGS = 1_000;

/** What message makers are made with. */
export interface MessageMakerOptions {
  readonly pluginId: string;
  readonly isSystem: boolean;
  readonly limits: BusLimits;
  readonly clock: Clock;
  readonly ids: RandomIds;
}

/** Turns what a plugin wants to send into a message: checked, and stamped with sender, id and time. */
export class MessageMaker {
  readonly #pluginId: string;
  readonly #isSystem: boolean;
  readonly #limits: BusLimits;
  readonly #clock: Clock;
  readonly #ids: RandomIds;
  readonly #idPrefix: string;
  /** Topics that have been checked, by the spelling they came in. */
  readonly #topics = new GenerationCache<string, string>(SPELLINGS);
  #made = 0;
  #ms = Number.NaN;
  #timestamp = "";

  constructor({ pluginId, isSystem, limits, clock, ids }: MessageMakerOptions) {
    this.#pluginId = pluginId;
    this.#isSystem = isSystem;
    this.#limits = limits;
    this.#clock = clock;
    this.#ids = ids;
    this.#idPrefix = `${ids.next()}-`;
  }

  /** A message for `publish`. */
  event(input: PublishInput): Message {
    checkInput(input, this.#pluginId);
    const { destination, messageType } = input;
    if (destination !== undefined) checkPluginId(destination);
    return this.#make(input, checkMessageType(messageType), destination, undefined);
  }

  /** A message for `request`. */
  request(input: RequestInput): Message {
    checkInput(input, this.#pluginId);
    const destination = input.destination ?? pluginOfTopic(this.#topic(input.topic));
    if (destination === undefined) {
      throw new InvalidMessageError("a request needs a destination, unless its topic is plugin/<id>/…");
    }
    checkPluginId(destination);
    return this.#make(input, MessageType.REQUEST, destination, this.#ids.next());
  }

  // All messages are made here, with the same fields in the same order, so that the machine knows but one shape.
  #make(
    input: PublishInput | RequestInput,
    messageType: MessageType,
    destination: string | undefined,
    correlationId: string | undefined,
  ): Message {
    const { payload } = input;
    checkPayload(payload, this.#limits);
    return {
      messageId: this.#idPrefix + ++this.#made,
      topic: this.#topic(input.topic),
      source: this.#pluginId,
      destination,
      messageType,
      priority: checkPriority(input.priority),
      headers: checkHeaders(input.headers, this.#limits),
      correlationId,
      timestamp: this.#now(),
      payload,
    };
  }

  #topic(spelling: string): string {
    const known = this.#topics.get(spelling);
    if (known !== undefined) return known;
    const topic = canonicalTopic(spelling, this.#limits);
    if (!this.#isSystem && isReservedTopic(topic)) {
      throw new ReservedTopicError(`plugin ${this.#pluginId} cannot send on ${topic}; only the host of plugins can`);
    }
    this.#topics.set(spelling, topic);
    return topic;
  }

  /** Spelled once for all messages of one millisecond. */
  #now(): string {
    const ms = this.#clock.now();
    if (ms !== this.#ms) {
      this.#ms = ms;
      this.#timestamp = new Date(ms).toISOString();
    }
    return this.#timestamp;
  }
}
