import { announce, type AnnouncementBus } from "./announce.ts";
import type { CircuitState } from "./circuit-state.ts";
import type { CircuitBreakerEvents, StateChange, TroubleEvents } from "./events.ts";
import type { Verdict } from "./judge.ts";
import { Listeners, type EventName } from "./listeners.ts";
import { toSharedCircuit, type SharedBreakerState } from "./shared-state.ts";
import { warn } from "./warn.ts";

/** Where a breaker's news goes. */
export interface ReporterSettings {
  readonly announce: boolean;
  readonly bus: AnnouncementBus | undefined;
  readonly shared: SharedBreakerState | undefined;
  readonly clock: { now(): number };
}

/** A move that was made. */
interface Move extends Pick<StateChange, "state" | "previous" | "event" | "reason" | "origin"> {
  /** When to come again, in milliseconds; Infinity: when it is closed by hand. */
  readonly waitMs: number;
}

const EVENT_OF_STATE = { open: "opened", "half-open": "half-opened", closed: "closed" } as const;

/** Tells what happens to a breaker: its listeners, the bus, and other processes. Nothing of that can hurt a call. */
export class Reporter {
  readonly listeners = new Listeners();
  readonly #name: string;
  readonly #settings: ReporterSettings;
  /** Changes that wait for the telling of an earlier one: who is told may move the circuit on, and order is kept. */
  #untold: StateChange[] | undefined;

  constructor(name: string, settings: ReporterSettings) {
    this.#name = name;
    this.#settings = settings;
  }

  has(event: EventName): boolean {
    return this.listeners.has(event);
  }

  tellEnd(state: CircuitState, durationMs: number, { counts, error }: Verdict): void {
    const event = counts === "success" ? "succeeded" : "failed";
    if (counts === "nothing" || !this.has(event)) return;
    this.#tell(event, { name: this.#name, state, durationMs, ...(error === undefined ? {} : { error }) });
  }

  tellRefused(state: CircuitState, waitMs: number): void {
    if (this.has("refused")) this.#tell("refused", { name: this.#name, state, retryAfterMs: waitMs });
  }

  tellFallback(error: unknown): void {
    if (this.has("fallback-used")) this.#tell("fallback-used", { name: this.#name, error });
  }

  /** Tells listeners, the bus and, where the move was made here, other processes. */
  tellMove({ state, previous, event, reason, origin, waitMs }: Move): void {
    const timestamp = new Date(this.#settings.clock.now()).toISOString();
    const hasEnd = state === "open" && Number.isFinite(waitMs);
    const known = { name: this.#name, state, previous, timestamp, event, reason, origin };
    const change = hasEnd ? { ...known, retryAfterMs: waitMs } : known;
    // Not in turn but now: who subscribed to the shared state is told while the circuit still is what is written.
    if (origin === "here") this.#share(change);
    this.#tellInOrder(change);
  }

  #tellInOrder(change: StateChange): void {
    if (this.#untold) {
      this.#untold.push(change);
      return;
    }
    this.#untold = [change];
    // Also over those that are added while it runs.
    for (const next of this.#untold) this.#tellChange(next);
    this.#untold = undefined;
  }

  /** Tells what went wrong beside the calls; where nobody listens, with a process warning. */
  trouble(event: keyof TroubleEvents, error: unknown): void {
    if (!this.has(event)) {
      warn(this.#name, event, error);
      return;
    }
    const onFailure = (failure: unknown) => warn(this.#name, `a listener of ${event} failed`, failure);
    this.listeners.tell(event, { name: this.#name, error }, onFailure);
  }

  #tellChange(change: StateChange): void {
    const { announce: isAnnounced, bus } = this.#settings;
    if (isAnnounced) announce(change, bus).catch((error: unknown) => this.trouble("announcement-failed", error));
    this.#tell(EVENT_OF_STATE[change.state], change);
  }

  #share(change: StateChange): void {
    const { shared, clock } = this.#settings;
    const circuit = toSharedCircuit(change, clock.now());
    if (!shared || !circuit) return;
    // Whether it is written at once or later, and how it fails, is the port's business.
    new Promise((resolve) => resolve(shared.set(circuit))).catch((error: unknown) =>
      this.trouble("sharing-failed", error),
    );
  }

  #tell<Name extends EventName>(event: Name, payload: CircuitBreakerEvents[Name]): void {
    this.listeners.tell(event, payload, (error) => this.trouble("listener-failed", error));
  }
}
