import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { Dot } from "./dot.ts";
import { ObservedSet } from "./observed-set.ts";
import { hashOf, PartTable } from "./part-table.ts";
import { Writer } from "./writer.ts";

const writer = new Writer("w");
const home = new ObservedSet("s");

function dot(part: string, seq: number): Dot {
  return new Dot(writer, seq, home, part, 0, 0, null);
}

/** Many parts that want the same place in any table of up to 1,024 slots. */
function neighbours(count: number): string[] {
  const found: string[] = [];
  for (let number = 0; found.length < count; number++) {
    const part = `n${number}`;
    if ((hashOf(part) & 1_023) === 7) found.push(part);
  }
  return found;
}

type Step = readonly ["swap" | "delete" | "get", number];

/** What a Map would do in the place of a table. */
class Model implements Pick<PartTable, "get" | "swap" | "delete" | "values" | "size"> {
  readonly #map = new Map<string, Dot>();

  get size(): number {
    return this.#map.size;
  }

  get(part: string): Dot | undefined {
    return this.#map.get(part);
  }

  swap(part: string, added: Dot): Dot | undefined {
    const before = this.#map.get(part);
    this.#map.set(part, added);
    return before;
  }

  delete(part: string): void {
    this.#map.delete(part);
  }

  values(): Dot[] {
    return [...this.#map.values()];
  }
}

/** Every answer on the way, by the numbers of the dots, and what is there in the end. */
function play(cells: Pick<PartTable, keyof Model>, parts: readonly string[], steps: readonly Step[]): unknown {
  const answers = steps.map(([act, index], number) => {
    const part = parts[index % parts.length] ?? "";
    if (act === "delete") cells.delete(part);
    const before = act === "swap" ? cells.swap(part, dot(part, number)) : undefined;
    return [before?.seq, cells.get(part)?.seq, cells.size];
  });
  const left = cells.values().map(({ seq }) => seq);
  return { answers, left: left.sort((a, b) => a - b), found: parts.map((part) => cells.get(part)?.seq) };
}

const randomSteps = fc.array(
  fc.tuple(fc.constantFrom("swap" as const, "swap" as const, "delete" as const, "get" as const), fc.nat(200)),
  { maxLength: 400, size: "max" },
);

describe("a table of parts", () => {
  it.each([
    ["whatever comes and goes", Array.from({ length: 150 }, (_, number) => `part_${number}`)],
    ["where all parts want the same place", neighbours(24)],
  ])("answers as a Map does, %s", (_, parts) => {
    fc.assert(
      fc.property(randomSteps, (steps) => {
        expect(play(new PartTable(), parts, steps)).toEqual(play(new Model(), parts, steps));
      }),
    );
  });

  it("gives room back when most of what was in it is gone, and still finds the rest", () => {
    const parts = Array.from({ length: 5_000 }, (_, number) => `part_${number}`);
    const steps = [
      ...parts.map((_, index): Step => ["swap", index]),
      ...parts.slice(10).map((_, index): Step => ["delete", index + 10]),
    ];
    expect(play(new PartTable(), parts, steps)).toEqual(play(new Model(), parts, steps));
  });

  it("becomes a Map when somebody has chosen parts that are all in each other's way", () => {
    const parts = neighbours(400);
    const all = parts.map((_, index): Step => ["swap", index]);
    const steps: Step[] = [...all, ["delete", 3], ["swap", 3], ["delete", 399], ["get", 0]];
    expect(play(new PartTable(), parts, steps)).toEqual(play(new Model(), parts, steps));
  });
});
