import { sse } from "../dialect.ts";
import type { Frame, NewId } from "../dialect.ts";
import type { Answer, Refusal, WireCall } from "../reply.ts";

type Item = { readonly type: string; readonly id: string } & Readonly<Record<string, unknown>>;
type Event = { readonly type: string } & Readonly<Record<string, unknown>>;

/** An answer as the events of a Responses stream. */
export function* frames(answer: Answer, model: string, newId: NewId): Generator<Frame, void> {
  const id = `resp_${newId()}`;
  let sequence = 0;
  const frame = (event: Event, isPiece = false): Frame => ({
    text: sse({ ...event, sequence_number: sequence++ }, event.type),
    isPiece,
  });

  yield frame({ type: "response.created", response: response(id, model, "in_progress", []) });
  const items = itemsOf(answer, newId);
  for (const [index, item] of items.entries()) {
    for (const { event, isPiece } of itemEvents(item, index, answer)) yield frame(event, isPiece);
  }
  const usage = usageOf(answer);
  yield frame({ type: "response.completed", response: { ...response(id, model, "completed", items), usage } });
}

export function body(answer: Answer, model: string, newId: NewId): unknown {
  const items = itemsOf(answer, newId);
  return { ...response(`resp_${newId()}`, model, "completed", items), usage: usageOf(answer) };
}

export function refusalBody({ status, message }: Refusal): unknown {
  return { error: { message, type: typeOf(status), param: null, code: codeOf(status) } };
}

/** What is done when it is done: each item as it stands at the end. */
function itemsOf({ thought, pieces, calls }: Answer, newId: NewId): Item[] {
  const items: Item[] = [];
  if (thought !== undefined) {
    const summary = [{ type: "summary_text", text: thought }];
    items.push({ type: "reasoning", id: `rs_${newId()}`, summary, encrypted_content: "c3R1Yg==" });
  }
  if (pieces.length > 0) {
    const content = [{ type: "output_text", text: pieces.join(""), annotations: [] }];
    items.push({ type: "message", id: `msg_${newId()}`, role: "assistant", status: "completed", content });
  }
  return [...items, ...calls.map((call) => callItem(call, newId))];
}

function callItem({ name, input }: WireCall, newId: NewId): Item {
  const ids = { id: `fc_${newId()}`, call_id: `call_${newId()}` };
  if (typeof input === "string") return { type: "custom_tool_call", ...ids, name, input, status: "completed" };
  return { type: "function_call", ...ids, name, arguments: JSON.stringify(input), status: "completed" };
}

interface ItemEvent {
  readonly event: Event;
  readonly isPiece?: boolean;
}

function* itemEvents(item: Item, index: number, { thought = "", pieces }: Answer): Generator<ItemEvent, void> {
  const at = { item_id: item.id, output_index: index };
  yield { event: { type: "response.output_item.added", output_index: index, item: begun(item) } };
  if (item.type === "reasoning") {
    const part = { ...at, summary_index: 0 };
    yield {
      event: { type: "response.reasoning_summary_part.added", ...part, part: { type: "summary_text", text: "" } },
    };
    yield { event: { type: "response.reasoning_summary_text.delta", ...part, delta: thought } };
    yield { event: { type: "response.reasoning_summary_text.done", ...part, text: thought } };
    yield {
      event: { type: "response.reasoning_summary_part.done", ...part, part: { type: "summary_text", text: thought } },
    };
  } else if (item.type === "message") {
    const part = { ...at, content_index: 0 };
    const whole = { type: "output_text", text: pieces.join(""), annotations: [] };
    yield { event: { type: "response.content_part.added", ...part, part: { ...whole, text: "" } } };
    for (const delta of pieces) yield { event: { type: "response.output_text.delta", ...part, delta }, isPiece: true };
    yield { event: { type: "response.output_text.done", ...part, text: whole.text } };
    yield { event: { type: "response.content_part.done", ...part, part: whole } };
  } else if (item.type === "function_call") {
    yield { event: { type: "response.function_call_arguments.delta", ...at, delta: item["arguments"] } };
    yield { event: { type: "response.function_call_arguments.done", ...at, arguments: item["arguments"] } };
  } else {
    yield { event: { type: "response.custom_tool_call_input.delta", ...at, delta: item["input"] } };
    yield { event: { type: "response.custom_tool_call_input.done", ...at, input: item["input"] } };
  }
  yield { event: { type: "response.output_item.done", output_index: index, item } };
}

/** An item before anything of it was sent. */
function begun(item: Item): Item {
  if (item.type === "reasoning") return { ...item, summary: [], encrypted_content: null };
  if (item.type === "message") return { ...item, status: "in_progress", content: [] };
  return { ...item, status: "in_progress", ...(item.type === "function_call" ? { arguments: "" } : { input: "" }) };
}

function response(id: string, model: string, status: string, output: readonly Item[]): Record<string, unknown> {
  return { id, object: "response", created_at: 0, model, status, output, error: null, incomplete_details: null };
}

function usageOf({ usage: { input, cached, output, reasoning } }: Answer): unknown {
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

function typeOf(status: number): string {
  if (status === 401 || status === 403) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

function codeOf(status: number): string | null {
  if (status === 401) return "invalid_api_key";
  return status === 429 ? "rate_limit_exceeded" : null;
}
