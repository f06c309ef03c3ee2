import { sse } from "../dialect.ts";
import type { Frame, NewId } from "../dialect.ts";
import type { Answer, Refusal } from "../reply.ts";

type Block = { readonly type: string } & Readonly<Record<string, unknown>>;
type Delta = Block;

/** An answer as the events of a Messages stream. */
export function* frames(answer: Answer, model: string, newId: NewId): Generator<Frame, void> {
  const frame = (type: string, data: object, isPiece = false): Frame => ({
    text: sse({ type, ...data }, type),
    isPiece,
  });
  const message = { ...messageOf(answer, model, newId), content: [], stop_reason: null, usage: usageOf(answer, 1) };
  yield frame("message_start", { message });
  yield frame("ping", {});
  for (const [index, { begun, deltas, isText }] of partsOf(answer, newId).entries()) {
    yield frame("content_block_start", { index, content_block: begun });
    for (const delta of deltas) yield frame("content_block_delta", { index, delta }, isText);
    yield frame("content_block_stop", { index });
  }
  const end = {
    delta: { stop_reason: stopReason(answer), stop_sequence: null },
    usage: usageOf(answer, answer.usage.output),
  };
  yield frame("message_delta", end);
  yield frame("message_stop", {});
}

export function body(answer: Answer, model: string, newId: NewId): unknown {
  return { ...messageOf(answer, model, newId), content: partsOf(answer, newId).map(({ whole }) => whole) };
}

export function refusalBody({ status, message }: Refusal): unknown {
  return {
    type: "error",
    error: { type: TYPES[status] ?? (status < 500 ? "invalid_request_error" : "api_error"), message },
  };
}

interface Part {
  readonly begun: Block;
  readonly deltas: readonly Delta[];
  readonly whole: Block;
  readonly isText: boolean;
}

function partsOf({ thought, pieces, calls }: Answer, newId: NewId): Part[] {
  const parts: Part[] = [];
  if (thought !== undefined) {
    const signature = "c3R1Yg==";
    parts.push({
      begun: { type: "thinking", thinking: "", signature: "" },
      deltas: [
        { type: "thinking_delta", thinking: thought },
        { type: "signature_delta", signature },
      ],
      whole: { type: "thinking", thinking: thought, signature },
      isText: false,
    });
  }
  if (pieces.length > 0) {
    parts.push({
      begun: { type: "text", text: "" },
      deltas: pieces.map((text) => ({ type: "text_delta", text })),
      whole: { type: "text", text: pieces.join("") },
      isText: true,
    });
  }
  for (const { name, input } of calls) {
    const call = { type: "tool_use", id: `toolu_${newId()}`, name };
    const deltas = halves(JSON.stringify(input)).map((partial_json) => ({ type: "input_json_delta", partial_json }));
    parts.push({ begun: { ...call, input: {} }, deltas, whole: { ...call, input }, isText: false });
  }
  return parts;
}

/** Input comes in more than one piece, and none of them is JSON. */
function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

function messageOf(answer: Answer, model: string, newId: NewId): Record<string, unknown> {
  return {
    id: `msg_${newId()}`,
    type: "message",
    role: "assistant",
    model,
    stop_reason: stopReason(answer),
    stop_sequence: null,
    usage: usageOf(answer, answer.usage.output),
  };
}

function stopReason({ calls }: Answer): string {
  return calls.length > 0 ? "tool_use" : "end_turn";
}

/** On this wire the cached tokens are not among the input tokens. */
function usageOf({ usage: { input, cached } }: Answer, output: number): unknown {
  return {
    input_tokens: Math.max(input - cached, 0),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cached,
    output_tokens: output,
  };
}

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};
