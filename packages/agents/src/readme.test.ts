import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AgentScriptSchema } from "./scripted-agent/index.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = globSync("*.examples.ts", { cwd: import.meta.dirname })
  .map((file) => readFileSync(`${import.meta.dirname}/${file}`, "utf8"))
  .join("\n");

describe("the README", () => {
  it.each(blocksOf("ts"))("shows code that is compiled", (code) => {
    expect(withoutIndents(examples)).toContain(withoutIndents(code));
  });

  it.each(blocksOf("json"))("shows scripts that can be played", (script) => {
    expect(() => AgentScriptSchema.parse(JSON.parse(script))).not.toThrow();
  });
});

function blocksOf(language: string): string[] {
  return readme
    .split(`\`\`\`${language}\n`)
    .slice(1)
    .map((block) => block.split("```")[0] ?? "");
}

function withoutIndents(code: string): string {
  return code.replace(/^ +/gm, "");
}
