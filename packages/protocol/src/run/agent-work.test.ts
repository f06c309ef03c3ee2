import { describe, expect, it } from "vitest";

import { limit } from "../limits.ts";
import { AgentScriptSchema } from "../session/agent-script.ts";
import { agentInputsOf, codegenProvider } from "./agent-work.ts";
import { CodegenInputsSchema, isAgentTool } from "./tools.ts";

describe("the work of an agent", () => {
  it.each([
    ["codegen", true],
    ["agent:codex", true],
    ["agent:gpt", false],
    ["command", false],
    ["deploy:codegen", false],
  ])("%s: %s", (tool, isAgents) => {
    expect(isAgentTool(tool)).toBe(isAgents);
  });

  it("asks nobody where nobody sits before it, and knows where its result belongs", () => {
    const inputs = agentInputsOf("codegen", { prompt: " Write it ", filePath: "docs/a.md", taskType: "writing" });

    expect(inputs).toEqual({
      task: "Put the result into the file docs/a.md.\n\nWrite it",
      mode: "task",
      permissions: "all",
    });
  });

  it("has the model and the budget that its step says", () => {
    const inputs = agentInputsOf("codegen", { prompt: "p", model: "m-1", budget: { tokens: 1_000 } });

    expect(inputs).toMatchObject({ model: "m-1", budget: { tokens: 1_000 } });
  });

  it("has the steps of its script as the one turn that is played", () => {
    const { script = "" } = agentInputsOf("codegen", { prompt: "p", script: [{ do: "write", path: "a", text: "x" }] });

    expect(AgentScriptSchema.parse(JSON.parse(script)).turns).toMatchObject([{ steps: [{ do: "write", path: "a" }] }]);
  });

  it("is what an agent step says", () => {
    expect(agentInputsOf("agent:codex", { task: "t", model: "m", permissions: "edits" })).toMatchObject({
      task: "t",
      model: "m",
      permissions: "edits",
    });
  });

  it("has room for a prompt and its file, and for nothing more", () => {
    const frame = "Put the result into the file a.\n\n".length;
    const prompt = "p".repeat(limit("prompt.length") - frame);

    expect(agentInputsOf("codegen", { prompt, filePath: "a" }).task).toHaveLength(limit("prompt.length"));
    expect(CodegenInputsSchema.safeParse({ prompt: `${prompt}p`, filePath: "a" }).success).toBe(false);
  });

  it.each([
    [{ provider: "codex" }, "claude_code", "codex"],
    [{ labels: { gpu: "yes" } }, "claude_code", "claude_code"],
    [undefined, "acp:mine", "acp:mine"],
    [undefined, undefined, "scripted"],
  ] as const)("is done by whom it requires, else by whom its runner has: %j %s", (requires, ofRunner, provider) => {
    expect(codegenProvider(requires, ofRunner)).toBe(provider);
  });
});
