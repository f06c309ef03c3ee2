import type { CircuitBreakerEvents } from "./events.ts";

/** The name of an event. */
export type EventName = keyof CircuitBreakerEvents;

/** Takes an event. What it returns is not waited for. */
export type Listener<Name extends EventName> = (event: CircuitBreakerEvents[Name]) => unknown;

/** Who listens to what. */
export class Listeners {
  readonly #byEvent = new Map<EventName, readonly Listener<never>[]>();

  has(event: EventName): boolean {
    return this.#byEvent.has(event);
  }

  add<Name extends EventName>(event: Name, listener: Listener<Name>): void {
    this.#byEvent.set(event, [...(this.#byEvent.get(event) ?? []), listener]);
  }

  /** Removes the listener, as often as it was added. */
  remove<Name extends EventName>(event: Name, listener: Listener<Name>): void {
    const left = (this.#byEvent.get(event) ?? []).filter((other) => other !== listener);
    if (left.length > 0) this.#byEvent.set(event, left);
    else this.#byEvent.delete(event);
  }

  /** Tells every listener of now. What one throws or rejects with goes to `onFailure`, and hurts no other. */
  tell<Name extends EventName>(
    event: Name,
    payload: CircuitBreakerEvents[Name],
    onFailure: (error: unknown) => void,
  ): void {
    for (const listener of this.#byEvent.get(event) ?? []) {
      try {
        // `add` pairs each name with listeners of its payload.
        const result = (listener as Listener<Name>)(payload);
        if (result instanceof Promise) result.catch(onFailure);
      } catch (error) {
        onFailure(error);
      }
    }
  }
}
