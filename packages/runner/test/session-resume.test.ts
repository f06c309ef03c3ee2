import { execFileSync } from "node:child_process";
import { rm } from "node:fs/promises";
import type { AgentEvent } from "@signalbox/agents";
import type { ScriptStepInput } from "@signalbox/agents/scripted-agent";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { AGAIN, GO_ON } from "../src/session/spoken-words.ts";
import { makeRepository } from "./_support/git-repository.ts";
import type { GrantInput } from "./_support/grants.ts";
import { startScripted, Talk } from "./_support/talk.ts";

/** Says what it is told, all of it. */
const ECHO: ScriptStepInput[] = [{ do: "say", text: "I was told: {prompt}", pauseMs: 0 }];
const GONE = "01a1fc8a-3340-4933-9cc6-823354d9214c";

const RECORD: AgentEvent[] = [
  { type: "turn.started", turnId: "turn-1", prompt: "build a boat" },
  { type: "tool.started", toolCallId: "t", kind: "command", title: "saw" },
  { type: "tool.ended", toolCallId: "t", status: "ok" },
  { type: "text.delta", messageId: "m", text: "The hull is" },
];

const linesOf = (events: readonly AgentEvent[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join("");

/** Lets an attempt go on with an earlier conversation, of which there is this record; what the agent said then. */
async function goOn(record: string | undefined, about: object = {}): Promise<{ talk: Talk; asked: readonly string[] }> {
  await using fleet = await startScripted();
  const talk = new Talk(fleet, ECHO, { turns: 1, wasWorking: true, nativeSessionId: GONE, ...about });
  if (record !== undefined) fleet.fake.records.set(talk.attempt.grant.attemptId, record);
  await talk.fact("turn_ended");
  talk.close();
  await talk.result();
  return { talk, asked: fleet.fake.recordsAsked };
}

describe("a conversation that its agent cannot load", () => {
  it("is told to it, from the record of the attempts before, with what was cut off there", async () => {
    const { talk, asked } = await goOn(linesOf(RECORD));

    expect(await talk.fact("ready")).toMatchObject({
      resumed: "bootstrapped",
      resumeFailure: expect.stringMatching(/^not loaded: /) as string,
    });
    expect(talk.words).toContain(
      "<user>\nbuild a boat\n</user>\n<tool>\nsaw: ok\n</tool>\n<agent>\nThe hull is…\n</agent>",
    );
    expect(talk.words).toContain(`Now go on with this:\n${GO_ON}`);
    expect(asked).toEqual([`${talk.attempt.grant.attemptId} ${talk.attempt.grant.epoch}`]);
  });

  it.each([
    ["nothing is on record", "", /not loaded: .*; not told of it: nothing of it is on record$/],
    ["its record is not given", undefined, /; not told of it: its record cannot be read: .* \(404\)$/],
  ])("is begun anew where %s, and that is said", async (_, record, resumeFailure) => {
    const { talk } = await goOn(record);

    expect(await talk.fact("ready")).toMatchObject({
      resumed: "fresh",
      resumeFailure: expect.stringMatching(resumeFailure) as string,
    });
    expect(talk.words).toBe(`I was told: ${GO_ON}`);
  });

  it("is told though nobody knows its name any more", async () => {
    const { talk } = await goOn(linesOf(RECORD), { nativeSessionId: null });

    expect(await talk.fact("ready")).toMatchObject({
      resumed: "bootstrapped",
      resumeFailure: "not loaded: its name is not known",
    });
  });

  it("begins with the task where no agent had heard it", async () => {
    const { talk } = await goOn("", { turns: 0 });

    expect(talk.words).toBe(`I was told: ${AGAIN}Do it`);
  });
});

describe("a conversation that its agent can load", () => {
  it("is not asked for", async () => {
    await using fleet = await startScripted();
    const first = new Talk(fleet, [{ do: "say", text: "Working. " }, { do: "hang" }]);
    await eventually(() => first.words !== "");
    const { nativeSessionId = null } = await first.fact("ready");
    await fleet.restart();
    await first.result();

    const second = new Talk(fleet, ECHO, { turns: 1, wasWorking: true, nativeSessionId });
    await second.fact("turn_ended");
    second.close();
    await second.result();

    const ready = await second.fact("ready");
    expect([ready.resumed, ready.resumeFailure, fleet.fake.recordsAsked]).toEqual(["loaded", undefined, []]);
  });

  it("is told where the agent's home has gone", async () => {
    await using fleet = await startScripted();
    const first = new Talk(fleet, ECHO);
    await first.fact("turn_ended");
    const { nativeSessionId = null } = await first.fact("ready");
    await fleet.restart();
    await first.result();
    await rm(fleet.dir.file("data/sessions"), { recursive: true, force: true });

    const second = new Talk(fleet, ECHO, { turns: 1, wasWorking: true, nativeSessionId });
    fleet.fake.records.set(second.attempt.grant.attemptId, linesOf(first.said));
    await second.fact("turn_ended");
    second.close();
    await second.result();

    expect(await second.fact("ready")).toMatchObject({ resumed: "bootstrapped" });
    expect(second.words).toContain("<user>\nDo it\n</user>");
  });
});

describe("an attempt that is stopped", () => {
  it("ends its agent, and not the agent's turn", async () => {
    await using fleet = await startScripted();
    const talk = new Talk(fleet, [{ do: "say", text: "Working. " }, { do: "hang" }]);
    await eventually(() => talk.words !== "");

    const { attemptId, epoch } = talk.attempt.grant;
    fleet.fake.send({ type: "cancel", attemptId, epoch, mode: "cancel" });
    await talk.result();

    expect(talk.said.at(-1)?.type).toBe("process.exited");
    expect(talk.facts.map(({ fact }) => fact)).toEqual(["ready", "turn_started", "heard"]);
  });
});

describe("what a workspace has for agents to know", () => {
  /** What an agent is told first in a workspace made from a repository with these files, after some shell. */
  async function told(files: Record<string, string>, shell = "true"): Promise<{ words: string; output: string }> {
    await using fleet = await startScripted({}, { policy: { allowFileRepositories: true } });
    const repo = makeRepository(fleet.dir, files);
    const commit = "git add --all && git -c user.name=t -c user.email=t@t commit --quiet --allow-empty -m more";
    execFileSync("sh", ["-c", `cd ${repo.path} && ${shell} && ${commit}`]);
    const input: GrantInput = { envelope: { repo: { url: repo.url } } };
    const talk = new Talk(fleet, ECHO, {}, input);
    await talk.fact("turn_ended");
    talk.close();
    await talk.result();
    return { words: talk.words, output: fleet.fake.text(talk.attempt, "stderr") };
  }

  it("is told to the agent before its task, and that it was is said", async () => {
    const { words, output } = await told({ "AGENTS.md": "Use tabs.", "CLAUDE.md": "Be brief." });

    expect(words).toMatch(/--- AGENTS.md ---\nUse tabs.\n--- end of AGENTS.md ---\n\nDo it$/);
    expect(words).not.toContain("Be brief.");
    expect(output).toContain("signalbox: the agent is told what stands in AGENTS.md\n");
  });

  it("is found behind a link inside of it", async () => {
    const { words } = await told({ "docs/for-agents.md": "Use tabs." }, "ln -s docs/for-agents.md AGENTS.md");

    expect(words).toContain("Use tabs.");
  });

  it("is nothing where a link leads out of it", async () => {
    const { words, output } = await told({ "README.md": "Hello." }, "ln -s /etc/hostname AGENTS.md");

    expect(words).toBe("I was told: Do it");
    expect(output).toBe("");
  });
});
