import * as z from "zod";
import { spokenText } from "../conversation.ts";
import type { ConversationItem, ModelRequest } from "../conversation.ts";

const PartSchema = z.looseObject({
  text: z.string().optional(),
  thought: z.boolean().optional(),
  functionCall: z.looseObject({ id: z.string().optional(), name: z.string(), args: z.unknown().optional() }).optional(),
  functionResponse: z
    .looseObject({
      id: z.string().optional(),
      name: z.string(),
      response: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
});

const BodySchema = z.looseObject({
  contents: z.array(z.looseObject({ role: z.string().optional(), parts: z.array(PartSchema).default([]) })),
  tools: z
    .array(z.looseObject({ functionDeclarations: z.array(z.looseObject({ name: z.string() })).optional() }))
    .nullish(),
  generationConfig: z.looseObject({ responseMimeType: z.string().optional() }).nullish(),
});

/** Reads a request of `generateContent` or `streamGenerateContent`; the model and the kind of answer stand in its path. */
export function readRequest(path: string, body: unknown): ModelRequest {
  const { contents, tools, generationConfig } = BodySchema.parse(body);
  const [, model = "", method = ""] = path.match(/\/models\/([^/:]+):(\w+)/) ?? [];
  return {
    model: decodeURIComponent(model),
    isStreaming: method === "streamGenerateContent",
    wantsJson: generationConfig?.responseMimeType === "application/json",
    tools: (tools ?? []).flatMap(({ functionDeclarations = [] }) =>
      functionDeclarations.map(({ name }) => ({ name, input: "json" as const })),
    ),
    conversation: contents.flatMap(({ role, parts }) => itemsOf(role === "model", parts)),
  };
}

function itemsOf(isModel: boolean, parts: readonly z.infer<typeof PartSchema>[]): ConversationItem[] {
  const items = parts.flatMap(({ functionCall, functionResponse }): ConversationItem[] => {
    if (functionCall) {
      return [{ kind: "tool_call", id: functionCall.id ?? "", name: functionCall.name, input: functionCall.args }];
    }
    return functionResponse ? [resultOf(functionResponse)] : [];
  });
  const texts = parts.flatMap(({ text = "", thought = false }) => (thought || text === "" ? [] : text));
  const text = texts.flatMap((each) => (isModel ? each : (spokenText(each) ?? []))).join(isModel ? "" : "\n");
  if (text === "") return items;
  return isModel ? [{ kind: "assistant", text }, ...items] : [...items, { kind: "user", text }];
}

type FunctionResponse = NonNullable<z.infer<typeof PartSchema>["functionResponse"]>;

function resultOf({ id = "", response = {} }: FunctionResponse): ConversationItem {
  const { output, error } = response;
  const said = error ?? output ?? response;
  const text = typeof said === "string" ? said : JSON.stringify(said);
  return { kind: "tool_result", id, text, isError: error !== undefined };
}
