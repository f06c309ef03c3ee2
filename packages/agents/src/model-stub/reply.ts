import type { StubUsage } from "./scenario.ts";

/** What the stub does with a request, in words of no dialect. */
export type Reply = Answer | Refusal | { readonly kind: "silence" };

export interface Answer {
  readonly kind: "answer";
  readonly thought: string | undefined;
  /** The text, cut into what is sent at once. */
  readonly pieces: readonly string[];
  readonly calls: readonly WireCall[];
  readonly usage: StubUsage;
  /** The pause before each piece but the first. */
  readonly intervalMs: number;
  /** After so many pieces the connection is cut. */
  readonly cutAfter: number | undefined;
}

export interface Refusal {
  readonly kind: "refusal";
  readonly status: number;
  readonly message: string;
  readonly retryAfterS: number | undefined;
}

/** A call of a tool that the agent offers. */
export interface WireCall {
  readonly name: string;
  /** A string only where the tool takes free text. */
  readonly input: unknown;
}

/** What an answer says that it took, unless the scenario says otherwise. */
export const DEFAULT_STUB_USAGE: StubUsage = { input: 1234, cached: 1000, output: 56, reasoning: 7 };

export function answer(parts: Partial<Omit<Answer, "kind">>): Answer {
  return {
    kind: "answer",
    thought: undefined,
    pieces: [],
    calls: [],
    usage: DEFAULT_STUB_USAGE,
    intervalMs: 0,
    cutAfter: undefined,
    ...parts,
  };
}

/** Cuts a text into pieces of a few words, so that even a short one comes in more than one. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S+\s*/g) ?? (text === "" ? [] : [text]);
}
