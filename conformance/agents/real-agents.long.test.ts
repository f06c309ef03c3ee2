import { rm } from "node:fs/promises";

import type { AgentEventOf } from "@signalbox/agents";
import { stubPrompt, type ScenarioInput } from "@signalbox/agents/model-stub";
import { eventually } from "@signalbox/testkit";
import { expect, it } from "vitest";

import { findDamage } from "../_support/find-damage.ts";
import { makeGitRepository } from "../_support/git-repository.ts";
import { describeRealAgents, FAKE_KEY, MODELS, writing } from "../_support/real-agent-env.ts";
import { SessionFollower } from "../_support/session-follower.ts";

describeRealAgents(({ name, real }) => {
  it("is interrupted in the middle of a turn, and takes the next", async () => {
    const slow: ScenarioInput = { scenario: "slow", pieces: 600, intervalMs: 100 };
    const { session, follower } = await real().open(slow, { mode: "interactive" });
    await using _ = follower;
    await follower.until(() => follower.words.length > 0);

    await real().client.sessions.interrupt(session.sessionId);
    const turn = await follower.turnEnd(1);
    const text = stubPrompt({ scenario: "text", text: "Here again." });
    await real().client.sessions.say(session.sessionId, { text });
    await follower.until(() => follower.words.includes("Here again."));
    await follower.turnEnd(2);
    await real().client.sessions.stop(session.sessionId);
    const ended = await follower.end();

    expect(turn.data).toMatchObject({ status: "cancelled" });
    await eventually(() => real().stub.requests.some(({ outcome }) => outcome === "aborted"));
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
  });

  it("runs commands that see nothing of the machine's environment", async () => {
    const { follower } = await real().open({ scenario: "run_command", command: "env" }, { permissions: "all" });
    await using _ = follower;

    const ended = await follower.end();
    const results = real().stub.requests.flatMap(({ toolResults }) =>
      toolResults.map((result) => JSON.stringify(result)),
    );
    const environment = results.find((result) => result.includes("HOME=")) ?? "";

    expect(ended.state).toBe("COMPLETED");
    expect(environment).toContain("PATH=");
    expect(environment).not.toMatch(/A_SECRET_OF|must not be seen|SIGNALBOX_(URL|ENROLMENT|RUNNER|AGENTS)/);
    expect(environment).not.toContain(FAKE_KEY);
  });

  it.each([429, 500] as const)("fails, and says why, when its model answers %i", async (status) => {
    const { follower } = await real().open({ scenario: "error", status });
    await using _ = follower;

    const ended = await follower.end();

    expect(ended).toMatchObject({ state: "FAILED", reason: "agent_failed" });
    const failed = follower.said.filter((event): event is AgentEventOf<"turn.ended"> => event.type === "turn.ended");
    expect(failed.at(-1)).toMatchObject({ status: "failed" });
  });

  it("goes on with its conversation after its runner was killed in the middle of a turn", async () => {
    const { session, follower } = await real().open({ scenario: "text", text: "First." }, { mode: "interactive" });
    await using _ = follower;
    const { sessionId } = session;
    await follower.turnEnd(1);
    const said = follower.words.length;
    const slow = stubPrompt({ scenario: "slow", pieces: 600, intervalMs: 100 });
    await real().client.sessions.say(sessionId, { text: slow });
    await follower.until(() => follower.words.length > said);

    await real().env.runner.kill();
    await real().env.runner.start();
    await follower.until(() => follower.types.filter((type) => type === "turn.started").length === 3, "to go on");
    // What it was told to go on with may last; one that has ended by now is left alone.
    await real().client.sessions.interrupt(sessionId);
    await follower.turnEnd(2);
    await real().client.sessions.say(sessionId, { text: stubPrompt({ scenario: "recall" }) });
    const recalled = await follower.until(() => /(\d+) earlier/.exec(follower.words)?.[1], "what it remembers");
    await follower.turnEnd(3);
    const { resumed } = await real().client.sessions.get(sessionId);
    await real().client.sessions.stop(sessionId);
    const ended = await follower.end();

    expect(resumed).toBe("loaded");
    expect(Number(recalled)).toBeGreaterThanOrEqual(2);
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
  });

  it("is told what was said where its home has gone with its machine", async () => {
    const { session, follower } = await real().open({ scenario: "text", text: "The hull." }, { mode: "interactive" });
    await using _ = follower;
    const { sessionId } = session;
    await follower.turnEnd(1);

    await real().env.runner.kill();
    await rm(`${real().env.runner.dataDir}/sessions`, { recursive: true });
    await real().env.runner.start();
    await follower.until(() => follower.types.filter((type) => type === "session.started").length === 2, "a new start");
    await real().client.sessions.say(sessionId, { text: stubPrompt({ scenario: "text", text: "The mast." }) });
    await follower.turnEnd(2);
    const { resumed, resumeFailure } = await real().client.sessions.get(sessionId);
    await real().client.sessions.stop(sessionId);
    const ended = await follower.end();

    expect([resumed, resumeFailure]).toEqual(["bootstrapped", expect.stringMatching(/^not loaded: /)]);
    const told = real().stub.requests.map(({ body }) => JSON.stringify(body));
    expect(told.some((body) => /its history could not be loaded.*<agent>\\+nThe hull\..*The mast\./.test(body))).toBe(
      true,
    );
    expect(ended).toMatchObject({ state: "COMPLETED", reason: "closed" });
  });

  it("knows what its workspace has for agents to know", async () => {
    const own = { codex: "AGENTS.md", claude_code: "CLAUDE.md", gemini_cli: "GEMINI.md" }[real().agent.provider];
    const others = ["CLAUDE.md", "GEMINI.md"].filter((name) => name !== own);
    const url = await makeGitRepository(real().env.dir.file("noted"), {
      [own]: `For ${real().agent.provider}: use tabs.`,
      ...Object.fromEntries(others.map((name) => [name, "For another: use spaces."])),
    });
    const { follower } = await real().open({ scenario: "text", text: "Fine." }, { repo: { url } });
    await using _ = follower;

    const ended = await follower.end();

    expect(ended.state).toBe("COMPLETED");
    const told = real().stub.requests.map(({ body }) => JSON.stringify(body));
    expect(told.some((body) => body.includes(`For ${real().agent.provider}: use tabs.`))).toBe(true);
    expect(told.some((body) => body.includes("For another"))).toBe(false);
  });

  it("shows a command that looks into every process nothing of the machine, nor the key of its model", async ({
    skip,
  }) => {
    skip(!(await real().isEnclosed()), "this runner has no sandbox");
    const look = "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | sort -u | tail -c 20000; echo LOOKED";
    const { follower } = await real().open({ scenario: "run_command", command: look }, { permissions: "all" });
    await using _ = follower;

    await follower.end();
    const results = real().stub.requests.flatMap(({ toolResults }) => toolResults.map((each) => JSON.stringify(each)));
    const seen = results.find((result) => result.includes("LOOKED")) ?? "";

    expect(seen).toContain("HOME=");
    expect(seen).not.toContain(FAKE_KEY);
    expect(seen).not.toMatch(/A_SECRET_OF|must not be seen|SIGNALBOX_(URL|ENROLMENT|RUNNER|AGENTS)/);
  });

  it("works on a step without a person: writes what the step allows, and runs nothing that it does not", async ({
    skip,
  }) => {
    if (!(await real().knowsItsFolder())) skip("Claude writes to absolute paths only");
    const step = (name: string, scenario: ScenarioInput) => ({
      name,
      tool: `agent:${real().agent.provider}`,
      inputs: { task: stubPrompt(scenario), permissions: "all", ...MODELS[real().agent.provider] },
      toolsAllowed: ["write_file"],
    });
    const { id } = await real().client.runs.create({
      plan: {
        goal: "write only",
        steps: [
          step("write", writing(real().agent)),
          step("run", { scenario: "run_command", command: "touch ran.txt" }),
        ],
      },
    });

    const { steps, artifacts } = await real().client.runs.wait(id);
    const { files } = await real().client.files.list(id);
    await using follower = new SessionFollower(real().client, steps[1]?.sessionId ?? "", id);
    await follower.end();

    expect(steps[0]).toMatchObject({ status: "succeeded", outputs: { agent: name, files: ["hello.txt"] } });
    expect(artifacts.map(({ path }) => path)).toEqual(["hello.txt"]);
    expect(files.map(({ path }) => path)).toEqual(["hello.txt"]);
    expect(follower.events.find(({ type }) => type === "tool.denied")?.data).toMatchObject({
      description: expect.stringContaining("touch ran.txt") as string,
    });
  });

  it("works on a prompt, where the machine's owner has it do so", async ({ skip }) => {
    if (!(await real().knowsItsFolder())) skip("Claude writes to absolute paths only");

    const { id } = await real().client.runs.create({ standard: { prompt: stubPrompt(writing(real().agent)) } });
    const { run, steps, artifacts } = await real().client.runs.wait(id);
    const session = await real().client.sessions.get(steps[0]?.sessionId ?? "");

    expect(run.status).toBe("succeeded");
    expect(session).toMatchObject({ providerId: name, state: "COMPLETED", turns: 1 });
    expect(artifacts.map(({ path }) => path)).toEqual(["hello.txt"]);
  });

  it("leaves, with all the others, data that adds up", async () => {
    expect(await findDamage(real().env.server)).toEqual([]);
  });
});
