import { show } from "./check-options.ts";
import {
  countResult,
  dueMove,
  hasRoomForProbe,
  move,
  newCircuit,
  retryAfterMs,
  type Circuit,
  type CircuitMove,
  type CircuitState,
} from "./circuit-state.ts";
import { InvalidOptionError, newCircuitOpenError, SlowCallError } from "./errors.ts";
import type { StateChange } from "./events.ts";
import { judge, type Verdict } from "./judge.ts";
import { limit } from "./limits.ts";
import type { EventName, Listener } from "./listeners.ts";
import { rejectSoon } from "./reject-soon.ts";
import { Reporter } from "./reporter.ts";
import { isSignal, runWork, UNABORTABLE, type CallContext, type Outcome, type Work } from "./run-work.ts";
import { toSettings, type CircuitBreakerOptions, type Settings } from "./settings.ts";
import { followShared, type SharedBreakerState } from "./shared-state.ts";
import type { CircuitBreakerStats } from "./stats.ts";

/** What answers instead of the work. It is given what the work failed with, or a CircuitOpenError. */
export type Fallback<Value> = (error: unknown, context: CallContext) => Value | PromiseLike<Value>;

/** How one call is made. */
export interface ExecuteOptions {
  /** Gives the call up: the work's signal is aborted, `execute` rejects with the reason, and nothing is counted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Stands before work that can fail. Closed, it lets calls through; after `threshold` failures within `monitoringWindow` it
 * opens and refuses them; after `timeout` it is half-open and lets some through as probes, of which `halfOpenRetries`
 * successes close it and one failure opens it again. It keeps no timer: what time does is noticed when it is used or asked.
 */
export class CircuitBreaker implements Disposable {
  readonly name: string;
  readonly #settings: Settings;
  #circuit: Circuit = newCircuit();
  /** Whether a call can go the short way: the circuit is closed, and of a success nothing but its number matters. */
  #isShort = false;
  /** Made with the first listener or change; most breakers have neither. */
  #reporter: Reporter | undefined;
  #leaveShared: (() => void) | undefined;
  #begun = 0;
  #succeeded = 0;
  #failed = 0;
  #aborted = 0;
  #refused = 0;
  #fallbacks = 0;

  /** Refuses with an InvalidOptionError what an option cannot be, and a name that cannot be announced. */
  constructor(name: string, options: CircuitBreakerOptions = {}) {
    this.#settings = toSettings(name, options);
    this.name = name;
    this.#chooseWay();
    this.#joinShared();
  }

  /**
   * Runs the work, and resolves to what it resolves to. When it fails, or is refused since the circuit is open, the
   * fallback answers; without one it rejects with the work's own error or with a CircuitOpenError. What `isFailure` does
   * not count and what the signal aborts goes to the caller past the fallback. A fallback's own failure is not counted.
   */
  execute<Value, Substitute = Value>(
    primary: Work<Value>,
    fallback?: Fallback<Substitute>,
    options?: ExecuteOptions,
  ): Promise<Value | Substitute> {
    const signal = options?.signal;
    if (typeof primary !== "function" || (fallback !== undefined && typeof fallback !== "function")) {
      return Promise.reject(new InvalidOptionError("execute takes a function, and a function or nothing as fallback"));
    }
    if (signal === undefined) {
      if (this.#isShort) return this.#callShort(primary, fallback);
    } else if (!isSignal(signal)) {
      return Promise.reject(new InvalidOptionError(`signal is an AbortSignal, not ${show(signal)}`));
    } else if (signal.aborted) return Promise.reject(signal.reason as Error);
    const nowMs = this.#settings.clock.monotonic();
    const circuit = this.#circuitAt(nowMs);
    if (circuit.state === "open" || (circuit.state === "half-open" && !hasRoomForProbe(circuit, this.#settings))) {
      return this.#refuse(circuit, nowMs, fallback, signal);
    }
    return this.#call(circuit, nowMs, primary, fallback, signal);
  }

  /** The state as it is now. That `timeout` has passed is noticed, and told, when somebody asks or calls. */
  getState(): CircuitState {
    return this.#circuit.state === "closed" ? "closed" : this.#circuitNow().state;
  }

  /** What it has seen; a copy. */
  getStats(): CircuitBreakerStats {
    const nowMs = this.#settings.clock.monotonic();
    const circuit = this.#circuitAt(nowMs);
    return {
      state: circuit.state,
      calls: this.#begun,
      inFlight: this.#inFlight(),
      succeeded: this.#succeeded,
      failed: this.#failed,
      aborted: this.#aborted,
      refused: this.#refused,
      fallbacks: this.#fallbacks,
      recentFailures: circuit.state === "closed" ? (circuit.window?.countFailures(nowMs) ?? 0) : 0,
      retryAfterMs: retryAfterMs(circuit, nowMs),
    };
  }

  /** Opens the circuit for `timeout`, whatever it was; afterwards it sends probes as ever. */
  open(reason = "opened by hand"): void {
    this.#moveByHand("open", reason);
  }

  /** Holds the circuit open until `close` or `reset`. */
  isolate(reason = "isolated by hand"): void {
    this.#moveByHand("isolate", reason);
  }

  /** Closes the circuit and forgets what led to its opening. Does nothing when it is closed. */
  close(reason = "closed by hand"): void {
    this.#moveByHand("close", reason);
  }

  /** Closes the circuit, forgets all failures and sets the statistics to zero. Listeners stay; calls in flight no longer move it. */
  reset(): void {
    this.#begun = this.#inFlight();
    this.#succeeded = this.#failed = this.#aborted = this.#refused = this.#fallbacks = 0;
    this.close("reset");
    this.#circuit = newCircuit();
  }

  /**
   * Calls the listener at each event of the name; one that throws or rejects hurts nobody. `succeeded` and `failed` are told
   * of calls that begin from now on, and make every call measure its time.
   */
  on<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#reporterNow().listeners.add(event, listener);
    this.#chooseWay();
    return this;
  }

  /** Ends what `on` began. */
  off<Name extends EventName>(event: Name, listener: Listener<Name>): this {
    this.#reporter?.listeners.remove(event, listener);
    this.#chooseWay();
    return this;
  }

  /** Leaves the shared state, if there is one; the breaker works on by itself. */
  [Symbol.dispose](): void {
    this.#leaveShared?.();
    this.#leaveShared = undefined;
  }

  /** Nothing is made here but the promises: this is what every call of a healthy service costs. */
  #callShort<Value, Substitute>(
    primary: Work<Value>,
    fallback: Fallback<Substitute> | undefined,
  ): Promise<Value | Substitute> {
    const circuit = this.#circuit;
    this.#begun++;
    let answer: Promise<Value>;
    try {
      answer = Promise.resolve(primary(UNABORTABLE));
    } catch (error) {
      answer = Promise.reject(error as Error);
    }
    return answer.then(
      (value) => {
        this.#succeeded++;
        return value;
      },
      (error: unknown) => {
        const nowMs = this.#settings.clock.monotonic();
        return this.#end(circuit, nowMs, undefined, { kind: "error", error }, fallback, undefined);
      },
    );
  }

  async #call<Value, Substitute>(
    circuit: Circuit,
    startMs: number,
    primary: Work<Value>,
    fallback: Fallback<Substitute> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Value | Substitute> {
    const { clock, slowCallMs, abortSlowCalls } = this.#settings;
    this.#begun++;
    if (circuit.state === "half-open") {
      circuit.probes++;
      circuit.lastProbeMs = startMs;
    }
    const whenTooSlow = () => new SlowCallError(slowCallMs);
    const limitMs = abortSlowCalls ? slowCallMs : Number.POSITIVE_INFINITY;
    const outcome = await runWork(primary, { signal, limitMs, whenTooSlow, clock });
    const nowMs = clock.monotonic();
    return this.#end(circuit, nowMs, nowMs - startMs, outcome, fallback, signal);
  }

  /** Counts, tells, and answers or throws. */
  #end<Value, Substitute>(
    circuit: Circuit,
    nowMs: number,
    durationMs: number | undefined,
    outcome: Outcome<Value>,
    fallback: Fallback<Substitute> | undefined,
    signal: AbortSignal | undefined,
  ): Value | Substitute | PromiseLike<Substitute> {
    const verdict = judge(outcome, durationMs ?? 0, this.#settings);
    this.#tally(verdict);
    if (durationMs !== undefined) this.#tellEnd(circuit, durationMs, verdict);
    this.#count(circuit, nowMs, verdict);
    if (verdict.fallsBack && fallback) return this.#substitute(fallback, verdict.error, signal);
    if (outcome.kind === "value" && !verdict.throws) return outcome.value;
    // oxlint-disable-next-line typescript/only-throw-error -- whatever the work threw is its caller's
    throw verdict.error;
  }

  #tally({ counts }: Verdict): void {
    if (counts === "success") this.#succeeded++;
    else if (counts === "failure") this.#failed++;
    else this.#aborted++;
  }

  /** A result counts for the circuit under which its call began; if that is over it says nothing about the one of now. */
  #count(circuit: Circuit, nowMs: number, { counts }: Verdict): void {
    const current = this.#circuitAt(nowMs);
    if (circuit.state === "half-open") circuit.probes--;
    if (circuit !== current || counts === "nothing") return;
    const next = countResult(circuit, counts === "failure", nowMs, this.#settings);
    if (next) this.#move(next, nowMs);
  }

  #refuse<Substitute>(
    circuit: Circuit,
    nowMs: number,
    fallback: Fallback<Substitute> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Substitute> {
    this.#refused++;
    const waitMs = retryAfterMs(circuit, nowMs);
    if (this.#reporter?.has("refused")) {
      this.#reporter.tellCall("refused", { name: this.name, state: circuit.state, retryAfterMs: waitMs });
    }
    const why = circuit.state === "open" ? `open: ${circuit.reason}` : "half-open, and its probes are out";
    const error = newCircuitOpenError(this.name, why, waitMs);
    if (!fallback) return rejectSoon(error);
    return new Promise((resolve) => resolve(this.#substitute(fallback, error, signal)));
  }

  #substitute<Substitute>(
    fallback: Fallback<Substitute>,
    error: unknown,
    signal: AbortSignal | undefined,
  ): Substitute | PromiseLike<Substitute> {
    this.#fallbacks++;
    if (this.#reporter?.has("fallback-used")) this.#reporter.tellCall("fallback-used", { name: this.name, error });
    return fallback(error, signal ? { signal } : UNABORTABLE);
  }

  #tellEnd({ state }: Circuit, durationMs: number, { counts, error }: Verdict): void {
    const event = counts === "success" ? "succeeded" : "failed";
    if (counts === "nothing" || !this.#reporter?.has(event)) return;
    this.#reporter.tellCall(event, { name: this.name, state, durationMs, ...(error === undefined ? {} : { error }) });
  }

  #circuitNow(): Circuit {
    return this.#circuitAt(this.#settings.clock.monotonic());
  }

  /** The circuit after what time has done to it by now. */
  #circuitAt(nowMs: number): Circuit {
    for (;;) {
      const due = dueMove(this.#circuit, nowMs, this.#settings);
      if (!due) return this.#circuit;
      this.#move(due, nowMs);
    }
  }

  #moveByHand(event: "open" | "isolate" | "close", reason: string): void {
    const nowMs = this.#settings.clock.monotonic();
    this.#circuitAt(nowMs);
    this.#move({ event, atMs: nowMs, reason: String(reason).slice(0, limit("reason.length")) }, nowMs);
  }

  /** The one place where the state changes; told afterwards. */
  #move(step: CircuitMove, nowMs: number, origin: StateChange["origin"] = "here"): void {
    const previous = this.#circuit.state;
    const next = move(this.#circuit, step, this.#settings);
    if (!next) return;
    this.#circuit = next;
    this.#chooseWay();
    const waitMs = next.state === "open" ? retryAfterMs(next, nowMs) : Number.POSITIVE_INFINITY;
    this.#reporterNow().tellChange({
      name: this.name,
      state: next.state,
      previous,
      timestamp: new Date(this.#settings.clock.now()).toISOString(),
      event: step.event,
      reason: step.reason,
      origin,
      ...(Number.isFinite(waitMs) ? { retryAfterMs: waitMs } : {}),
    });
  }

  #joinShared(): void {
    const { shared } = this.#settings;
    if (!shared) return;
    this.#leaveShared = shared.subscribe(() => this.#followShared(shared));
    this.#followShared(shared);
  }

  #followShared(shared: SharedBreakerState): void {
    try {
      const { clock } = this.#settings;
      const nowMs = clock.monotonic();
      const step = followShared(shared.get(), this.#circuitAt(nowMs), { nowMs, epochMs: clock.now() }, this.#settings);
      if (step) this.#move(step, nowMs, "elsewhere");
    } catch (error) {
      this.#reporterNow().trouble("sharing-failed", error);
    }
  }

  #chooseWay(): void {
    const { slowCallMs, failureRate, isFailureResult } = this.#settings;
    const isTold = this.#reporter?.has("succeeded") || this.#reporter?.has("failed");
    const isTimed = slowCallMs < Number.POSITIVE_INFINITY || isTold;
    this.#isShort = this.#circuit.state === "closed" && !isTimed && failureRate === 0 && !isFailureResult;
  }

  #reporterNow(): Reporter {
    this.#reporter ??= new Reporter(this.name, this.#settings);
    return this.#reporter;
  }

  #inFlight(): number {
    return this.#begun - this.#succeeded - this.#failed - this.#aborted;
  }
}
