/** What the load is. */
export interface LoadTask {
  readonly port: number;
  readonly connections: number;
  readonly method: "GET" | "POST";
  /** Asked for in turn. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Requests before the measurement, and in it. */
  readonly warm: number;
  readonly count: number;
  readonly timeoutMs: number;
}

/** How it went. */
export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no 2xx. */
  readonly refused: number;
}
