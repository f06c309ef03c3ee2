import type { AgentEvent } from "./agent-event.ts";
import type { Transcript, TranscriptEntry } from "./transcript.ts";

/**
 * Makes a transcript of recorded events, one after the other: of prompts, messages, and each tool call with its end. A record
 * may be that of several starts of an agent, each of them cut off anywhere: what was begun there is told as far as it came.
 */
export class TranscriptBuilder {
  readonly #entries: TranscriptEntry[] = [];
  /** Messages whose end has not come, as far as they came. */
  readonly #unfinished = new Map<string, string>();
  /** The titles of tool calls whose end has not come. */
  readonly #open = new Map<string, string>();
  #hasEnded = true;

  take(event: AgentEvent): void {
    switch (event.type) {
      case "session.ready":
        // An agent that said nothing of its end was cut off, and so was its record.
        if (!this.#hasEnded) this.leaveOut();
        this.#hasEnded = false;
        return;
      case "turn.started":
      case "turn.steered":
        return event.prompt === undefined ? undefined : this.#add("user", event.prompt);
      case "text.delta":
        return void this.#unfinished.set(event.messageId, (this.#unfinished.get(event.messageId) ?? "") + event.text);
      case "message.done":
        this.#unfinished.delete(event.messageId);
        return this.#add("agent", event.text);
      case "tool.started":
      case "tool.updated":
        return void this.#open.set(event.toolCallId, event.title);
      case "tool.ended":
        return this.#endTool(event.toolCallId, event.status);
      case "process.exited":
        this.#cutOff();
        this.#hasEnded = true;
        return;
      case "thought.delta":
      case "tool.output":
      case "plan":
      case "diff":
      case "approval.requested":
      case "approval.resolved":
      case "question.requested":
      case "question.resolved":
      case "usage":
      case "turn.ended":
      case "protocol.error":
      case "raw":
    }
  }

  /** Something of the record is missing here. */
  leaveOut(): void {
    this.#cutOff();
    if (this.#entries.at(-1)?.role !== "left_out") this.#entries.push({ role: "left_out" });
  }

  /** All that was taken so far, once nothing more comes. */
  build(): Transcript {
    if (this.#hasEnded) this.#cutOff();
    else this.leaveOut();
    this.#hasEnded = true;
    return this.#entries;
  }

  #endTool(toolCallId: string, status: string): void {
    this.#add("tool", `${this.#open.get(toolCallId) ?? toolCallId}: ${status}`);
    this.#open.delete(toolCallId);
  }

  /** Tells of what has no end here. */
  #cutOff(): void {
    for (const text of this.#unfinished.values()) this.#add("agent", `${text}…`);
    for (const title of this.#open.values()) this.#add("tool", `${title}: begun; how it ended is not known`);
    this.#unfinished.clear();
    this.#open.clear();
  }

  #add(role: "user" | "agent" | "tool", text: string): void {
    this.#entries.push({ role, text });
  }
}
