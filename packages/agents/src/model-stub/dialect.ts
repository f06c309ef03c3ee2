import type { ModelRequest, OfferedTool } from "./conversation.ts";
import type { Answer, Refusal, WireCall } from "./reply.ts";
import type { ToolIntent } from "./scenario.ts";

/** A way of asking a model over HTTP. */
export type DialectName = "openai" | "anthropic" | "gemini";

/** Makes an id that no other has. */
export type NewId = () => string;

/** One event of a stream, as it is sent. */
export interface Frame {
  readonly text: string;
  /** Whether it is a piece of the answer's text: between these a slow scenario pauses. */
  readonly isPiece: boolean;
}

/** What the stub must know of a way of asking a model. */
export interface Dialect {
  readonly name: DialectName;
  /** Reads a request. Throws a ZodError at a body that no such model would take. */
  readRequest(path: string, body: unknown): ModelRequest;
  /** The calls that carry an intent out with the tools that are offered; undefined when none of these can. */
  callsFor(intent: ToolIntent, tools: readonly OfferedTool[]): readonly WireCall[] | undefined;
  /** The events of an answer, in order. */
  frames(answer: Answer, model: string, newId: NewId): Iterable<Frame>;
  /** The answer as one JSON body. */
  body(answer: Answer, model: string, newId: NewId): unknown;
  refusalBody(refusal: Refusal): unknown;
}

/** The one of these tools that is offered, the first that is named winning. */
export function offered(tools: readonly OfferedTool[], ...names: readonly string[]): OfferedTool | undefined {
  for (const name of names) {
    const tool = tools.find((each) => each.name === name);
    if (tool) return tool;
  }
  return undefined;
}

/** A server-sent event. */
export function sse(data: unknown, event?: string): string {
  return `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;
}
