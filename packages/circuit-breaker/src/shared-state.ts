import type { Circuit, CircuitMove, CircuitRules } from "./circuit-state.ts";
import type { StateChange } from "./events.ts";

/** What breakers of one name in several processes share: the last opening or closing of any of them. */
export interface SharedCircuit {
  readonly state: "open" | "closed";
  /** When open: until when, in milliseconds since the epoch; null while it is held open by hand. */
  readonly untilMs: number | null;
  readonly reason: string;
}

/** Where breakers share it. Of two that write at once one wins, and all agree which: a last-writer-wins register. */
export interface SharedBreakerState {
  /** What was written last, by whichever process; undefined when nothing was. */
  get(): unknown;
  /** Writes for all. What it throws or rejects with becomes a `sharing-failed` event. */
  set(circuit: SharedCircuit): unknown;
  /** Calls the listener whenever `get` may answer something new; the answer ends that. */
  subscribe(listener: () => void): () => void;
}

/** What `shareThrough` needs of a state manager; `DistributedStateManager` of `@signalbox/state-manager` has it. */
export interface RegisterStore {
  getRegister(key: string): unknown;
  setRegister(key: string, value: SharedCircuit): unknown;
  on(event: "changed", listener: (change: { readonly key: string }) => void): unknown;
  off(event: "changed", listener: (change: { readonly key: string }) => void): unknown;
}

/**
 * Shares breakers of one name through the register `circuit-breaker/<name>` of replicated state: where one opens the
 * others open for the rest of its time, and where one closes they close.
 */
export function shareThrough(registers: RegisterStore, name: string): SharedBreakerState {
  const key = `circuit-breaker/${name}`;
  return {
    get: () => registers.getRegister(key),
    set: (circuit) => registers.setRegister(key, circuit),
    subscribe(listener) {
      const onChanged = (change: { readonly key: string }) => {
        if (change.key === key) listener();
      };
      registers.on("changed", onChanged);
      return () => void registers.off("changed", onChanged);
    },
  };
}

/** What a change is for the other processes; undefined where it is none of their business. */
export function toSharedCircuit(
  { state, reason, retryAfterMs }: StateChange,
  nowMs: number,
): SharedCircuit | undefined {
  // Each process sends probes of its own.
  if (state === "half-open") return undefined;
  const untilMs = state === "open" && retryAfterMs !== undefined ? nowMs + retryAfterMs : null;
  return { state, untilMs, reason };
}

/**
 * Where what was written last takes a circuit: an opening opens it for the rest of its time, but no longer than an opening
 * of its own may last, since clocks of machines differ; a closing closes it. Undefined where nothing changes. Throws a
 * TypeError where something else is written.
 */
export function followShared(
  written: unknown,
  circuit: Circuit,
  { nowMs, epochMs }: { readonly nowMs: number; readonly epochMs: number },
  { maxTimeout }: CircuitRules,
): CircuitMove | undefined {
  if (written === undefined) return undefined;
  const { state, untilMs, reason } = readSharedCircuit(written);
  if (state === "closed") return { event: "close", atMs: nowMs, reason };
  if (untilMs === null) return isHeld(circuit) ? undefined : { event: "isolate", atMs: nowMs, reason };
  if (circuit.state === "open" || untilMs <= epochMs) return undefined;
  return { event: "open", atMs: nowMs, reason, untilMs: nowMs + Math.min(untilMs - epochMs, maxTimeout) };
}

function isHeld(circuit: Circuit): boolean {
  return circuit.state === "open" && circuit.untilMs === Number.POSITIVE_INFINITY;
}

function readSharedCircuit(value: unknown): SharedCircuit {
  // Any object may be asked for a property.
  const { state, untilMs, reason } = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  const isTime = untilMs === null || (typeof untilMs === "number" && Number.isFinite(untilMs));
  if ((state !== "open" && state !== "closed") || !isTime || typeof reason !== "string") {
    throw new TypeError("what is shared is not the state of a circuit");
  }
  return { state, untilMs, reason };
}
