import type { PatternAutomaton } from "./pattern-automaton.ts";

/** What the automaton looks for, and what stands in the output for each pattern. */
export interface RedactionPatterns {
  readonly automaton: PatternAutomaton;
  /** Per pattern, by its index in the automaton. */
  readonly replacements: readonly Buffer[];
}

/**
 * Redacts one stream of bytes; the output does not depend on how the input is cut into chunks. Matches that overlap
 * are replaced as one range, by the name of the one that starts first (the longest of those), so that no byte of any
 * secret is left over. Between two calls it holds back fewer bytes than the longest pattern has.
 */
export class RedactionStream {
  readonly #patterns: RedactionPatterns;
  #state = 0;
  /** Bytes of the input seen so far; every position below counts from the start of the stream. */
  #position = 0;
  /** Up to here the input has been given out or replaced. */
  #done = 0;
  /** The bytes before `#position` that may still become part of a match. */
  #held: Buffer = EMPTY;
  /** Matches not yet given out, in order, without overlap. */
  #matches: Match[] = [];

  constructor(patterns: RedactionPatterns) {
    this.#patterns = patterns;
  }

  /** What is now certain of the input. It may share memory with `chunk`, which must not be written to afterwards. */
  push(chunk: Buffer): Buffer {
    this.#scan(chunk);
    const source = { start: this.#position - this.#held.length, held: this.#held, chunk };
    this.#position += chunk.length;
    const certain = this.#position - (this.#patterns.automaton.openBytes[this.#state] ?? 0);
    const output = this.#release(source, certain);
    // A copy: the caller's chunk must not stay in memory for a few bytes.
    this.#held = Buffer.concat(slices(source, certain, this.#position));
    return output;
  }

  /** The rest, at the end of the stream; afterwards the stream starts anew. */
  flush(): Buffer {
    const source = { start: this.#position - this.#held.length, held: this.#held, chunk: EMPTY };
    const output = this.#release(source, this.#position);
    this.#state = 0;
    this.#held = EMPTY;
    return output;
  }

  /** The only loop over every byte: one table look-up and one comparison each, while the state has a row. */
  #scan(chunk: Buffer): void {
    const { automaton } = this.#patterns;
    const { rows } = automaton;
    const rowStates = rows.length / 256;
    let state = this.#state;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index] ?? 0;
      state = state < rowStates ? (rows[(state << 8) | byte] ?? 0) : automaton.step(state, byte);
      if (state < 0) {
        state = ~state;
        this.#addMatch(state, this.#position + index + 1);
      }
    }
    this.#state = state;
  }

  #addMatch(state: number, end: number): void {
    const { matchBytes, matchPattern } = this.#patterns.automaton;
    let start = end - (matchBytes[state] ?? 0);
    let pattern = matchPattern[state] ?? 0;
    for (let last = this.#matches.at(-1); last && last.end > start; last = this.#matches.at(-1)) {
      this.#matches.pop();
      if (last.start < start) ({ start, pattern } = last);
    }
    this.#matches.push({ start, end, pattern });
  }

  /** Gives out all before `certain`. A match that reaches beyond may still grow, so it waits. */
  #release(source: Source, certain: number): Buffer {
    const parts: Buffer[] = [];
    const settled = this.#matches.findIndex((match) => match.end > certain);
    for (const match of this.#matches.splice(0, settled < 0 ? this.#matches.length : settled)) {
      parts.push(...slices(source, this.#done, match.start));
      parts.push(this.#patterns.replacements[match.pattern] ?? EMPTY);
      this.#done = match.end;
    }
    const until = Math.min(certain, this.#matches[0]?.start ?? certain);
    parts.push(...slices(source, this.#done, until));
    this.#done = Math.max(this.#done, until);
    return parts.length === 1 ? (parts[0] ?? EMPTY) : Buffer.concat(parts);
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

interface Match {
  readonly start: number;
  readonly end: number;
  readonly pattern: number;
}

/** The held bytes, which begin at `start`, and the chunk right after them. */
interface Source {
  readonly start: number;
  readonly held: Buffer;
  readonly chunk: Buffer;
}

function slices({ start, held, chunk }: Source, from: number, to: number): Buffer[] {
  const chunkStart = start + held.length;
  const before = held.subarray(clamp(from - start, held.length), clamp(to - start, held.length));
  const after = chunk.subarray(clamp(from - chunkStart, chunk.length), clamp(to - chunkStart, chunk.length));
  return [before, after].filter((part) => part.length > 0);
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}
