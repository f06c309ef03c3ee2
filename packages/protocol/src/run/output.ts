import * as z from "zod";

/**
 * Where bytes came from. `agent` has what an agent says, word by word, as lines of JSON; `session` the facts of a session that
 * the control plane acts on.
 */
export const OUTPUT_STREAMS = ["stdout", "stderr", "terminal", "agent", "session"] as const;
/** The streams that are a step's output to whoever reads it; the others are a session's. */
export const PLAIN_STREAMS: readonly OutputStream[] = ["stdout", "stderr", "terminal"];
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
