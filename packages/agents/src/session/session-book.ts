import type { Usage } from "@signalbox/protocol";

import type { AgentEvent, AgentEventOf } from "../agent-event.ts";
import type { AgentLimits } from "../limits.ts";
import type { News, ToolEnd, ToolNews, TurnStatus, UsageNews } from "./news.ts";

/** News that the book turns into events by itself; the rest is the session's. */
export type BookedNews = Exclude<
  News,
  { readonly news: "approval" | "question" | "settled" | "turn_began" | "turn_ended" | "raw" }
>;

/** A tool call as it is known. */
export type BookedTool = Omit<AgentEventOf<"tool.started">, "type">;

/**
 * The books of a session: which message and which tool calls are open, what has been used. Turns news into events so that
 * each call begins once and ends once, whatever order and holes the agent's own news have. No effects.
 */
export class SessionBook {
  readonly #limits: AgentLimits;
  readonly #tools = new Map<string, { tool: BookedTool; hasOutput: boolean }>();
  /** Ended calls, oldest first: their late news is dropped. */
  readonly #ended = new Set<string>();
  #message: { readonly id: string; text: string; isTruncated: boolean } | undefined;
  #thoughtId: string | undefined;
  #lastMessageId: string | undefined;
  #count = 0;
  #usage: Usage = { inputTokens: 0, outputTokens: 0 };

  constructor(limits: AgentLimits) {
    this.#limits = limits;
  }

  take(news: BookedNews, turnId: string): AgentEvent[] {
    switch (news.news) {
      case "text":
        return this.#text(news.messageId, news.text);
      case "thought":
        return this.#thought(news.messageId, news.text);
      case "message":
        return this.#endMessage(news.messageId, news.text);
      case "tool":
        return this.#tool(news);
      case "output":
        return this.#output(news.toolCallId, news.text);
      case "tool_ended":
        return this.#endTool(news);
      case "plan":
        return [{ type: "plan", entries: news.entries }];
      case "diff":
        return [{ type: "diff", turnId, unifiedDiff: news.unifiedDiff }];
      case "usage":
        return [this.#use(news)];
    }
  }

  /** A call that is open. */
  tool(toolCallId: string): BookedTool | undefined {
    return this.#tools.get(toolCallId)?.tool;
  }

  /** What ends with a turn: the message and the calls that are still open. */
  endTurn(status: TurnStatus): AgentEvent[] {
    const ending = status === "cancelled" ? "cancelled" : "failed";
    const ends = [...this.#tools.keys()].map((toolCallId) => ({
      news: "tool_ended" as const,
      toolCallId,
      status: ending as "cancelled" | "failed",
      message: "the turn ended before it was told how this call did",
    }));
    return [...this.#closeMessage(), ...ends.flatMap((end) => this.#endTool(end))];
  }

  #text(messageId: string | undefined, text: string): AgentEvent[] {
    this.#thoughtId = undefined;
    if (text === "") return [];
    const isOther = messageId !== undefined && this.#message !== undefined && this.#message.id !== messageId;
    const closed = isOther ? this.#closeMessage() : [];
    this.#message ??= { id: messageId ?? `message-${++this.#count}`, text: "", isTruncated: false };
    const room = this.#limits["message.length"] - this.#message.text.length;
    this.#message.text += text.slice(0, Math.max(room, 0));
    this.#message.isTruncated ||= text.length > room;
    return [...closed, { type: "text.delta", messageId: this.#message.id, text }];
  }

  #thought(messageId: string | undefined, text: string): AgentEvent[] {
    if (text === "") return [];
    const closed = this.#closeMessage();
    this.#thoughtId = messageId ?? this.#thoughtId ?? `thought-${++this.#count}`;
    return [...closed, { type: "thought.delta", messageId: this.#thoughtId, text }];
  }

  /** A message that was not told piece by piece comes as one piece, so that who reads only those misses nothing. */
  #endMessage(messageId: string | undefined, text: string | undefined): AgentEvent[] {
    const isOpen = this.#message !== undefined && (messageId === undefined || this.#message.id === messageId);
    if (isOpen) return this.#closeMessage();
    if (text === undefined || (messageId !== undefined && messageId === this.#lastMessageId)) return [];
    return [...this.#closeMessage(), ...this.#text(messageId, text), ...this.#closeMessage()];
  }

  #closeMessage(): AgentEvent[] {
    const message = this.#message;
    this.#message = undefined;
    if (!message) return [];
    this.#lastMessageId = message.id;
    return [{ type: "message.done", messageId: message.id, text: message.text, isTruncated: message.isTruncated }];
  }

  #tool({ toolCallId, ...news }: ToolNews & { readonly news?: string }): AgentEvent[] {
    if (this.#ended.has(toolCallId)) return [];
    const { news: _, ...told } = news;
    const facts = Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
    const known = this.#tools.get(toolCallId);
    if (!known) return [...this.#closeMessage(), ...this.#makeRoom(), this.#begin(toolCallId, facts)];
    if (!isChange(known.tool, facts)) return [];
    known.tool = { ...known.tool, ...facts };
    return [{ type: "tool.updated", ...known.tool }];
  }

  #begin(toolCallId: string, facts: Partial<BookedTool>): AgentEvent {
    this.#thoughtId = undefined;
    const tool: BookedTool = { kind: "other", title: facts.name ?? toolCallId, ...facts, toolCallId };
    this.#tools.set(toolCallId, { tool, hasOutput: false });
    return { type: "tool.started", ...tool };
  }

  /** An agent that opens calls without end has the oldest closed. */
  #makeRoom(): AgentEvent[] {
    const [oldest] = this.#tools.keys();
    if (oldest === undefined || this.#tools.size < this.#limits["tools.open"]) return [];
    return this.#endTool({
      news: "tool_ended",
      toolCallId: oldest,
      status: "failed",
      message: `more than ${this.#limits["tools.open"]} calls are open`,
    });
  }

  #output(toolCallId: string, text: string): AgentEvent[] {
    if (this.#ended.has(toolCallId) || text === "") return [];
    const begun = this.#tools.has(toolCallId) ? [] : this.#tool({ toolCallId });
    const known = this.#tools.get(toolCallId);
    if (known) known.hasOutput = true;
    const most = this.#limits["output.length"];
    const isTruncated = text.length > most;
    return [...begun, { type: "tool.output", toolCallId, text: isTruncated ? text.slice(-most) : text, isTruncated }];
  }

  #endTool(end: ToolEnd): AgentEvent[] {
    const { toolCallId, status, exitCode, message, output } = end;
    if (this.#ended.has(toolCallId)) return [];
    const begun = this.#tools.has(toolCallId) ? [] : this.#tool({ toolCallId });
    const isNews = output !== undefined && this.#tools.get(toolCallId)?.hasOutput === false;
    const told = isNews ? this.#output(toolCallId, output) : [];
    this.#tools.delete(toolCallId);
    this.#remember(toolCallId);
    const facts = { ...(exitCode === undefined ? {} : { exitCode }), ...(message === undefined ? {} : { message }) };
    return [...begun, ...told, { type: "tool.ended", toolCallId, status, ...facts }];
  }

  #remember(toolCallId: string): void {
    this.#ended.add(toolCallId);
    const [oldest] = this.#ended;
    if (oldest !== undefined && this.#ended.size > this.#limits["tools.remembered"]) this.#ended.delete(oldest);
  }

  #use({ counts, usage, contextTokens, contextWindow }: UsageNews): AgentEvent {
    this.#usage = counts === "total" ? { ...this.#usage, ...usage } : add(this.#usage, usage);
    return {
      type: "usage",
      total: this.#usage,
      ...(contextTokens === undefined ? {} : { contextTokens }),
      ...(contextWindow === undefined ? {} : { contextWindow }),
    };
  }
}

/** Whether some of the facts are not as they were told before. Compared by identity, then as JSON: they are small. */
function isChange(tool: BookedTool, facts: Partial<BookedTool>): boolean {
  return Object.entries(facts).some(([name, value]) => {
    const before: unknown = tool[name as keyof BookedTool];
    return before !== value && JSON.stringify(before) !== JSON.stringify(value);
  });
}

function add(sum: Usage, step: Partial<Usage>): Usage {
  const entries = Object.entries(step) as [keyof Usage, number][];
  return entries.reduce((total, [name, count]) => ({ ...total, [name]: (total[name] ?? 0) + count }), sum);
}
