import { displayText, type AgentEvent, type AgentEventOf } from "@signalbox/agents";

import type { StepContext } from "../tools/tool.ts";
import { PieceRedaction } from "./piece-redaction.ts";

/** Tells what an agent does as the plain output and the progress of its step, for those who watch a run. */
export class StepNarrator {
  readonly #context: Pick<StepContext, "say" | "progress" | "redaction">;
  /** What comes in pieces is told so, and a secret may be cut between two of them. */
  readonly #pieces: PieceRedaction;

  constructor(context: Pick<StepContext, "say" | "progress" | "redaction">) {
    this.#context = context;
    this.#pieces = new PieceRedaction(() => context.redaction());
  }

  async tell(event: AgentEvent): Promise<void> {
    for (const told of this.#pieces.pass(event)) await this.#tell(told);
  }

  async #tell(event: AgentEvent): Promise<void> {
    switch (event.type) {
      case "message.done":
        return this.#context.say(`${event.text.trimEnd()}\n`, "stdout");
      case "tool.started":
        return this.#context.say(`signalbox: ${displayText(event.title)}\n`);
      case "tool.output":
        return this.#context.say(event.text, "stdout");
      case "tool.ended":
        return event.status === "denied" ? this.#context.say(`signalbox: not allowed${why(event)}\n`) : undefined;
      case "plan":
        return this.#progress(event);
      case "turn.ended":
        return event.error ? this.#context.say(`signalbox: ${displayText(event.error.message)}\n`) : undefined;
      // The rest is for those who watch the session.
      case "session.ready":
      case "turn.started":
      case "turn.steered":
      case "text.delta":
      case "thought.delta":
      case "tool.updated":
      case "diff":
      case "approval.requested":
      case "approval.resolved":
      case "question.requested":
      case "question.resolved":
      case "usage":
      case "protocol.error":
      case "raw":
      case "process.exited":
        return undefined;
    }
  }

  #progress({ entries }: AgentEventOf<"plan">): void {
    if (entries.length === 0) return;
    const done = entries.filter(({ status }) => status === "completed").length;
    const now = entries.find(({ status }) => status === "in_progress");
    this.#context.progress(Math.round((done / entries.length) * 100), now?.text);
  }
}

function why({ message }: AgentEventOf<"tool.ended">): string {
  return message === undefined ? "" : `: ${displayText(message)}`;
}
