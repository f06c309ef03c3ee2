import * as z from "zod";
import { spokenText } from "../conversation.ts";
import type { ConversationItem, ModelRequest } from "../conversation.ts";

const BlockSchema = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  is_error: z.boolean().optional(),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string(), text: z.string().optional() }))]).nullish(),
});

const BodySchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.union([z.string(), z.array(BlockSchema)]) })),
  stream: z.boolean().optional(),
  tools: z.array(z.looseObject({ name: z.string() })).nullish(),
  output_config: z.looseObject({ format: z.looseObject({ type: z.string() }).nullish() }).nullish(),
});

/** Reads a request of the Messages API. */
export function readRequest(_path: string, body: unknown): ModelRequest {
  const { model, messages, stream = false, tools, output_config } = BodySchema.parse(body);
  return {
    model,
    isStreaming: stream,
    wantsJson: output_config?.format?.type.startsWith("json") ?? false,
    tools: [...(tools ?? []).map(({ name }) => name), ...deferredTools(messages)].map((name) => ({
      name,
      input: "json",
    })),
    // Agents put items with the role `system` in the middle; nobody said these.
    conversation: messages.flatMap(({ role, content }) =>
      role === "user" || role === "assistant" ? blocksOf(role, content) : [],
    ),
  };
}

/** Claude Code keeps the descriptions of some tools back and names them in a message of the system; they can be called. */
function deferredTools(messages: z.infer<typeof BodySchema>["messages"]): string[] {
  const told = messages.filter(({ role }) => role === "system").map(({ content }) => textOf(content));
  return told.flatMap((text) => [...text.matchAll(DEFERRED)].flatMap(([, names = ""]) => names.trim().split("\n")));
}

const DEFERRED = /^The following deferred tools are now available[^\n]*\n((?:\w[\w-]*(?:\n|$))+)/gm;

type Content = z.infer<typeof BodySchema>["messages"][number]["content"];

function blocksOf(role: "user" | "assistant", content: Content): ConversationItem[] {
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
  const items = blocks.flatMap((block): ConversationItem[] => {
    if (block.type === "tool_use") {
      return [{ kind: "tool_call", id: block.id ?? "", name: block.name ?? "", input: block.input }];
    }
    if (block.type === "tool_result") {
      const text = textOf(block.content);
      return [{ kind: "tool_result", id: block.tool_use_id ?? "", text, isError: block.is_error ?? false }];
    }
    return [];
  });
  const text = blocks
    .flatMap((block) =>
      block.type === "text" ? ((role === "user" ? spokenText(block.text ?? "") : block.text) ?? []) : [],
    )
    .join("\n");
  if (text === "") return items;
  // A reminder beside the results of tools is no new prompt; what is left of a text then is one.
  return role === "user" ? [...items, { kind: "user", text }] : [{ kind: "assistant", text }, ...items];
}

function textOf(content: string | readonly { readonly text?: string | undefined }[] | null | undefined): string {
  return typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");
}
