/** What a share works with. */
export interface LoopShareParts {
  /** Milliseconds of a clock that never jumps. Default the system's. */
  readonly monotonic?: () => number;
  /** Calls in the next turn of the event loop. Default `setImmediate`. */
  readonly nextTurn?: (begin: () => void) => void;
}

// Kept from the start, so that a test that replaces the timers of the process does not stop the agents.
const laterTurn = setImmediate;

/**
 * Divides the turns of an event loop. Work that could fill a turn for long (lines of an agent that floods, a backlog that is
 * sent) asks before each piece, and goes on in the next turn when this one has lasted long enough: between two turns sockets are
 * heard and timers fire, so that whoever wants the flood stopped is heard however much there is of it.
 */
export class LoopShare {
  readonly #monotonic: () => number;
  readonly #nextTurn: (begin: () => void) => void;
  /** When the turn that goes on began to be used; undefined before that. */
  #begunMs: number | undefined;
  #waiting: (() => void)[] = [];

  constructor({ monotonic = () => performance.now(), nextTurn = laterTurn }: LoopShareParts = {}) {
    this.#monotonic = monotonic;
    this.#nextTurn = nextTurn;
  }

  /** Undefined while this turn has been used for less than `shareMs`; then resolves in the next one. All who ask share it. */
  whenTurn(shareMs: number): Promise<void> | undefined {
    const nowMs = this.#monotonic();
    if (this.#begunMs === undefined) {
      this.#begunMs = nowMs;
      this.#nextTurn(() => this.#begin());
      return undefined;
    }
    if (nowMs - this.#begunMs < shareMs) return undefined;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #begin(): void {
    this.#begunMs = undefined;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** The one of this process. */
export const loopShare = new LoopShare();
