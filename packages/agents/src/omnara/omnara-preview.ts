import type { News } from "../session/news.ts";
import type { OmnaraDelta, OmnaraModelOutput } from "./omnara-frames.ts";
import { toolNews } from "./omnara-tools.ts";

interface Previewed {
  readonly contextId: string;
  seq: number;
  /** Whether nothing was left out so far. What comes after a gap waits for the whole. */
  isWhole: boolean;
  text: string;
  thought: string;
}

/**
 * Joins the previews of a model's answer with the answer itself, which is the truth: previews are passed on as long as none
 * is missing, then the answer brings what they did not. One answer at a time, as an agent works.
 */
export class OmnaraPreview {
  readonly #maxLength: number;
  #now: Previewed | undefined;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  take(delta: OmnaraDelta): News[] {
    const { model_call_context_id: contextId, seq, source_seq_start: from, source_seq_end: to, event } = delta;
    if (this.#now?.contextId !== contextId) {
      this.#now = { contextId, seq: 0, isWhole: true, text: "", thought: "" };
    }
    const now = this.#now;
    const isIntact = seq === now.seq + 1 && delta.coalesced_count === to - from + 1;
    now.isWhole &&= isIntact && event.kind !== "error";
    now.seq = seq;
    switch (event.kind) {
      case "block_start": {
        const { kind, tool_call_id: toolCallId, tool_name: name } = event.block;
        if (kind !== "tool_use" || toolCallId === undefined || name === undefined) return [];
        return [{ news: "tool", ...toolNews(toolCallId, name) }];
      }
      case "text_delta":
        if (!this.#hasRoom(now, now.text, event.delta)) return [];
        now.text += event.delta;
        return [{ news: "text", messageId: contextId, text: event.delta }];
      case "thinking_delta":
        if (!this.#hasRoom(now, now.thought, event.delta)) return [];
        now.thought += event.delta;
        return [{ news: "thought", messageId: contextId, text: event.delta }];
      case "message_stop":
        return [{ news: "usage", counts: "step", usage: usageOf(event.stop.usage) }];
      case "tool_arguments_delta":
      case "block_stop":
      case "error":
        return [];
    }
  }

  /** What the answer brings beside what was told of it. */
  finish({ model_call_context_id: contextId, content_blocks: blocks }: OmnaraModelOutput): News[] {
    const told = this.#now?.contextId === contextId ? this.#now : { text: "", thought: "" };
    this.#now = undefined;
    const text = joined(blocks, "text");
    const thought = joined(blocks, "reasoning");
    const isThoughtNew = told.text === "" && thought.startsWith(told.thought) && thought.length > told.thought.length;
    return [
      ...(isThoughtNew
        ? [{ news: "thought" as const, messageId: contextId, text: thought.slice(told.thought.length) }]
        : []),
      ...messageNews(contextId, told.text, text),
      ...blocks.flatMap((block): News[] => {
        if (block.type === "tool_call")
          return [{ news: "tool", ...toolNews(block.tool_call_id, block.name, block.input) }];
        return block.type === "media_ref" ? [{ news: "raw", frame: block }] : [];
      }),
    ];
  }

  #hasRoom(now: Previewed, so: string, more: string): boolean {
    now.isWhole &&= so.length + more.length <= this.#maxLength;
    return now.isWhole;
  }
}

/** A preview that was not the beginning of the answer is left as it is, and the answer follows it as another message. */
function messageNews(contextId: string, told: string, text: string): News[] {
  if (!text.startsWith(told)) {
    return [
      { news: "message", messageId: contextId },
      { news: "message", messageId: `${contextId}/whole`, text },
    ];
  }
  if (text === "") return [];
  if (told === "") return [{ news: "message", messageId: contextId, text }];
  const rest: News[] = told === text ? [] : [{ news: "text", messageId: contextId, text: text.slice(told.length) }];
  return [...rest, { news: "message", messageId: contextId }];
}

function joined(blocks: OmnaraModelOutput["content_blocks"], type: "text" | "reasoning"): string {
  return blocks.map((block) => (block.type === type && "text" in block ? String(block.text) : "")).join("");
}

function usageOf(usage: Extract<OmnaraDelta["event"], { kind: "message_stop" }>["stop"]["usage"]) {
  return {
    inputTokens: usage.input_tokens_total ?? 0,
    outputTokens: usage.output_tokens_total ?? 0,
    cachedTokens: usage.cache_read_input_tokens ?? 0,
    reasoningTokens: usage.reasoning_output_tokens ?? 0,
  };
}
