import type { AgentEvent, AgentEventOf } from "../agent-event.ts";
import type { Answers, Decision } from "../agent-session.ts";
import { AgentError } from "../errors.ts";
import type { AgentLimits } from "../limits.ts";
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
export type SettledBy = "limit" | "interrupt" | "agent" | "end";

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

  /** Tells a request and keeps it, unless it is settled at once: by the permissions, by a limit, or because its turn is over. */
  ask(event: RequestEvent, key: string, isTurnOver: boolean): void {
    const { limits, permissions, emit } = this.#parts;
    const request = { requestId: event.requestId, key, event };
    emit(event);
    if (isTurnOver) this.#refuse(request, "interrupt", { kind: "cancel" });
    else if (this.#open.size >= limits["requests.open"]) this.#refuse(request, "limit", TOO_MANY);
    else if (event.type === "approval.requested" && permits(permissions, event)) this.#allow(request, event);
    else this.#open.set(request.requestId, request);
  }

  /** The first answer that fits takes the request. Answers what it came to. */
  async answer(requestId: string, answer: Decision | Answers): Promise<CheckedAnswer> {
    const request = this.#open.get(requestId);
    if (!request)
      throw new AgentError("UNKNOWN_REQUEST", `no request ${JSON.stringify(requestId)} waits for an answer`);
    const { event } = request;
    const check = this.#parts.limits;
    const checked =
      event.type === "approval.requested" ? checkDecision(event, answer, check) : checkAnswers(event, answer, check);
    this.#open.delete(requestId);
    await this.#deliver(request, checked, "answer");
    return checked;
  }

  /** The agent itself, or somebody else who speaks to it, settled a request. */
  settle(key: string): void {
    for (const request of this.#open.values()) {
      if (request.key === key) this.#cancel(request, "agent");
    }
  }

  cancelAll(by: SettledBy): void {
    for (const request of this.#open.values()) this.#cancel(request, by);
  }

  #allow(request: OpenRequest, event: AgentEventOf<"approval.requested">): void {
    const checked = checkDecision(event, { decision: "allow" }, this.#parts.limits);
    void this.#deliver(request, checked, "policy").catch(() => undefined);
  }

  /** Told before it is sent, so that what comes of it follows. */
  async #deliver(
    { requestId, key, event }: OpenRequest,
    checked: CheckedAnswer,
    by: "answer" | "policy",
  ): Promise<void> {
    const { emit, deliver, denyTool } = this.#parts;
    if (event.type === "approval.requested") {
      const option = "option" in checked ? checked.option : undefined;
      const outcome = checked.kind === "allow" ? "allowed" : "denied";
      const chosen = option === undefined ? {} : { optionId: option.id };
      emit({ type: "approval.resolved", requestId, outcome, by, ...chosen });
      if (checked.kind === "deny" && event.toolCallId !== undefined) denyTool(event.toolCallId, checked.reason);
    } else {
      const outcome = checked.kind === "answers" ? "answered" : "declined";
      emit({ type: "question.resolved", requestId, outcome, by: "answer" });
    }
    await deliver(key, checked);
  }

  #refuse(request: OpenRequest, by: SettledBy, answer: CheckedAnswer): void {
    this.#cancel(request, by);
    void this.#parts.deliver(request.key, answer).catch(() => undefined);
  }

  #cancel({ requestId, event }: OpenRequest, by: SettledBy): void {
    this.#open.delete(requestId);
    const type = event.type === "approval.requested" ? "approval.resolved" : "question.resolved";
    this.#parts.emit({ type, requestId, outcome: "cancelled", by });
  }
}

const TOO_MANY: CheckedAnswer = {
  kind: "deny",
  option: undefined,
  reason: "too many requests are open",
  endTurn: false,
};

/** Whether a session's permissions allow a request without asking anybody. */
function permits(permissions: "ask" | "edits" | "all", { kind, options }: AgentEventOf<"approval.requested">): boolean {
  if (!options.some(({ effect }) => effect === "allow")) return false;
  return permissions === "all" || (permissions === "edits" && kind === "file_change");
}
