import type { AgentEvent, AgentEventOf } from "../agent-event.ts";
import type { Answers, Decision } from "../agent-session.ts";
import { AgentError } from "../errors.ts";
import type { AgentLimits } from "../limits.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { checkAnswers, checkDecision } from "./check-answer.ts";
import type { CheckedAnswer } from "./check-answer.ts";

/** What a desk works with. */
export interface RequestDeskParts {
  readonly limits: AgentLimits;
  readonly permissions: "ask" | "edits" | "all";
  readonly emit: (event: AgentEvent) => void;
  /** Brings an answer to the agent, which named the request `key`. */
  readonly deliver: (key: string, answer: CheckedAnswer) => Promise<void>;
  /** Not every agent tells how a denied call ended, so it ends with the denial. */
  readonly denyTool: (toolCallId: string, reason: string | undefined) => void;
}

/** What ends a request without an answer. */
export type SettledBy = "interrupt" | "agent" | "end";

type RequestEvent = AgentEventOf<"approval.requested"> | AgentEventOf<"question.requested">;

interface OpenRequest {
  readonly requestId: string;
  /** The agent's own name for it. */
  readonly key: string;
  readonly event: RequestEvent;
}

/** The approvals and questions of a session: told, answered once, and ended with what they belong to. */
export class RequestDesk {
  readonly #parts: RequestDeskParts;
  readonly #open = new Map<string, OpenRequest>();
  #count = 0;
  /** Those that were told, or answered without, since the last turn ended. */
  #ofTurn = 0;

  constructor(parts: RequestDeskParts) {
    this.#parts = parts;
  }

  /** The agent's names of all that wait. */
  get openKeys(): readonly string[] {
    return [...this.#open.values()].map(({ key }) => key);
  }

  nextId(): string {
    return `request-${++this.#count}`;
  }

  /**
   * Tells a request and keeps it. One that nobody needs to see is answered at once and not told: it is allowed by the
   * session's permissions, there are too many, or its turn is over.
   */
  ask(event: RequestEvent, key: string, isTurnOver: boolean): void {
    const { limits, permissions, emit, denyTool } = this.#parts;
    // An agent that asks for something else under the same name takes back what it asked before: a yes to that is none to this.
    this.settle(key);
    if (isTurnOver) return this.#send(key, { kind: "cancel" });
    if (this.#open.size >= limits["requests.open"] || ++this.#ofTurn > limits["requests.turn"]) {
      if (event.toolCallId !== undefined) denyTool(event.toolCallId, TOO_MANY.reason);
      return this.#send(key, TOO_MANY);
    }
    if (event.type === "approval.requested" && permits(permissions, event)) {
      return this.#send(key, checkDecision(event, { decision: "allow" }, limits));
    }
    this.#open.set(event.requestId, { requestId: event.requestId, key, event });
    emit(event);
  }

  /**
   * The first answer that fits takes the request. Answers the agent's name for it when its turn is to be ended with it, which
   * is then somebody else's to do; otherwise the answer was brought to the agent.
   */
  async answer(requestId: string, answer: Decision | Answers): Promise<string | undefined> {
    const request = this.#open.get(requestId);
    if (!request)
      throw new AgentError("UNKNOWN_REQUEST", `no request ${JSON.stringify(requestId)} waits for an answer`);
    const { event, key } = request;
    const { limits } = this.#parts;
    const checked =
      event.type === "approval.requested" ? checkDecision(event, answer, limits) : checkAnswers(event, answer, limits);
    this.#open.delete(requestId);
    this.#tell(request, checked);
    if (checked.kind === "deny" && checked.endTurn) return key;
    await this.#parts.deliver(key, checked);
    return undefined;
  }

  /** The agent itself, or somebody else who speaks to it, settled a request. */
  settle(key: string): void {
    for (const request of this.#open.values()) {
      if (request.key === key) this.#cancel(request, "agent");
    }
  }

  cancelAll(by: SettledBy): void {
    if (by === "end") this.#ofTurn = 0;
    for (const request of this.#open.values()) this.#cancel(request, by);
  }

  #send(key: string, answer: CheckedAnswer): void {
    void this.#parts.deliver(key, answer).catch(() => undefined);
  }

  /** Before it is sent, so that what comes of it follows. */
  #tell({ requestId, event }: OpenRequest, checked: CheckedAnswer): void {
    const { emit, denyTool } = this.#parts;
    if (event.type === "question.requested") {
      const outcome = checked.kind === "answers" ? "answered" : "declined";
      return emit({ type: "question.resolved", requestId, outcome, by: "answer" });
    }
    const option = "option" in checked ? checked.option : undefined;
    const outcome = checked.kind === "allow" ? "allowed" : "denied";
    emit({
      type: "approval.resolved",
      requestId,
      outcome,
      by: "answer",
      ...withoutUndefined({ optionId: option?.id }),
    });
    if (checked.kind === "deny" && event.toolCallId !== undefined) denyTool(event.toolCallId, checked.reason);
  }

  #cancel({ requestId, event }: OpenRequest, by: SettledBy): void {
    this.#open.delete(requestId);
    const type = event.type === "approval.requested" ? "approval.resolved" : "question.resolved";
    this.#parts.emit({ type, requestId, outcome: "cancelled", by });
  }
}

const TOO_MANY = {
  kind: "deny",
  option: undefined,
  reason: "it asks too much at once",
  endTurn: false,
} as const satisfies CheckedAnswer;

/** Whether a session's permissions allow a request without asking anybody. */
function permits(permissions: "ask" | "edits" | "all", { kind, options }: AgentEventOf<"approval.requested">): boolean {
  if (!options.some(({ effect }) => effect === "allow")) return false;
  return permissions === "all" || (permissions === "edits" && kind === "file_change");
}
