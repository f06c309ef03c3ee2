/** What a contender is told. */
export interface Task {
  readonly name: ContenderName;
  readonly work: Work;
  readonly warmMs: number;
  readonly measureMs: number;
}

/** `closed` and `open`: calls one after the other. `bytes`: many breakers. `idle`: 5,000 that nobody uses. */
export type Work = "closed" | "open" | "bytes" | "idle";

/** What came out: nanoseconds for a call, bytes for each breaker, or per cent of a core. */
export interface Measured {
  readonly figure: number;
  /** With `bytes`: after each breaker had a call that succeeded and four that failed. */
  readonly used?: number;
}

/** A kind of circuit breaker, made as a user would, that opens after failures for a minute. */
export interface Contender<Breaker> {
  make(): Breaker;
  /** Calls work that succeeds at once. */
  call(breaker: Breaker): Promise<unknown>;
  /** Calls work that fails at once. */
  fail(breaker: Breaker): Promise<unknown>;
  isOpen(breaker: Breaker): boolean;
}

export type ContenderName =
  | "signalbox"
  | "signalbox-rate"
  | "cockatiel"
  | "cockatiel-sampling"
  | "opossum"
  | "least"
  | "bare";

/** What stands behind the breaker. */
export async function work(): Promise<number> {
  return 42;
}

/** The same when it fails. */
export async function failingWork(): Promise<number> {
  throw new Error("no service");
}
