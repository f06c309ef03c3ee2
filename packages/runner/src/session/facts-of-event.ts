import type { AgentEvent, AgentEventOf } from "@signalbox/agents";
import type { SessionEndReason, SessionFact, SessionFactOf } from "@signalbox/protocol";

/** What the control plane must know of an event; most are none of its business. `hasTerminal` is for a session that is ready. Pure. */
export function factsOf(event: AgentEvent, hasTerminal: boolean): readonly SessionFact[] {
  switch (event.type) {
    case "session.ready":
      return [
        {
          fact: "ready",
          nativeSessionId: event.nativeSessionId,
          resumed: event.resumed,
          ...(event.resumeFailure === undefined ? {} : { resumeFailure: event.resumeFailure.slice(0, 4_000) }),
          hasTerminal,
          ...(event.model === undefined ? {} : { model: event.model }),
        },
      ];
    case "turn.started":
      return [{ fact: "turn_started" }];
    case "turn.steered":
      return [{ fact: "steered" }];
    case "turn.ended":
      return [
        {
          fact: "turn_ended",
          status: event.status,
          ...(event.error ? { error: `${event.error.code}: ${event.error.message}`.slice(0, 4_000) } : {}),
        },
      ];
    case "approval.requested":
      return [askedBy(event)];
    case "question.requested":
      return [questionOf(event)];
    case "approval.resolved":
    case "question.resolved":
      return event.by === "answer" ? [] : [{ fact: "withdrawn", requestId: event.requestId }];
    case "usage":
      return [{ fact: "usage", usage: event.total }];
    case "process.exited":
      return [endedBy(event)];
    case "text.delta":
    case "thought.delta":
    case "message.done":
    case "tool.started":
    case "tool.updated":
    case "tool.output":
    case "tool.ended":
    case "plan":
    case "diff":
    case "protocol.error":
    case "raw":
      return [];
  }
}

/** Why a session is over whose agent ended so, unless somebody had closed it. */
const END_REASONS: Readonly<Record<AgentEventOf<"process.exited">["reason"], SessionEndReason>> = {
  closed: "finished",
  crashed: "agent_crashed",
  interrupt_ignored: "agent_crashed",
  protocol_error: "protocol_error",
  output_closed: "agent_crashed",
};

/** One that was closed has nothing to explain. */
function endedBy({ reason, message }: AgentEventOf<"process.exited">): SessionFactOf<"ended"> {
  const why = reason === "closed" ? {} : { message: message.slice(0, 4_000) };
  return { fact: "ended", reason: END_REASONS[reason], ...why };
}

function askedBy(event: AgentEventOf<"approval.requested">): SessionFactOf<"asked"> {
  const { requestId, kind, title, command, cwd, reason, name, changes, input, options } = event;
  // The options too: what a yes for the whole session would let happen is in their words.
  const context = withoutUndefined({ kind, title, name, command, cwd, reason, changes, input, options });
  return {
    fact: "asked",
    requestId,
    kind: "permission",
    action: name ?? kind,
    description: command ?? title,
    context,
    questions: null,
  };
}

function questionOf({ requestId, questions }: AgentEventOf<"question.requested">): SessionFactOf<"asked"> {
  return {
    fact: "asked",
    requestId,
    kind: "question",
    action: "question",
    description: questions.map(({ text }) => text).join("\n"),
    context: {},
    questions,
  };
}

function withoutUndefined(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}
