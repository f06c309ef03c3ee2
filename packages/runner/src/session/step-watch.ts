import type { AgentEvent, AgentEventOf, Decision } from "@signalbox/agents";

import type { StepNarrator } from "./step-narrator.ts";
import type { ToolPermissions } from "./tool-permissions.ts";
import type { WrittenFiles } from "./written-files.ts";

export interface StepWatchSettings {
  readonly permissions: ToolPermissions;
  readonly files: WrittenFiles;
  /** Absent where nobody follows the step but its session. */
  readonly narrator?: StepNarrator | undefined;
}

/** Sees everything that the agent of a step does: answers for the step, and remembers what its result is made of. */
export class StepWatch {
  readonly #settings: StepWatchSettings;
  #violation: string | undefined;
  #failure: AgentEventOf<"turn.ended">["error"];
  /** What was denied in the turn that goes on, last. */
  #denial: string | undefined;

  constructor(settings: StepWatchSettings) {
    this.#settings = settings;
  }

  get files(): readonly string[] {
    return this.#settings.files.paths;
  }

  /** What the agent did although the step does not allow it. */
  get violation(): string | undefined {
    return this.#violation;
  }

  /** Why the last turn failed, if it did. */
  get failure(): AgentEventOf<"turn.ended">["error"] {
    return this.#failure;
  }

  /** The step's own answer to what the agent asks. */
  decide(asked: AgentEventOf<"approval.requested">): Decision | undefined {
    const decision = this.#settings.permissions.decide(asked);
    if (decision?.decision === "deny") this.#denial = decision.reason;
    return decision;
  }

  /** The event as it is told: a turn that ended because the step said no was not cancelled by anybody. */
  seen(event: AgentEvent): AgentEvent {
    if (event.type !== "turn.ended" || event.status !== "cancelled" || this.#denial === undefined) return event;
    const message = `the agent gave up its turn: ${this.#denial}`;
    return { ...event, status: "failed", error: { code: "refused", message, isRetryable: false } };
  }

  async note(event: AgentEvent): Promise<void> {
    const { permissions, files, narrator } = this.#settings;
    this.#violation ??= permissions.watch(event);
    files.watch(event);
    if (event.type === "turn.started") this.#denial = undefined;
    if (event.type === "turn.ended") this.#failure = event.error;
    await narrator?.tell(event);
  }
}
