type Listener<Payload> = (payload: Payload) => unknown;

/** Who listens to what. A listener that throws or rejects hurts no other: it becomes a process warning. */
export class Listeners<Events extends object> {
  readonly #byEvent = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls `listener` with every event of a name from now on; the function that comes back ends that. */
  on<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#byEvent.get(event) ?? new Set();
    this.#byEvent.set(event, listeners);
    // Wrapped, so that one function can listen twice.
    const own: Listener<Events[Name]> = (payload) => listener(payload);
    listeners.add(own);
    return () => void listeners.delete(own);
  }

  tell<Name extends keyof Events>(event: Name, payload: Events[Name]): void {
    for (const listener of this.#byEvent.get(event) ?? []) {
      try {
        // `on` pairs a name with listeners of its payload.
        const result = (listener as Listener<Events[Name]>)(payload);
        if (result instanceof Promise) result.catch((error: unknown) => warn(event, error));
      } catch (error) {
        warn(event, error);
      }
    }
  }
}

function warn(event: PropertyKey, error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`a listener of the event ${String(event)} failed: ${reason}`, "SignalboxListenerWarning");
}
