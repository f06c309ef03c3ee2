import * as z from "zod";
import { spokenText } from "../conversation.ts";
import type { ConversationItem, ModelRequest, OfferedTool } from "../conversation.ts";

const PartSchema = z.looseObject({ type: z.string(), text: z.string().optional() });
const OutputSchema = z.union([z.string(), z.array(PartSchema)]);

const ItemSchema = z.looseObject({
  type: z.string().default("message"),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(PartSchema)]).nullish(),
  call_id: z.string().optional(),
  name: z.string().optional(),
  arguments: z.string().optional(),
  input: z.string().optional(),
  output: OutputSchema.nullish(),
});

const BodySchema = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(ItemSchema)]),
  stream: z.boolean().optional(),
  tools: z.array(z.looseObject({ type: z.string(), name: z.string().optional() })).nullish(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }).nullish() }).nullish(),
});

/** Reads a request of the Responses API. */
export function readRequest(_path: string, body: unknown): ModelRequest {
  const { model, input, stream = false, tools, text } = BodySchema.parse(body);
  const items = typeof input === "string" ? [{ type: "message", role: "user", content: input }] : input;
  return {
    model,
    isStreaming: stream,
    wantsJson: text?.format?.type.startsWith("json") ?? false,
    tools: (tools ?? []).map((tool): OfferedTool => ({
      name: tool.name ?? tool.type,
      input: tool.type === "custom" ? "text" : "json",
    })),
    conversation: items.flatMap(itemsOf),
  };
}

function itemsOf(item: z.infer<typeof ItemSchema>): ConversationItem[] {
  const id = item.call_id ?? "";
  switch (item.type) {
    case "message":
      return messageOf(item);
    case "function_call":
    case "custom_tool_call":
      return [{ kind: "tool_call", id, name: item.name ?? "", input: item.arguments ?? item.input }];
    case "function_call_output":
    case "custom_tool_call_output":
      // The wire has no word for a call that failed or was denied: its text says so.
      return [{ kind: "tool_result", id, text: textOf(item.output), isError: undefined }];
    default:
      return [];
  }
}

function messageOf({ role, content }: z.infer<typeof ItemSchema>): ConversationItem[] {
  if (role === "assistant") return [{ kind: "assistant", text: textOf(content) }];
  if (role !== "user") return [];
  const parts = typeof content === "string" ? [content] : (content ?? []).map((part) => part.text ?? "");
  const text = parts.flatMap((part) => spokenText(part) ?? []).join("\n");
  return text === "" ? [] : [{ kind: "user", text }];
}

function textOf(content: z.infer<typeof OutputSchema> | null | undefined): string {
  return typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");
}
