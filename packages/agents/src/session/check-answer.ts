import type { Question } from "@signalbox/protocol";

import type { AgentEventOf, ApprovalOption } from "../agent-event.ts";
import type { Answers, Decision } from "../agent-session.ts";
import { AgentError } from "../errors.ts";
import type { AgentLimits } from "../limits.ts";

/** An answer that fits its request, with what the agent offered for it. */
export type CheckedAnswer =
  | { readonly kind: "allow"; readonly option: ApprovalOption; readonly updatedInput?: unknown }
  /** Without an option the agent offers no way to deny; `endTurn` was asked for and no option means it. */
  | {
      readonly kind: "deny";
      readonly option: ApprovalOption | undefined;
      readonly reason: string | undefined;
      readonly endTurn: boolean;
    }
  | { readonly kind: "answers"; readonly answers: Readonly<Record<string, readonly string[]>> }
  | { readonly kind: "decline"; readonly reason: string | undefined }
  /** Nobody will answer: the turn is over. */
  | { readonly kind: "cancel" };

type Approval = AgentEventOf<"approval.requested">;

/** What a decision means to the agent. Throws `INVALID_ANSWER` when it offers nothing of the kind. Pure. */
export function checkDecision(request: Approval, decision: Decision | Answers, limits: AgentLimits): CheckedAnswer {
  if ("answers" in decision) throw invalid("an approval takes allow or deny, not answers");
  return decision.decision === "allow" ? checkAllow(request, decision) : checkDeny(request, decision, limits);
}

/** What answers to questions mean. Throws `INVALID_ANSWER` when one does not fit its question. Pure. */
export function checkAnswers(
  request: AgentEventOf<"question.requested">,
  answer: Decision | Answers,
  limits: AgentLimits,
): CheckedAnswer {
  if ("decision" in answer) {
    if (answer.decision === "allow") throw invalid("a question takes answers, or a denial");
    return { kind: "decline", reason: checkLength(answer.reason, limits) };
  }
  const known = new Set(request.questions.map(({ id }) => id));
  const stranger = Object.keys(answer.answers).find((id) => !known.has(id));
  if (stranger !== undefined) throw invalid(`there is no question ${JSON.stringify(stranger)}`);
  for (const question of request.questions) {
    const given = Object.hasOwn(answer.answers, question.id) ? (answer.answers[question.id] ?? []) : [];
    checkOne(question, given, limits);
  }
  return { kind: "answers", answers: answer.answers };
}

function checkAllow(request: Approval, decision: Extract<Decision, { decision: "allow" }>): CheckedAnswer {
  const { scope = "once", optionId, updatedInput } = decision;
  if (updatedInput !== undefined && !request.canEditInput) throw invalid("this agent's input cannot be changed");
  const effect = scope === "once" ? "allow" : "allow_session";
  const option =
    optionId === undefined
      ? request.options.find((each) => each.effect === effect)
      : pick(request, optionId, ["allow", "allow_session"]);
  if (!option) throw invalid(`the agent does not offer to allow this ${scope === "once" ? "once" : "for the session"}`);
  return { kind: "allow", option, ...(updatedInput === undefined ? {} : { updatedInput }) };
}

function checkDeny(
  request: Approval,
  decision: Extract<Decision, { decision: "deny" }>,
  limits: AgentLimits,
): CheckedAnswer {
  const { optionId, endTurn = false } = decision;
  const reason = checkLength(decision.reason, limits);
  const wanted = endTurn ? (["deny_and_stop", "deny"] as const) : (["deny", "deny_and_stop"] as const);
  const option =
    optionId === undefined
      ? wanted.map((effect) => request.options.find((each) => each.effect === effect)).find((each) => each)
      : pick(request, optionId, ["deny", "deny_session", "deny_and_stop"]);
  return { kind: "deny", option, reason, endTurn: endTurn && option?.effect !== "deny_and_stop" };
}

function pick(request: Approval, optionId: string, effects: readonly ApprovalOption["effect"][]): ApprovalOption {
  const option = request.options.find(({ id }) => id === optionId);
  if (!option) throw invalid(`the agent offers no option ${JSON.stringify(optionId)}`);
  if (!effects.includes(option.effect)) throw invalid(`option ${JSON.stringify(optionId)} means ${option.effect}`);
  return option;
}

function checkOne(question: Question, given: readonly string[], limits: AgentLimits): void {
  const name = `question ${JSON.stringify(question.id)}`;
  if (given.length === 0) throw invalid(`${name} has no answer`);
  if (given.length > 1 && !question.allowsMany) throw invalid(`${name} takes one answer`);
  const labels = new Set(question.options.map(({ label }) => label));
  for (const words of given) {
    checkLength(words, limits);
    if (!question.allowsText && !labels.has(words)) throw invalid(`${name} has no option ${JSON.stringify(words)}`);
  }
}

function checkLength(words: string | undefined, limits: AgentLimits): string | undefined {
  const most = limits["answer.length"];
  if (words !== undefined && words.length > most) {
    throw invalid(`an answer has at most ${most} characters, this has ${words.length}`);
  }
  return words;
}

function invalid(message: string): AgentError {
  return new AgentError("INVALID_ANSWER", message);
}
