import { BusError, InvalidMessageError, NoResponderError, OverloadedError, toBusError } from "../errors.ts";
import type { BusLimits } from "../limits.ts";
import { checkPayload } from "../payload.ts";
import type { Exchange, Taker } from "../transport.ts";
import type { PluginFrameOf } from "./frames.ts";
import { spellBrokerFrame } from "./spell-frames.ts";

/** What task books are made with. */
export interface PluginTasksOptions {
  readonly pluginId: string;
  readonly limits: BusLimits;
  readonly send: (frame: string) => void;
}

/**
 * The requests and calls that a connected plugin is to answer. Ids are given here and belong to this connection, so an
 * answer can come from nobody but the plugin that was asked, and once.
 */
export class PluginTasks {
  readonly #pluginId: string;
  readonly #limits: BusLimits;
  readonly #send: (frame: string) => void;
  readonly #open = new Map<number, Exchange>();
  #lastId = 0;

  constructor({ pluginId, limits, send }: PluginTasksOptions) {
    this.#pluginId = pluginId;
    this.#limits = limits;
    this.#send = send;
  }

  /** Puts a question to the plugin. It fails at once when the plugin has too many. */
  put(exchange: Exchange, spell: (id: number) => string): void {
    if (this.#open.size >= this.#limits["request.asked"]) {
      const words = `plugin ${this.#pluginId} has ${this.#open.size} questions that it has not answered`;
      void exchange.fail(new OverloadedError(words));
      return;
    }
    const id = ++this.#lastId;
    let frame: string;
    try {
      frame = spell(id);
    } catch (error) {
      // It was JSON data when it was checked; a getter can say something else each time.
      void exchange.fail(new InvalidMessageError("the question is not JSON data", { cause: error }));
      return;
    }
    // Before it is sent: sending may find that the plugin does not read, and end all this.
    this.#open.set(id, exchange);
    exchange.taker = new TaskTaker(() => {
      if (this.#open.delete(id)) this.#send(spellBrokerFrame.abandoned(id));
    });
    this.#send(frame);
  }

  /** Whether the id is one of these. */
  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** The plugin answers. */
  reply({ id, value }: PluginFrameOf<"reply">): void {
    const exchange = this.#take(id);
    if (!exchange) return this.#send(spellBrokerFrame.answered(id, false));
    try {
      checkPayload(value, this.#limits, "the answer");
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      return this.#confirm(id, exchange, exchange.fail(error));
    }
    this.#confirm(id, exchange, exchange.reply(value));
  }

  /** The plugin refuses. */
  fail({ id, code, message }: PluginFrameOf<"fail">): void {
    const exchange = this.#take(id);
    if (!exchange) return;
    const told = message.slice(0, this.#limits["error.messageLength"]);
    this.#confirm(id, exchange, exchange.fail(toBusError(code, told)));
  }

  /** The plugin has left: whoever waits for it is told so. */
  end(): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const exchange of open) {
      void exchange.fail(new NoResponderError(`plugin ${this.#pluginId} left the bus`));
    }
  }

  #take(id: number): Exchange | undefined {
    const exchange = this.#open.get(id);
    this.#open.delete(id);
    return exchange;
  }

  /** Only who answers a request wants to know whether somebody still waited; what a method returns, nobody asks after. */
  #confirm(id: number, exchange: Exchange, isDelivered: boolean | Promise<boolean>): void {
    if (!("message" in exchange)) return;
    if (typeof isDelivered === "boolean") return this.#send(spellBrokerFrame.answered(id, isDelivered));
    isDelivered.then(
      (value) => this.#send(spellBrokerFrame.answered(id, value)),
      () => this.#send(spellBrokerFrame.answered(id, false)),
    );
  }
}

class TaskTaker implements Taker {
  readonly abandoned: () => void;

  constructor(abandoned: () => void) {
    this.abandoned = abandoned;
  }
}
