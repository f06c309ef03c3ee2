import type * as z from "zod";

/** Who takes frames. */
export interface FrameTaker<Frame> {
  /** Once it is, nothing more of the message is read. */
  readonly isOver: boolean;
  take(frame: Frame): void;
  /** Something that is not of the protocol, in its place among the others; with its id if it has one. */
  refuse(reason: string, id: number | undefined): void;
}

/** Hands on the frames of one WebSocket message. Never throws for what stands in it. */
export function readFrames<Frame>(text: string, schema: z.ZodType<Frame>, taker: FrameTaker<Frame>): void {
  const values = parse(text);
  if (!Array.isArray(values)) return taker.refuse("a message is a JSON array of frames", undefined);
  for (const value of values as readonly unknown[]) {
    if (taker.isOver) return;
    const { data, error } = schema.safeParse(value);
    if (data !== undefined) taker.take(data);
    else taker.refuse(explain(error), idOf(value));
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function explain(error: z.ZodError | undefined): string {
  const issue = error?.issues[0];
  return issue ? `${issue.path.join(".") || "a frame"}: ${issue.message}` : "not a frame";
}

/** The id of a frame that is wrong otherwise, so that whoever waits for its answer gets one. */
function idOf(value: unknown): number | undefined {
  const id = typeof value === "object" && value !== null ? (value as { readonly id?: unknown }).id : undefined;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}
