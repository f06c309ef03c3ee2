import { CreateRunRequestSchema, limit, type CreateRunInput, type Plan } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { command } from "../../test/_support/rig.ts";
import { planRun, type PlannedRun, type PlanningProject } from "./plan-run.ts";

const PROJECT: PlanningProject = { id: "p", env: {}, commands: {} };

function plan(request: CreateRunInput, project: Partial<PlanningProject> = {}, reference?: Plan): PlannedRun {
  return planRun(CreateRunRequestSchema.parse(request), { ...PROJECT, ...project }, reference);
}

function planSteps(...steps: Exclude<CreateRunInput["plan"], undefined>["steps"]): CreateRunInput {
  return { plan: { goal: "g", steps } };
}

describe("planRun", () => {
  it("makes the same steps of the same request", () => {
    const request = planSteps(command("a"), command("b", { retry: { maxAttempts: 2 } }));

    expect(plan(request)).toEqual(plan(request));
  });

  it("makes one step for a command, in shell text or as arguments", () => {
    const shell = plan({ command: "npm ci\nnpm test" });
    const argv = plan({ command: { argv: ["git", "status"] } });

    expect(shell).toMatchObject({
      goal: "npm ci",
      source: "command",
      steps: [{ name: "command", tool: "command", inputs: { shell: "npm ci\nnpm test" } }],
    });
    expect(argv).toMatchObject({ goal: "git status", steps: [{ inputs: { argv: ["git", "status"] } }] });
  });

  it("makes work, the checks that were asked for, and a proposal out of a prompt", () => {
    const all = plan({ standard: { prompt: "fix it", quality: true, openPr: true, filePath: "notes.md" } });
    const least = plan({ standard: { prompt: "fix it" } });

    expect(all.steps.map(({ tool, needs }) => `${tool} after ${needs.join()}`)).toEqual([
      "codegen after ",
      "gate:typecheck after work",
      "gate:lint after typecheck",
      "gate:test after lint",
      "gate:security after test",
      "pull-request after security",
    ]);
    expect(all.steps[0]?.inputs).toEqual({ prompt: "fix it", filePath: "notes.md" });
    expect(least.steps.map(({ tool }) => tool)).toEqual(["codegen"]);
  });

  it("lets nothing be proposed to a repository that nobody has approved", () => {
    const { steps } = plan({ standard: { prompt: "fix it", openPr: true } }, { hasRepository: true });

    expect(steps.map(({ tool, gates }) => [tool, gates])).toEqual([
      ["codegen", []],
      ["changes", []],
      ["gate:manual", []],
      ["pull-request", [2]],
    ]);
    expect(steps[2]?.inputs).toMatchObject({ description: expect.stringContaining('"fix it"') as string });
  });

  it("makes one step for an agent out of instructions, with what kind of task it is", () => {
    const planned = plan({ instructions: "write a report", taskType: "research" });

    expect(planned).toMatchObject({
      goal: "write a report",
      source: "instructions",
      steps: [{ tool: "codegen", inputs: { prompt: "write a report", taskType: "research" } }],
    });
  });

  it("repeats the steps of another run with the new instructions in place of the old", () => {
    const reference = CreateRunRequestSchema.parse(
      planSteps({ name: "work", tool: "codegen", inputs: { prompt: "old", filePath: "a.md" } }, command("check")),
    ).plan;

    const planned = plan({ instructions: "new" }, {}, reference);

    expect(planned.steps.map(({ name, inputs }) => [name, inputs])).toEqual([
      ["work", { prompt: "new", filePath: "a.md", taskType: "code" }],
      ["check", { shell: "echo check" }],
    ]);
  });

  it("cuts a goal to one line within the limit", () => {
    const planned = plan({ instructions: `${"x".repeat(limit("plan.goalLength") + 1)}\nmore` });

    expect(planned.goal).toHaveLength(limit("plan.goalLength"));
    expect(planned.goal.endsWith("…")).toBe(true);
  });

  it("adds what the run requires to what each step requires; where both name one, the step's counts", () => {
    const requires = { provider: "codex", features: ["gpu"], labels: { zone: "a", disk: "fast" } };

    const { steps } = plan({
      ...planSteps(
        command("plain"),
        command("own", { requires: { provider: "other", features: ["net", "gpu"], labels: { zone: "b" } } }),
      ),
      requires,
    });

    expect(steps[0]?.requires).toEqual(requires);
    expect(steps[1]?.requires).toEqual({
      provider: "other",
      features: ["gpu", "net"],
      labels: { zone: "b", disk: "fast" },
    });
    expect(plan(planSteps(command("plain"))).steps[0]).not.toHaveProperty("requires");
  });

  it("pins the project's command and the entries that the step may see", () => {
    const project = { env: { PUBLIC: "1", HIDDEN: "2" }, commands: { "deploy:prod": { argv: ["./deploy"] } } };

    const { steps } = plan(
      planSteps({ name: "ship", tool: "deploy:prod", envAllowed: ["PUBLIC", "ABSENT"] }, command("after")),
      project,
    );

    expect(steps[0]).toMatchObject({ command: { argv: ["./deploy"] }, environment: { PUBLIC: "1" } });
    expect(steps[1]).toMatchObject({ command: null, environment: {} });
  });

  it.each(["toString", "__proto__", "constructor"])("takes no %s for a project's command or entry", (name) => {
    const { steps } = plan(planSteps(command("a", { envAllowed: [name] })));

    expect(steps[0]?.environment).toEqual({});
    expect(Object.keys(steps[0]?.environment ?? { x: 1 })).toEqual([]);
  });

  it("knows every manual gate before a step, directly or through others", () => {
    const { steps } = plan(
      planSteps(
        command("build", { needs: [] }),
        { name: "ask", tool: "gate:manual", needs: ["build"] },
        command("side", { needs: ["build"] }),
        command("deploy", { needs: ["ask"] }),
        { name: "ask-again", tool: "gate:manual", needs: ["deploy"] },
        command("announce", { needs: ["ask-again", "side"] }),
      ),
    );

    expect(Object.fromEntries(steps.map(({ name, gates }) => [name, gates]))).toEqual({
      build: [],
      ask: [],
      side: [],
      deploy: [1],
      "ask-again": [1],
      announce: [1, 4],
    });
  });

  it("gives the same work the same key, and other work another", () => {
    const keyOf = (step: ReturnType<typeof command>, project = PROJECT) => plan(planSteps(step), project).steps[0]?.key;

    expect(keyOf(command("a", { timeoutMs: 500 }))).toBe(keyOf(command("a")));
    expect(
      new Set([
        keyOf(command("a")),
        keyOf(command("b")),
        keyOf({ ...command("a"), inputs: { shell: "x" } }),
        keyOf(command("a"), { ...PROJECT, id: "q" }),
      ]).size,
    ).toBe(4);
  });

  it("names an unknown tool where the caller wrote it, whatever order the steps come to", () => {
    const request = planSteps(
      command("last", { needs: ["first"] }),
      command("first", { needs: [] }),
      command("first", { needs: [] }),
      { name: "odd", tool: "teleport", needs: [] },
    );

    expect(() => plan(request)).toThrow(
      expect.objectContaining({
        code: "UNKNOWN_TOOL",
        details: { issues: [{ path: "plan.steps[3].tool", message: "no such tool" }] },
      }),
    );
  });

  it("asks for the agent that plays where a step has a script, and for none where it thinks", () => {
    const script = [{ do: "say" as const, text: "hi" }];
    const { steps } = plan(
      planSteps(
        { name: "plays", tool: "codegen", inputs: { prompt: "p", script } },
        { name: "thinks", tool: "codegen", inputs: { prompt: "p" } },
        { name: "deploys", tool: "deploy:p", inputs: { script: "a.sh" } },
      ),
    );

    expect(steps.map(({ requires }) => requires?.provider)).toEqual(["scripted", undefined, undefined]);
  });

  it.each(["deploy:", "backup:", "deploy:a/b", "gate:", "toString", "gate:Manual"])("knows no tool %s", (tool) => {
    expect(() => plan(planSteps({ name: "x", tool }))).toThrow(expect.objectContaining({ code: "UNKNOWN_TOOL" }));
  });

  it.each([
    ["nothing to run", { name: "x", tool: "command", inputs: {} }, "plan.steps[1].inputs"],
    ["an unknown input", { name: "x", tool: "command", inputs: { shell: "a", extra: 1 } }, "plan.steps[1].inputs"],
    [
      "a path out of the workspace",
      { name: "x", tool: "command", inputs: { shell: "a", cwd: "../b" } },
      "plan.steps[1].inputs.cwd",
    ],
    [
      "an argument with a NUL",
      { name: "x", tool: "command", inputs: { argv: ["a", "b\0"] } },
      "plan.steps[1].inputs.argv[1]",
    ],
    ["no prompt", { name: "x", tool: "codegen" }, "plan.steps[1].inputs.prompt"],
    [
      "a prompt that leaves no room for its file",
      { name: "x", tool: "codegen", inputs: { prompt: "p".repeat(limit("prompt.length")), filePath: "a.md" } },
      "plan.steps[1].inputs.prompt",
    ],
    [
      "a step that the scripted agent does not know",
      { name: "x", tool: "codegen", inputs: { prompt: "p", script: [{ do: "dance" }] } },
      "plan.steps[1].inputs.script[0].do",
    ],
    [
      "a script for an agent that thinks",
      {
        name: "x",
        tool: "codegen",
        inputs: { prompt: "p", script: [{ do: "hang" }] },
        requires: { provider: "codex" },
      },
      "plan.steps[1].requires.provider",
    ],
    [
      "an agent that is none",
      { name: "x", tool: "codegen", inputs: { prompt: "p" }, requires: { provider: "gpt" } },
      "plan.steps[1].requires.provider",
    ],
    [
      "more than the limit",
      { name: "x", tool: "deploy:p", inputs: { text: "é".repeat(limit("step.inputsBytes") / 2) } },
      "plan.steps[1].inputs",
    ],
  ])("refuses inputs with %s and says where", (_, step, path) => {
    const error = expect.objectContaining({
      code: "VALIDATION_ERROR",
      details: { issues: [expect.objectContaining({ path })] },
    });

    expect(() => plan(planSteps(command("a"), step))).toThrow(error);
  });
});
