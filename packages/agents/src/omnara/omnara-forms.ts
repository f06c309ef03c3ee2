import type { CheckedAnswer } from "../session/check-answer.ts";
import type { ApprovalNews, QuestionNews } from "../session/news.ts";
import type { OmnaraAnswers } from "./omnara-client.ts";
import type { OmnaraForm, OmnaraInteraction } from "./omnara-frames.ts";

/**
 * An interaction as it is asked here. Omnara does not say which tool call it belongs to, so what its form shows is all there
 * is to decide on. Pure.
 */
export function readInteraction({ id, interaction_kind, request }: OmnaraInteraction): ApprovalNews | QuestionNews {
  return interaction_kind === "permission" && isPermissionForm(request)
    ? permissionOf(id, request)
    : questionOf(id, request);
}

/** What Omnara is answered. Undefined: there is no answer of that kind, and the form must be withdrawn instead. Pure. */
export function answersFor({ request }: OmnaraInteraction, answer: CheckedAnswer): OmnaraAnswers | undefined {
  switch (answer.kind) {
    case "allow":
      return [{ option_indices: [ALLOW] }];
    case "deny":
      return [{ option_indices: [DENY], ...reasonFor(request, answer.reason) }];
    case "answers":
      return request.questions.map((question, index) => pick(question.options, answer.answers[String(index)] ?? []));
    case "decline":
    case "cancel":
      return undefined;
  }
}

/** Omnara promises exactly this form for permissions. Another is shown as the question that it is: nothing is guessed of it. */
function isPermissionForm({ questions }: OmnaraForm): boolean {
  const [question, ...others] = questions;
  const [allow, deny, ...more] = question?.options ?? [];
  return others.length === 0 && more.length === 0 && allow?.label === "Allow" && deny?.label === "Deny";
}

const ALLOW = 0;
const DENY = 1;

function permissionOf(key: string, { title, context, questions }: OmnaraForm): ApprovalNews {
  return {
    news: "approval",
    key,
    kind: "tool",
    title: [oneLine(title), ...context.map(lineOf)].join("\n"),
    reason: questions[0]?.prompt,
    tool: undefined,
    options: [
      { id: String(ALLOW), label: "Allow", effect: "allow" },
      { id: String(DENY), label: "Deny", effect: "deny" },
    ],
  };
}

function questionOf(key: string, { title, context, questions }: OmnaraForm): QuestionNews {
  return {
    news: "question",
    key,
    questions: questions.map(({ prompt, multiple, options }, index) => ({
      id: String(index),
      text: index === 0 ? [oneLine(title), ...context.map(lineOf), prompt].join("\n") : prompt,
      options: options.map(({ label }) => ({ label })),
      allowsMany: multiple,
      allowsText: options.some(({ allows_text: allowsText }) => allowsText),
    })),
  };
}

/** One line, whatever stands in it: what comes from the model cannot pose as another line of the form. */
function lineOf({ label, value }: { readonly label: string; readonly value: string }): string {
  return `${oneLine(label)}: ${oneLine(value)}`;
}

function oneLine(text: string): string {
  return /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) ? JSON.stringify(text) : text;
}

function reasonFor({ questions }: OmnaraForm, reason: string | undefined): { readonly text?: string } {
  const takesText = questions[0]?.options[DENY]?.allows_text === true;
  return takesText && reason !== undefined && reason !== "" ? { text: reason } : {};
}

/** Labels are places in the options; words of one's own go with the first option that takes words. */
function pick(
  options: OmnaraForm["questions"][number]["options"],
  given: readonly string[],
): { readonly option_indices: readonly number[]; readonly text?: string } {
  const places = new Set<number>();
  const own: string[] = [];
  for (const words of given) {
    const place = options.findIndex(({ label }) => label === words);
    if (place >= 0) places.add(place);
    else own.push(words);
  }
  if (own.length === 0) return { option_indices: [...places] };
  const taker = options.findIndex(
    ({ allows_text: allowsText }, place) => allowsText && (places.size === 0 || places.has(place)),
  );
  places.add(taker >= 0 ? taker : options.findIndex(({ allows_text: allowsText }) => allowsText));
  return { option_indices: [...places], text: own.join("\n") };
}
