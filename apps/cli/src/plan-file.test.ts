import { describe, expect, it } from "vitest";

import { CommandError } from "./errors.ts";
import { parsePlan } from "./plan-file.ts";

describe("parsePlan", () => {
  it("reads a plan from YAML and from JSON", () => {
    const plan = { goal: "g", steps: [{ name: "a", tool: "command", inputs: { shell: "true" } }] };

    expect(parsePlan("goal: g\nsteps:\n- {name: a, tool: command, inputs: {shell: 'true'}}\n", "p")).toEqual({ plan });
    expect(parsePlan(JSON.stringify(plan), "p")).toEqual({ plan });
  });

  it("reads a whole request", () => {
    expect(parsePlan("projectId: web\nstandard: { prompt: hello }\n", "p")).toEqual({
      projectId: "web",
      standard: { prompt: "hello" },
    });
  });

  it.each([
    ["what is no YAML", "goal: g\nsteps: [\n", "p:3:1: "],
    ["a missing goal", "steps:\n- {name: a, tool: command, inputs: {shell: x}}\n", "p:1:1: goal: "],
    ["a wrong type", "goal: g\nsteps:\n- name: 7\n  tool: command\n", "p:3:9: step 1, name: "],
    [
      "an unknown field",
      "goal: g\nsteps:\n- name: a\n  tool: command\n  inputs: {shell: x}\n  timeoutMS: 5\n",
      'p:6:3: step "a": there is no field "timeoutMS" here; did you mean "timeoutMs"?',
    ],
    [
      "an unknown field at the top",
      "gaol: g\ngoal: g\nsteps:\n- {name: a, tool: command, inputs: {shell: x}}\n",
      'p:1:1: there is no field "gaol" here; did you mean "goal"?',
    ],
    [
      "an unknown tool",
      "goal: g\nsteps:\n- name: a\n  tool: gate:tests\n",
      'p:4:9: step "a", tool: there is no tool "gate:tests"; did you mean "gate:test"?',
    ],
    [
      "inputs that the tool does not take",
      "goal: g\nsteps:\n- name: a\n  tool: command\n  inputs:\n    shell: x\n    argv: [y]\n",
      'p:6:5: step "a", inputs: needs either argv or shell',
    ],
    [
      "a need that is no step",
      "goal: g\nsteps:\n- {name: build, tool: command, inputs: {shell: x}}\n- {name: b, tool: command, inputs: {shell: x}, needs: [biuld]}\n",
      'p:4:56: step "b", needs.0: no step is called "biuld"; did you mean "build"?',
    ],
    [
      "a name used twice",
      "goal: g\nsteps:\n- {name: a, tool: command, inputs: {shell: x}}\n- {name: a, tool: command, inputs: {shell: x}}\n",
      'p:4:10: step "a", name: another step is called "a" already',
    ],
    [
      "a field in the other spelling",
      "goal: g\nsteps:\n- name: a\n  tool: command\n  inputs: {shell: x}\n  secrets_scope: '-'\n",
      'p:6:18: step "a", secretsScope: must be a word',
    ],
    ["a key that is there twice", "goal: g\ngoal: h\n", "p:2:1: "],
  ])("names the place of %s", (_, text, expected) => {
    expect(messageOf(text)).toContain(`\n  ${expected}`);
  });

  it("shows the line and points at the place", () => {
    expect(messageOf("goal: g\nsteps:\n- name: a\n  tool: comand\n")).toMatch(
      / {4}4 \| {3}tool: comand\n {6}\| {9}\^$/,
    );
  });

  it("names every mistake, in the order of the file", () => {
    const message = messageOf("goal: g\nsteps:\n- {name: a, tool: x}\n- {name: b, tool: y}\n");

    expect(message.match(/p:\d+:\d+/g)).toEqual(["p:3:19", "p:4:19"]);
  });

  it("refuses a file that grows by its aliases", () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g", "h"].map((name, index) => `${name}: &${name} [${`*${"abcdefg"[index]},`.repeat(9)}]`).join("\n")}\n`;

    expect(() => parsePlan(bomb, "p")).toThrow(CommandError);
  });
});

function messageOf(text: string): string {
  try {
    parsePlan(text, "p");
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
  throw new Error("the plan was taken");
}
