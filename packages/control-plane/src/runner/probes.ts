import type { IdSource, LimitLookup } from "@signalbox/protocol";

import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../logger.ts";
import type { ConnectedRunner, Fleet } from "./fleet.ts";

/**
 * Asks every connected runner now and then for an answer of the kind that an offer wants. One that has not answered by
 * the next time gets no work until it does, whatever its heartbeats say.
 */
export class Probes {
  readonly #deps: {
    readonly fleet: Fleet;
    readonly clock: Clock;
    readonly ids: IdSource;
    readonly limits: LimitLookup;
    readonly logger: Logger;
  };
  readonly #unanswered = new WeakSet<ConnectedRunner>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(deps: {
    readonly fleet: Fleet;
    readonly clock: Clock;
    readonly ids: IdSource;
    readonly limits: LimitLookup;
    readonly logger: Logger;
  }) {
    this.#deps = deps;
    this.#schedule();
  }

  /** A runner has answered: it may be given work again. */
  answered(runner: ConnectedRunner): void {
    this.#unanswered.delete(runner);
    runner.isDeaf = false;
    this.#deps.fleet.reopen(runner.runnerId);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#isStopped) return;
    this.#timer = this.#deps.clock.setTimer(this.#deps.limits("probe.everyMs"), () => {
      for (const runner of this.#deps.fleet) this.#probe(runner);
      this.#schedule();
    });
  }

  #probe(runner: ConnectedRunner): void {
    if (this.#unanswered.has(runner) && !runner.isDeaf) {
      this.#deps.logger.warn(
        { runner: runner.runnerId },
        "probe not answered; the runner gets no work until it answers one",
      );
      runner.isDeaf = true;
    }
    this.#unanswered.add(runner);
    runner.channel.send({ type: "probe", probeId: this.#deps.ids.next("offer") });
  }
}
