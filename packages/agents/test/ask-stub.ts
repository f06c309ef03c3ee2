import type { DialectName } from "../src/model-stub/index.ts";

/** What was said so far, as a test writes it; each dialect has its own way to put it. */
export interface Asking {
  readonly prompt: string;
  /** Exchanges before the prompt: what was asked and what was answered. */
  readonly earlier?: readonly (readonly [asked: string, answered: string])[];
  /** Calls since the prompt and what came of them. */
  readonly results?: readonly { readonly name: string; readonly text: string; readonly isError?: boolean }[];
  readonly tools?: readonly string[];
  readonly isStreaming?: boolean;
  readonly key?: string;
  readonly signal?: AbortSignal;
}

/** Sends a request as the agents of a dialect do. */
export function askStub(url: string, dialect: DialectName, asking: Asking): Promise<Response> {
  const { path, headers, body } = REQUESTS[dialect]({ tools: TOOLS[dialect], ...asking }, asking.key ?? "sk-test-fake");
  return fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": "agent/1.2.3", ...headers },
    body: JSON.stringify(body),
    signal: asking.signal ?? null,
  });
}

/** What of each dialect's tools the scenarios use, as the agents offer them. */
export const TOOLS: Readonly<Record<DialectName, readonly string[]>> = {
  openai: ["exec_command", "update_plan", "request_user_input", "apply_patch"],
  anthropic: ["Write", "Bash", "TodoWrite", "AskUserQuestion"],
  gemini: ["write_file", "run_shell_command", "write_todos", "ask_user"],
};

export const DIALECTS = Object.keys(TOOLS) as readonly DialectName[];

interface Sent {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const REQUESTS: Readonly<Record<DialectName, (asking: Asking, key: string) => Sent>> = {
  openai: ({ prompt, earlier = [], results = [], tools = [], isStreaming = true }, key) => {
    const message = (role: string, text: string) => ({
      type: "message",
      role,
      content: [{ type: role === "assistant" ? "output_text" : "input_text", text }],
    });
    return {
      path: "/v1/responses",
      headers: { authorization: `Bearer ${key}` },
      body: {
        model: "some-model",
        stream: isStreaming,
        tools: tools.map((name) => ({ type: name === "apply_patch" ? "custom" : "function", name })),
        input: [
          message("developer", "be good"),
          message("user", "<environment_context><cwd>/work</cwd></environment_context>"),
          ...earlier.flatMap(([asked, answered]) => [message("user", asked), message("assistant", answered)]),
          message("user", prompt),
          ...results.flatMap(({ name, text }, index) => [
            { type: "function_call", call_id: `c${index}`, name, arguments: "{}" },
            { type: "function_call_output", call_id: `c${index}`, output: text },
          ]),
        ],
      },
    };
  },
  anthropic: ({ prompt, earlier = [], results = [], tools = [], isStreaming = true }, key) => ({
    path: "/v1/messages?beta=true",
    headers: { "x-api-key": key, "anthropic-version": "2023-06-01" },
    body: {
      model: "some-model",
      stream: isStreaming,
      max_tokens: 1,
      tools: tools.map((name) => ({ name, input_schema: { type: "object" } })),
      messages: [
        ...earlier.flatMap(([asked, answered]) => [
          { role: "user", content: asked },
          { role: "assistant", content: [{ type: "text", text: answered }] },
        ]),
        {
          role: "user",
          content: [
            { type: "text", text: "<system-reminder>hm</system-reminder>" },
            { type: "text", text: prompt },
          ],
        },
        { role: "system", content: "You are somewhere." },
        ...results.flatMap(({ name, text, isError = false }, index) => [
          { role: "assistant", content: [{ type: "tool_use", id: `c${index}`, name, input: {} }] },
          {
            role: "user",
            content: [
              { type: "tool_result", tool_use_id: `c${index}`, content: [{ type: "text", text }], is_error: isError },
              { type: "text", text: "<system-reminder>go on</system-reminder>" },
            ],
          },
        ]),
      ],
    },
  }),
  gemini: ({ prompt, earlier = [], results = [], tools = [], isStreaming = true }, key) => ({
    path: `/v1beta/models/some-model:${isStreaming ? "streamGenerateContent?alt=sse" : "generateContent"}`,
    headers: { "x-goog-api-key": key },
    body: {
      tools: [{ functionDeclarations: tools.map((name) => ({ name })) }],
      contents: [
        { role: "user", parts: [{ text: "<session_context>hm</session_context>" }] },
        ...earlier.flatMap(([asked, answered]) => [
          { role: "user", parts: [{ text: asked }] },
          { role: "model", parts: [{ text: "hm", thought: true }, { text: answered }] },
        ]),
        { role: "user", parts: [{ text: prompt }] },
        ...results.flatMap(({ name, text, isError = false }) => [
          { role: "model", parts: [{ functionCall: { name, args: {} } }] },
          {
            role: "user",
            parts: [{ functionResponse: { name, response: isError ? { error: text } : { output: text } } }],
          },
        ]),
      ],
    },
  }),
};

/** A server-sent event. */
export interface Sse {
  readonly event: string | undefined;
  readonly data: unknown;
}

/** What an answer says, in words of no dialect. */
export interface Told {
  readonly text: string;
  readonly thought: string;
  readonly calls: readonly { readonly name: string; readonly input: unknown }[];
  readonly usage: Readonly<Record<string, number>>;
}

/** The events of a stream, to its end. */
export async function eventsOf(response: Response): Promise<Sse[]> {
  return (await response.text())
    .split("\n\n")
    .filter((block) => block !== "")
    .map((block) => ({
      event: block.match(/^event: (.*)$/m)?.[1],
      data: JSON.parse(block.match(/^data: (.*)$/m)?.[1] ?? "null") as unknown,
    }));
}

/** What a client makes of the events of a stream. */
export function toldBy(dialect: DialectName, events: readonly Sse[]): Told {
  const data = events.map((event) => event.data);
  // What the stub sends, as far as it is looked at; an assertion fails where it is not so.
  switch (dialect) {
    case "openai":
      return toldByOpenai(data as OpenaiEvent[]);
    case "anthropic":
      return toldByAnthropic(data as AnthropicEvent[]);
    case "gemini":
      return toldByGemini(data as GeminiChunk[]);
  }
}

interface OpenaiEvent {
  readonly type: string;
  readonly delta?: string;
  readonly item?: { readonly type: string; readonly name: string; readonly arguments: string; readonly input: string };
  readonly response?: {
    readonly usage: {
      readonly input_tokens: number;
      readonly input_tokens_details: { readonly cached_tokens: number };
      readonly output_tokens: number;
      readonly output_tokens_details: { readonly reasoning_tokens: number };
    };
  };
}

function toldByOpenai(events: readonly OpenaiEvent[]): Told {
  const deltas = (type: string) => events.flatMap((event) => (event.type === type ? (event.delta ?? []) : [])).join("");
  const usage = events.find(({ type }) => type === "response.completed")?.response?.usage;
  return {
    text: deltas("response.output_text.delta"),
    thought: deltas("response.reasoning_summary_text.delta"),
    calls: events.flatMap(({ type, item }) => {
      if (type !== "response.output_item.done" || !item) return [];
      if (item.type === "function_call") return [{ name: item.name, input: JSON.parse(item.arguments) as unknown }];
      return item.type === "custom_tool_call" ? [{ name: item.name, input: item.input }] : [];
    }),
    usage: usage
      ? {
          input: usage.input_tokens,
          cached: usage.input_tokens_details.cached_tokens,
          output: usage.output_tokens,
          reasoning: usage.output_tokens_details.reasoning_tokens,
        }
      : {},
  };
}

interface AnthropicEvent {
  readonly type: string;
  readonly index?: number;
  readonly content_block?: { readonly type: string; readonly name?: string };
  readonly delta?: { readonly text?: string; readonly thinking?: string; readonly partial_json?: string };
  readonly usage?: {
    readonly input_tokens: number;
    readonly cache_read_input_tokens: number;
    readonly output_tokens: number;
  };
}

function toldByAnthropic(events: readonly AnthropicEvent[]): Told {
  const deltas = events.filter(({ type }) => type === "content_block_delta");
  const usage = events.find(({ type }) => type === "message_delta")?.usage;
  return {
    text: deltas.map(({ delta }) => delta?.text ?? "").join(""),
    thought: deltas.map(({ delta }) => delta?.thinking ?? "").join(""),
    calls: events.flatMap(({ type, index, content_block: block }) => {
      if (type !== "content_block_start" || block?.type !== "tool_use") return [];
      const json = deltas.filter((each) => each.index === index).map(({ delta }) => delta?.partial_json ?? "");
      return [{ name: block.name ?? "", input: JSON.parse(json.join("")) as unknown }];
    }),
    usage: usage
      ? { input: usage.input_tokens, cached: usage.cache_read_input_tokens, output: usage.output_tokens }
      : {},
  };
}

interface GeminiChunk {
  readonly candidates: readonly {
    readonly content: {
      readonly parts: readonly {
        readonly text?: string;
        readonly thought?: boolean;
        readonly functionCall?: { readonly name: string; readonly args: unknown };
      }[];
    };
  }[];
  readonly usageMetadata?: Readonly<Record<string, number>>;
}

function toldByGemini(chunks: readonly GeminiChunk[]): Told {
  const parts = chunks.flatMap(({ candidates }) => candidates.flatMap(({ content }) => content.parts));
  const usage = chunks.at(-1)?.usageMetadata ?? {};
  const { promptTokenCount = 0, cachedContentTokenCount = 0, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = usage;
  return {
    text: parts.map(({ text = "", thought = false }) => (thought ? "" : text)).join(""),
    thought: parts.map(({ text = "", thought = false }) => (thought ? text : "")).join(""),
    calls: parts.flatMap(({ functionCall: call }) => (call ? [{ name: call.name, input: call.args }] : [])),
    usage: {
      input: promptTokenCount,
      cached: cachedContentTokenCount,
      output: candidatesTokenCount,
      reasoning: thoughtsTokenCount,
    },
  };
}
