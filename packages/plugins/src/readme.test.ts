import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { OBSTACLES, PLUGIN_LIMITS, ROUTING_WEIGHTS } from "./index.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = readFileSync(new URL("./plugins.examples.ts", import.meta.url), "utf8");

describe("the README", () => {
  it.each([...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code))(
    "shows code that is compiled",
    (code) => {
      expect(withoutIndents(examples)).toContain(withoutIndents(code));
    },
  );

  it("tells every limit, weight and obstacle as it is", () => {
    const rows = [
      ...Object.entries(PLUGIN_LIMITS).map(([name, { value, unit }]) => [
        "`" + name + "`",
        `${grouped(value)} ${unit}`,
      ]),
      ...Object.entries(ROUTING_WEIGHTS).map(([kind, { points, atMost }]) => [kind, String(points), String(atMost)]),
      ...Object.keys(OBSTACLES).map((kind) => ["`" + kind + "`"]),
    ];

    const cells = readme.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));

    expect(rows.filter((row) => !cells.some((line) => row.every((cell, i) => line[i + 1] === cell)))).toEqual([]);
  });
});

function withoutIndents(code: string): string {
  return code.replace(/^ +/gm, "");
}

/** 65536 as `65 536`. */
function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}
