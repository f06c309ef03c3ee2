import type { StateEventName, StateEvents, StateListener } from "./events.ts";
import { warn } from "./warn.ts";

/** Events that somebody should hear of; without a listener they become a process warning. */
const TROUBLES: ReadonlySet<StateEventName> = new Set(["persistence-failed", "listener-failed", "clock-ahead"]);

/** Who listens to what. */
export class Listeners {
  readonly #pluginId: string;
  readonly #byEvent = new Map<StateEventName, readonly StateListener<never>[]>();
  /** Whether somebody listens to these; each operation asks. */
  hasChanged = false;
  hasDelta = false;

  constructor(pluginId: string) {
    this.#pluginId = pluginId;
  }

  add<Name extends StateEventName>(event: Name, listener: StateListener<Name>): void {
    this.#byEvent.set(event, [...(this.#byEvent.get(event) ?? []), listener]);
    this.#look();
  }

  /** Removes the listener, as often as it was added. */
  remove<Name extends StateEventName>(event: Name, listener: StateListener<Name>): void {
    const left = (this.#byEvent.get(event) ?? []).filter((other) => other !== listener);
    if (left.length > 0) this.#byEvent.set(event, left);
    else this.#byEvent.delete(event);
    this.#look();
  }

  clear(): void {
    this.#byEvent.clear();
    this.#look();
  }

  /** Tells every listener of now. What one throws or rejects with hurts no other and not the teller. */
  tell<Name extends StateEventName>(event: Name, payload: StateEvents[Name]): void {
    const listeners = this.#byEvent.get(event);
    if (!listeners) {
      if (TROUBLES.has(event)) warn(this.#pluginId, event, payload);
      return;
    }
    for (const listener of listeners) {
      try {
        // `add` pairs each name with listeners of its payload.
        const result = (listener as StateListener<Name>)(payload);
        if (result instanceof Promise) result.catch((error: unknown) => this.#failed(event, error));
      } catch (error) {
        this.#failed(event, error);
      }
    }
  }

  #look(): void {
    this.hasChanged = this.#byEvent.has("changed");
    this.hasDelta = this.#byEvent.has("delta");
  }

  #failed(event: StateEventName, error: unknown): void {
    // A listener of failing listeners that fails itself would be told for ever.
    if (event === "listener-failed") warn(this.#pluginId, event, { error });
    else this.tell("listener-failed", { error });
  }
}
