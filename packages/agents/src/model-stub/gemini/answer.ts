import { sse } from "../dialect.ts";
import type { Frame, NewId } from "../dialect.ts";
import type { Answer, Refusal } from "../reply.ts";

type Part = Readonly<Record<string, unknown>>;

/** An answer as the chunks of a `streamGenerateContent` stream. */
export function* frames(answer: Answer, model: string, newId: NewId): Generator<Frame, void> {
  const responseId = newId();
  const chunk = (parts: readonly Part[], isPiece: boolean): Frame => ({
    text: sse({ candidates: [{ content: { role: "model", parts }, index: 0 }], modelVersion: model, responseId }),
    isPiece,
  });
  for (const part of thoughtParts(answer)) yield chunk([part], false);
  for (const text of answer.pieces) yield chunk([{ text }], true);
  for (const part of callParts(answer, newId)) yield chunk([part], false);
  yield { text: sse(ending(answer, model, responseId, [{ text: "" }])), isPiece: false };
}

export function body(answer: Answer, model: string, newId: NewId): unknown {
  const text = answer.pieces.length > 0 ? [{ text: answer.pieces.join("") }] : [];
  return ending(answer, model, newId(), [...thoughtParts(answer), ...text, ...callParts(answer, newId)]);
}

export function refusalBody({ status, message }: Refusal): unknown {
  return {
    error: { code: status, message, status: STATUSES[status] ?? (status < 500 ? "INVALID_ARGUMENT" : "INTERNAL") },
  };
}

function thoughtParts({ thought }: Answer): Part[] {
  return thought === undefined ? [] : [{ text: thought, thought: true }];
}

function callParts({ calls }: Answer, newId: NewId): Part[] {
  return calls.map(({ name, input }) => ({ functionCall: { id: `call_${newId()}`, name, args: input } }));
}

function ending(answer: Answer, model: string, responseId: string, parts: readonly Part[]): unknown {
  const { input, cached, output, reasoning } = answer.usage;
  return {
    candidates: [{ content: { role: "model", parts }, finishReason: "STOP", index: 0 }],
    usageMetadata: {
      promptTokenCount: input,
      cachedContentTokenCount: cached,
      // On this wire the tokens of thoughts are not among those of the answer.
      candidatesTokenCount: Math.max(output - reasoning, 0),
      thoughtsTokenCount: reasoning,
      totalTokenCount: input + output,
    },
    modelVersion: model,
    responseId,
  };
}

const STATUSES: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
  529: "UNAVAILABLE",
};
