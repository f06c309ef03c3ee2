import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PatternAutomaton } from "./pattern-automaton.ts";

const bytes = (text: string) => Buffer.from(text);

/** The longest pattern that ends at each position, as the automaton tells it. */
function longestEnds(automaton: PatternAutomaton, input: Buffer): number[] {
  let state = 0;
  return Array.from(input, (byte) => {
    const next = automaton.step(state, byte);
    state = next < 0 ? ~next : next;
    return next < 0 ? (automaton.matchBytes[state] ?? 0) : 0;
  });
}

describe("PatternAutomaton", () => {
  it("tells at each byte the longest pattern that ends there", () => {
    const automaton = new PatternAutomaton(["he", "she", "his", "hers"].map(bytes));

    const ends = longestEnds(automaton, bytes("ushers"));

    expect(ends).toEqual([0, 0, 0, 3, 0, 4]);
  });

  it("agrees with a naive search on any patterns and input", () => {
    const word = fc.stringMatching(/^[ab]{1,6}$/).map(bytes);
    const input = fc.stringMatching(/^[abc]{0,60}$/).map(bytes);

    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), input, (patterns, text) => {
        const ends = longestEnds(new PatternAutomaton(patterns), text);
        expect(ends).toEqual(Array.from(text, (_, index) => naiveLongest(patterns, text.subarray(0, index + 1))));
      }),
    );
  });

  it("finds patterns whose states have no row of their own", () => {
    const long = Buffer.from(Array.from({ length: 9000 }, (_, index) => index % 251));
    const tail = long.subarray(-300);
    const automaton = new PatternAutomaton([long, tail]);

    const ends = longestEnds(automaton, Buffer.concat([long.subarray(0, 8000), long]));

    expect(ends.at(-1)).toBe(9000);
    expect(automaton.rows.length / 256).toBeLessThan(9000);
  });

  it("keeps fewer bytes open than the longest pattern has", () => {
    const automaton = new PatternAutomaton(["abcabc", "bca"].map(bytes));

    expect(Math.max(...automaton.openBytes)).toBe(5);
  });
});

function naiveLongest(patterns: readonly Buffer[], text: Buffer): number {
  return Math.max(
    0,
    ...patterns.filter((pattern) => text.subarray(-pattern.length).equals(pattern)).map((p) => p.length),
  );
}
