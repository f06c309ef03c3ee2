import { whyNotCallable, type Call, type CallStart, type ExecuteOptions, type Fallback } from "./call.ts";
import {
  countResult,
  dueMove,
  isAdmitted,
  move,
  newCircuit,
  retryAfterMs,
  sendProbe,
  whyRefused,
  type Circuit,
  type CircuitMove,
  type CircuitState,
} from "./circuit-state.ts";
import { newCircuitOpenError, SlowCallError } from "./errors.ts";
import type { StateChange } from "./events.ts";
import { judge, type Verdict } from "./judge.ts";
import { limit } from "./limits.ts";
import type { EventName, Listener } from "./listeners.ts";
import { rejectSoon } from "./reject-soon.ts";
import { Reporter } from "./reporter.ts";
import { beginWork, runWork, UNABORTABLE, type Outcome, type Work } from "./run-work.ts";
import { toSettings, type CircuitBreakerOptions, type Settings } from "./settings.ts";
import { followShared, type SharedBreakerState } from "./shared-state.ts";
import type { CircuitBreakerStats } from "./stats.ts";

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
    const isUsual = typeof primary === "function" && (fallback === undefined || typeof fallback === "function");
    if (isUsual && signal === undefined && this.#isShort) return this.#callShort(primary, fallback);
    const call = { primary, fallback, signal };
    const problem = whyNotCallable(call);
    if (problem) return Promise.reject(problem.error as Error);
    const nowMs = this.#settings.clock.monotonic();
    const circuit = this.#circuitAt(nowMs);
    return isAdmitted(circuit, this.#settings) ? this.#call(circuit, nowMs, call) : this.#refuse(circuit, nowMs, call);
  }

  /** The state as it is now. That `timeout` has passed is noticed, and told, when somebody asks or calls. */
  getState(): CircuitState {
    return this.#circuit.state === "closed" ? "closed" : this.#circuitAt(this.#settings.clock.monotonic()).state;
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

  /** What every call of a healthy service costs: no clock is read and nothing is made but one promise with its two handlers. */
  #callShort<Value, Substitute>(
    primary: Work<Value>,
    fallback: Fallback<Substitute> | undefined,
  ): Promise<Value | Substitute> {
    const circuit = this.#circuit;
    this.#begun++;
    return beginWork(primary).then(
      (value) => {
        this.#succeeded++;
        return value;
      },
      (error: unknown) => {
        const call = { primary, fallback, signal: undefined };
        return this.#end(call, { circuit, startMs: undefined }, { kind: "error", error });
      },
    );
  }

  #call<Value, Substitute>(
    circuit: Circuit,
    startMs: number,
    call: Call<Value, Substitute>,
  ): Promise<Value | Substitute> {
    const { clock, slowCallMs, abortSlowCalls } = this.#settings;
    const { primary, signal } = call;
    const start = { circuit, startMs };
    this.#begun++;
    if (circuit.state === "half-open") sendProbe(circuit, startMs);
    if (signal === undefined && !abortSlowCalls) {
      return beginWork(primary).then(
        (value) => this.#end(call, start, { kind: "value", value }),
        (error: unknown) => this.#end(call, start, { kind: "error", error }),
      );
    }
    const whenTooSlow = () => new SlowCallError(slowCallMs);
    const limitMs = abortSlowCalls ? slowCallMs : Number.POSITIVE_INFINITY;
    const outcome = runWork(primary, { signal, limitMs, whenTooSlow, clock });
    return outcome.then((ended) => this.#end(call, start, ended));
  }

  /** Counts, tells, and answers or throws. */
  #end<Value, Substitute>(
    call: Call<Value, Substitute>,
    start: CallStart,
    outcome: Outcome<Value>,
  ): Value | Substitute | PromiseLike<Substitute> {
    const nowMs = this.#settings.clock.monotonic();
    const durationMs = nowMs - (start.startMs ?? nowMs);
    const verdict = judge(outcome, durationMs, this.#settings);
    this.#count(verdict);
    if (start.startMs !== undefined) this.#reporter?.tellEnd(start.circuit.state, durationMs, verdict);
    this.#moveByResult(start.circuit, nowMs, verdict);
    if (verdict.fallsBack && call.fallback) return this.#substitute(call, call.fallback, verdict.error);
    if (outcome.kind === "value" && !verdict.throws) return outcome.value;
    // oxlint-disable-next-line typescript/only-throw-error -- whatever the work threw is its caller's
    throw verdict.error;
  }

  #count({ counts }: Verdict): void {
    if (counts === "success") this.#succeeded++;
    else if (counts === "failure") this.#failed++;
    else this.#aborted++;
  }

  /** A result counts for the circuit under which its call began; if that is over it says nothing about the one of now. */
  #moveByResult(circuit: Circuit, nowMs: number, { counts }: Verdict): void {
    const current = this.#circuitAt(nowMs);
    if (circuit.state === "half-open") circuit.probes--;
    if (circuit !== current || counts === "nothing") return;
    const step = countResult(circuit, counts === "failure", nowMs, this.#settings);
    if (step) this.#move(step, nowMs);
  }

  #refuse<Substitute>(circuit: Circuit, nowMs: number, call: Call<unknown, Substitute>): Promise<Substitute> {
    this.#refused++;
    const waitMs = retryAfterMs(circuit, nowMs);
    this.#reporter?.tellRefused(circuit.state, waitMs);
    const error = newCircuitOpenError(this.name, whyRefused(circuit), waitMs);
    const { fallback } = call;
    if (!fallback) return rejectSoon(error);
    return new Promise((resolve) => resolve(this.#substitute(call, fallback, error)));
  }

  #substitute<Substitute>(
    { signal }: Call<unknown, Substitute>,
    fallback: Fallback<Substitute>,
    error: unknown,
  ): Substitute | PromiseLike<Substitute> {
    this.#fallbacks++;
    this.#reporter?.tellFallback(error);
    return fallback(error, signal ? { signal } : UNABORTABLE);
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
    this.#reporterNow().tellMove({ ...step, previous, state: next.state, waitMs: retryAfterMs(next, nowMs), origin });
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
