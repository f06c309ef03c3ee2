import type { AgentEvent, AgentEventOf, Decision, FileChange } from "@signalbox/agents";
import type { AgentInputs } from "@signalbox/protocol";

/** What agents do, and the words by which a step's `toolsAllowed` allows it. Reading, searching and thinking need none. */
const WORDS = {
  write_file: ["write_file", "edit"],
  delete_file: ["delete_file"],
  run_command: ["run_command", "shell"],
  fetch: ["fetch"],
} as const satisfies Readonly<Record<string, readonly string[]>>;
type Action = keyof typeof WORDS;

/** What of a call is looked at: what it does, never whose agent makes it. */
type Call = Pick<AgentEventOf<"tool.started">, "name" | "changes"> & {
  readonly kind: AgentEventOf<"tool.started">["kind"] | AgentEventOf<"approval.requested">["kind"];
};

export interface ToolPermissionsSettings {
  /** What the step allows; null: everything. */
  readonly toolsAllowed: readonly string[] | null;
  /** What is allowed without asking somebody, of what the step allows. */
  readonly permissions: AgentInputs["permissions"];
}

/** Decides what the agent of a step may do, by what the step says. No effects. */
export class ToolPermissions {
  readonly #settings: ToolPermissionsSettings;
  readonly #calls = new Map<string, Call & { readonly title: string }>();

  constructor(settings: ToolPermissionsSettings) {
    this.#settings = settings;
  }

  /** What the agent itself is started with: it must ask where somebody other than a person is to answer. */
  get permissions(): AgentInputs["permissions"] {
    return this.#settings.toolsAllowed === null ? this.#settings.permissions : "ask";
  }

  /** The answer to what an agent asks, or undefined where a person decides. */
  decide(asked: AgentEventOf<"approval.requested">): Decision | undefined {
    const { toolsAllowed, permissions } = this.#settings;
    if (toolsAllowed === null) return undefined;
    const missing = this.#missing(asked);
    if (missing !== undefined) return { decision: "deny", reason: `the step does not allow ${missing}` };
    const isFree = permissions === "all" || (permissions === "edits" && asked.kind === "file_change");
    return isFree ? { decision: "allow" } : undefined;
  }

  /** Notes what a call is; answers what the agent did against the step's word, without having asked. */
  watch(event: AgentEvent): string | undefined {
    if (this.#settings.toolsAllowed === null) return undefined;
    if (event.type === "tool.started" || event.type === "tool.updated") this.#calls.set(event.toolCallId, event);
    if (event.type !== "tool.ended") return undefined;
    const call = this.#calls.get(event.toolCallId);
    this.#calls.delete(event.toolCallId);
    const isDone = event.status === "ok" || event.exitCode !== undefined;
    const missing = call && isDone ? this.#missing(call) : undefined;
    return call && missing !== undefined ? `${missing}: ${call.title}` : undefined;
  }

  #missing(call: Call): string | undefined {
    const { toolsAllowed } = this.#settings;
    return actionsOf(call).find(
      (action) => !(isKnown(action) ? WORDS[action] : [action]).some((word) => toolsAllowed?.includes(word)),
    );
  }
}

/** The words for what a call does; the agent's own name for a tool that none of them fits. */
function actionsOf({ kind, name, changes }: Call): readonly string[] {
  switch (kind) {
    case "read":
    case "search":
    case "think":
    // What another agent does for this one is told call by call.
    case "agent":
      return [];
    case "command":
      return ["run_command"];
    case "file_change":
      return changes === undefined || changes.length === 0 ? ["write_file"] : changes.flatMap(actionsOfChange);
    case "fetch":
    case "network":
      return ["fetch"];
    case "permissions":
    case "tool":
    case "other":
      return [name ?? kind];
  }
}

function actionsOfChange({ change }: FileChange): readonly Action[] {
  if (change === "delete") return ["delete_file"];
  return change === "move" ? ["write_file", "delete_file"] : ["write_file"];
}

function isKnown(action: string): action is Action {
  return Object.hasOwn(WORDS, action);
}
