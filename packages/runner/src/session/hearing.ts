import type { AgentEvent } from "@signalbox/agents";

/**
 * Knows when an agent shows the first sign of having heard what it was told last: from then on that need not be said again,
 * whatever becomes of this machine.
 */
export class Hearing {
  #isAwaited = false;

  /** Whether this event is that sign. */
  isSign({ type }: AgentEvent): boolean {
    if (TELLING.has(type)) this.#isAwaited = true;
    const isSign = this.#isAwaited && SIGNS.has(type);
    if (isSign) this.#isAwaited = false;
    return isSign;
  }
}

const TELLING: ReadonlySet<AgentEvent["type"]> = new Set(["turn.started", "turn.steered"]);
const SIGNS: ReadonlySet<AgentEvent["type"]> = new Set([
  "text.delta",
  "thought.delta",
  "message.done",
  "tool.started",
  "tool.updated",
  "tool.output",
  "tool.ended",
  "plan",
  "diff",
  "approval.requested",
  "question.requested",
]);
