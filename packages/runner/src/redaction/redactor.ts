import { PatternAutomaton } from "./pattern-automaton.ts";
import { RedactionStream } from "./redaction-stream.ts";
import type { RedactionPatterns } from "./redaction-stream.ts";
import { secretForms } from "./secret-forms.ts";
import { MIN_PATTERN_BYTES, SecretTooShortError } from "./secret-too-short-error.ts";

/** A value that must not leave the machine, and the name that stands in its place. */
export interface NamedSecret {
  readonly name: string;
  readonly value: string;
}

/** One stream under redaction: output and error output of a process have one each. */
export interface ByteRedaction {
  /** What is now certain of the input; it may share memory with `chunk`. */
  push(chunk: Buffer): Buffer;
  /** The rest, at the end of the stream. */
  flush(): Buffer;
}

/** Replaces secrets by `[redacted:NAME]`, in all the forms of `secretForms`. */
export interface Redactor {
  /** The most bytes that a stream holds back between two chunks. */
  readonly maxHeldBytes: number;
  stream(): ByteRedaction;
  /** Redacts a whole text at once: an error message, a name, a step's input. */
  redactText(text: string): string;
}

/**
 * Compiles the secrets of one attempt. Empty values are passed over; values under six bytes are refused with
 * `SecretTooShortError`, because they cannot be told from ordinary text. Without secrets, bytes pass through uncopied.
 */
export function createRedactor(secrets: readonly NamedSecret[]): Redactor {
  const present = secrets.filter(({ value }) => value !== "");
  const tooShort = present.filter(({ value }) => Buffer.byteLength(value.trim()) < MIN_PATTERN_BYTES);
  if (tooShort.length > 0) throw new SecretTooShortError(tooShort.map(({ name }) => name));
  if (present.length === 0) return PASS_THROUGH;

  const { patterns, longest } = compile(present);
  return {
    maxHeldBytes: longest - 1,
    stream: () => new RedactionStream(patterns),
    redactText: (text) => redactText(new RedactionStream(patterns), text),
  };
}

function compile(secrets: readonly NamedSecret[]): { patterns: RedactionPatterns; longest: number } {
  const entries = secrets.flatMap(({ name, value }) => {
    const replacement = Buffer.from(`[redacted:${name}]`);
    return secretForms(value).map((form) => ({ form, replacement }));
  });
  const automaton = new PatternAutomaton(entries.map(({ form }) => form));
  const replacements = entries.map(({ replacement }) => replacement);
  const longest = entries.reduce((most, { form }) => Math.max(most, form.length), 0);
  return { patterns: { automaton, replacements }, longest };
}

function redactText(stream: ByteRedaction, text: string): string {
  const input = Buffer.from(text);
  const output = Buffer.concat([stream.push(input), stream.flush()]);
  // Text without a secret comes back as it was, lone surrogates included.
  return output.equals(input) ? text : output.toString();
}

const PASS_THROUGH: Redactor = {
  maxHeldBytes: 0,
  stream: () => ({ push: (chunk) => chunk, flush: () => Buffer.alloc(0) }),
  redactText: (text) => text,
};
