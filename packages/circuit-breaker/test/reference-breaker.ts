/** What the model is told. */
export interface ReferenceRules {
  readonly threshold: number;
  readonly timeout: number;
  readonly maxTimeout: number;
  readonly halfOpenRetries: number;
  readonly halfOpenConcurrency: number;
  readonly halfOpenTimeout: number;
  readonly monitoringWindow: number;
}

interface Begun {
  readonly id: number;
  /** Which of all the circuit's states it began in, counted from the first. */
  readonly era: number;
  readonly atMs: number;
}

/**
 * A circuit breaker written to be seen through: it keeps everything, and looks through all of it at each question.
 */
export class ReferenceBreaker {
  readonly told: string[] = [];
  readonly #rules: ReferenceRules;
  #state: "closed" | "open" | "half-open" = "closed";
  #era = 0;
  #openings = 0;
  #untilMs = 0;
  #begun: Begun[] = [];
  #nextId = 0;
  #results: { readonly era: number; readonly atMs: number; readonly hasFailed: boolean }[] = [];

  constructor(rules: ReferenceRules) {
    this.#rules = rules;
  }

  state(nowMs: number): "closed" | "open" | "half-open" {
    this.#letTimePass(nowMs);
    return this.#state;
  }

  /** A call comes; its id when it is let through. */
  begin(nowMs: number): number | undefined {
    const state = this.state(nowMs);
    if (state === "open" || (state === "half-open" && this.#probes().length >= this.#rules.halfOpenConcurrency)) {
      return undefined;
    }
    const id = this.#nextId++;
    this.#begun.push({ id, era: this.#era, atMs: nowMs });
    this.#lastProbeMs = nowMs;
    return id;
  }

  end(id: number, how: "succeed" | "fail" | "abort", nowMs: number): void {
    this.#letTimePass(nowMs);
    const call = this.#begun.find((other) => other.id === id);
    this.#begun = this.#begun.filter((other) => other.id !== id);
    if (!call || call.era !== this.#era || how === "abort") return;
    this.#results.push({ era: call.era, atMs: nowMs, hasFailed: how === "fail" });
    const here = this.#results.filter(({ era }) => era === this.#era);
    const { threshold, monitoringWindow, halfOpenRetries } = this.#rules;
    if (this.#state === "closed") {
      const recent = here.filter(({ hasFailed, atMs }) => hasFailed && atMs > nowMs - monitoringWindow);
      if (recent.length >= threshold) this.#open(nowMs);
    } else if (how === "fail") this.#open(nowMs);
    else if (here.length >= halfOpenRetries) this.#close();
  }

  byHand(what: "open" | "isolate" | "close" | "reset", nowMs: number): void {
    this.#letTimePass(nowMs);
    if (what === "open") this.#open(nowMs);
    if (what === "isolate") {
      this.#open(nowMs);
      this.#untilMs = Number.POSITIVE_INFINITY;
    }
    if ((what === "close" || what === "reset") && this.#state !== "closed") this.#close();
    if (what === "reset") this.#era++;
  }

  #lastProbeMs = 0;

  #probes(): Begun[] {
    return this.#begun.filter(({ era }) => era === this.#era);
  }

  #letTimePass(nowMs: number): void {
    const { halfOpenConcurrency, halfOpenTimeout } = this.#rules;
    const isFull = this.#state === "half-open" && this.#probes().length >= halfOpenConcurrency;
    if (isFull && nowMs >= this.#lastProbeMs + halfOpenTimeout) this.#open(this.#lastProbeMs + halfOpenTimeout);
    if (this.#state === "open" && nowMs >= this.#untilMs) this.#become("half-open");
  }

  #open(atMs: number): void {
    this.#openings++;
    this.#untilMs = atMs + Math.min(this.#rules.maxTimeout, this.#rules.timeout * 2 ** (this.#openings - 1));
    this.#become("open");
  }

  #close(): void {
    this.#openings = 0;
    this.#become("closed");
  }

  #become(state: "closed" | "open" | "half-open"): void {
    this.told.push(`${this.#state} → ${state}`);
    this.#state = state;
    this.#era++;
  }
}
