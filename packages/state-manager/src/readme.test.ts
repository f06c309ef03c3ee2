import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = readFileSync(new URL("./state-manager.examples.ts", import.meta.url), "utf8");

describe("the README", () => {
  it.each([...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = ""]) => code))(
    "shows code that is compiled",
    (code) => {
      expect(withoutIndents(examples)).toContain(withoutIndents(code));
    },
  );
});

function withoutIndents(code: string): string {
  return code.replace(/^ +/gm, "");
}
