import type { LinkEnd } from "./link/link-end.ts";
import { delay, systemClock } from "./process/clock.ts";
import type { RunnerConfig } from "./runner-config.ts";
import { assemble, type RunnerParts } from "./assemble.ts";

/** A machine of the fleet. Disposing of it stops what runs and reports that as interrupted at the next start. */
export interface Runner extends AsyncDisposable {
  /** Enrols if need be, takes up what an earlier process left, and dials. Resolves before the connection is there. */
  start(): Promise<void>;
  /** Resolves when the control plane wants nothing more to do with this runner. */
  readonly ended: Promise<LinkEnd>;
  status(): RunnerStatus;
  /**
   * Takes nothing new, waits for the work, and stops what has not ended after `timeoutMs`. Resolves when the control plane
   * has every result, or shortly after the time is over.
   */
  drain(options: { timeoutMs: number; comesBack: boolean }): Promise<void>;
}

/** How a runner stands. */
export interface RunnerStatus {
  readonly runnerId: string | undefined;
  readonly isConnected: boolean;
  readonly isLeaving: boolean;
  readonly attempts: readonly { readonly attemptId: string; readonly state: string }[];
  readonly slots: number;
  readonly freeSlots: number;
  readonly sandbox: string | undefined;
}

/** Makes a runner; nothing happens before `start`. */
export function createRunner(config: RunnerConfig): Runner {
  return new MachineRunner(config);
}

class MachineRunner implements Runner {
  readonly ended: Promise<LinkEnd>;
  readonly #config: RunnerConfig;
  readonly #resources = new AsyncDisposableStack();
  readonly #end = Promise.withResolvers<LinkEnd>();
  readonly #stopping = new AbortController();
  #parts: RunnerParts | undefined;
  #isLeaving = false;

  constructor(config: RunnerConfig) {
    this.#config = config;
    this.ended = this.#end.promise;
  }

  async start(): Promise<void> {
    const parts = await assemble(this.#config, this.#resources, this.#stopping.signal);
    this.#parts = parts;
    void parts.control.ended.then((end) => this.#end.resolve(end));
    parts.control.start();
  }

  status(): RunnerStatus {
    const { runnerId, control, supervisor, sandbox, slots } = this.#parts ?? {};
    return {
      runnerId,
      isConnected: control?.isOpen ?? false,
      isLeaving: this.#isLeaving,
      attempts: (supervisor?.attempts ?? []).map(({ id, state }) => ({ attemptId: id, state })),
      slots: slots ?? 0,
      freeSlots: supervisor?.freeSlots ?? 0,
      sandbox,
    };
  }

  async drain({ timeoutMs, comesBack }: { timeoutMs: number; comesBack: boolean }): Promise<void> {
    this.#isLeaving = true;
    if (!this.#parts) return;
    const { supervisor, control } = this.#parts;
    const { clock = systemClock } = this.#config;
    supervisor.leave();
    control.send({ type: "drain", comesBack });
    const endAt = clock.monotonic() + timeoutMs;
    const reserveMs = Math.min(LAST_WORDS_MS, timeoutMs / 2);
    await Promise.race([supervisor.idle(), delay(clock, timeoutMs - reserveMs)]);
    supervisor.endAll("leaving", reserveMs / 4);
    await Promise.race([supervisor.idle(), delay(clock, Math.max(0, endAt - clock.monotonic()))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#resources[Symbol.asyncDispose]();
  }
}

/** What a drain keeps for stopping the work and handing in the results. */
const LAST_WORDS_MS = 8_000;
