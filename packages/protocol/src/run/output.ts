import * as z from "zod";

/** Where bytes came from. */
export const OUTPUT_STREAMS = ["stdout", "stderr", "terminal"] as const;
export const OutputStreamSchema = z.enum(OUTPUT_STREAMS);
export type OutputStream = z.infer<typeof OutputStreamSchema>;

/**
 * A piece of a run's output. `seq` counts the pieces of the run in the order in which they were stored and is the
 * cursor of a reader; `offset` counts the bytes of this attempt's stream. A piece with `gap` stands for `length`
 * bytes that were lost, and says why.
 */
export interface OutputChunk {
  readonly runId: string;
  readonly seq: number;
  readonly step: string;
  readonly attemptId: string;
  readonly stream: OutputStream;
  readonly offset: number;
  readonly length: number;
  readonly bytes: Uint8Array;
  readonly gap?: string;
}
