interface LimitRow {
  readonly value: number;
  readonly unit: "bytes" | "ms" | "count" | "characters";
  readonly meaning: string;
}

/** Every limit of the model stub, one row each. */
export const STUB_LIMITS = {
  "body.bytes": { value: 67_108_864, unit: "bytes", meaning: "a request's body; a larger one gets 413" },
  "requests.kept": { value: 1_000, unit: "count", meaning: "recorded requests; the oldest are dropped" },
  "pieces.max": { value: 10_000, unit: "count", meaning: "pieces that a scenario cuts its text into" },
  "interval.ms": { value: 60_000, unit: "ms", meaning: "between two pieces of a slow scenario" },
  "quote.length": { value: 200, unit: "characters", meaning: "what an answer quotes of a tool's result" },
} as const satisfies Record<string, LimitRow>;
