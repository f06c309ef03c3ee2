import type { ScriptStepInput } from "@signalbox/agents/scripted-agent";
import type { SessionCommand } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import { GO_ON } from "../src/session/spoken-words.ts";
import { startFleet } from "./_support/fleet.ts";
import { isAlive } from "./_support/processes.ts";
import { startScripted, Talk } from "./_support/talk.ts";

const WRITE: ScriptStepInput[] = [
  { do: "say", text: "I will write it. " },
  { do: "write", path: "a.txt", text: "hi\n", deny: [{ do: "say", text: "Not then." }] },
];

describe("a session on a runner", () => {
  it.each(["required", "none"] as const)(
    "asks, acts when it may, and keeps what it made (sandbox %s)",
    async (sandbox) => {
      await using fleet = await startScripted();
      const talk = new Talk(fleet, WRITE, {}, { envelope: { sandbox } });

      const asked = await talk.decide("allow");
      await talk.fact("turn_ended");
      talk.close();
      const result = await talk.result();

      expect(result).toMatchObject({ outcome: "succeeded" });
      expect(result.changes).toBeDefined();
      expect(asked).toMatchObject({ kind: "permission", description: expect.stringContaining("a.txt") as string });
      expect(talk.words).toBe("I will write it. ");
      expect(talk.facts.map(({ fact }) => fact)).toEqual([
        "ready",
        "turn_started",
        "heard",
        "asked",
        "taken",
        "turn_ended",
        "taken",
        "ended",
      ]);
      expect(talk.facts.at(-1)).toEqual({ fact: "ended", reason: "finished" });
      await eventually(() => fleet.runner.status().attempts.length === 0);
      expect(await readdir(`${fleet.config.dataDir}/sessions`)).toEqual([]);
    },
  );

  it("does nothing on a yes to something else", async () => {
    await using fleet = await startScripted();
    const talk = new Talk(fleet, WRITE);

    await talk.decide("allow", { contentHash: "0".repeat(64) });
    await talk.fact("turn_ended");
    talk.close();
    const result = await talk.result();

    expect(talk.words).toContain("Not then.");
    expect(result.changes).toBeUndefined();
  });

  it("shows no secret to anybody: not in words, not in what it asks, wherever it is cut", async () => {
    await using fleet = await startScripted();
    // The agent says a word at a time.
    const secret = "hunter2 secret of the project";
    const talk = new Talk(
      fleet,
      [
        { do: "say", text: `the key is ${secret}, really` },
        { do: "run", argv: ["echo", secret] },
      ],
      {},
      { secrets: [{ name: "KEY", value: secret }] },
    );

    const asked = await talk.decide("allow");
    await talk.fact("turn_ended");
    talk.close();
    await talk.result();

    expect(JSON.stringify([talk.said, talk.facts])).not.toContain(secret);
    expect(talk.words).toBe("the key is [redacted:KEY], really");
    expect(talk.said.filter((event) => event.type === "text.delta").length).toBeGreaterThan(3);
    expect(asked.description).toContain("[redacted:KEY]");
    // The yes counted: what is hashed is what is shown.
    expect(talk.said.filter((event) => event.type === "tool.ended")).toMatchObject([{ status: "ok" }]);
  });

  it("takes commands once and in order, whatever order they come in", async () => {
    await using fleet = await startScripted();
    const talk = new Talk(fleet, [{ do: "say", text: "[{prompt}]" }]);
    await talk.fact("turn_ended");
    const prompt = (text: string): SessionCommand => ({ kind: "prompt", inputId: text, text });

    talk.tell(prompt("two"), 2);
    talk.tell(prompt("one"), 1);
    await eventually(() => talk.words.includes("[one]"));
    talk.tell(prompt("one again"), 1);
    await eventually(() => talk.facts.filter(({ fact }) => fact === "turn_ended").length >= 2);
    talk.tell({ kind: "close", reason: "finished" }, 3);
    await talk.result();

    const taken = talk.facts.flatMap((fact) => (fact.fact === "taken" ? [fact.seq] : []));
    expect(taken).toEqual([1, 2, 3]);
    expect(talk.words).not.toContain("one again");
  });

  it.each(["required", "none"] as const)("leaves nothing running when it is stopped (sandbox %s)", async (sandbox) => {
    await using fleet = await startScripted();
    const talk = new Talk(
      fleet,
      [{ do: "ignore_end" }, { do: "stray", forMs: 600_000 }, { do: "say", text: "up" }, { do: "hang" }],
      {},
      { envelope: { sandbox }, cancelGraceMs: 300 },
    );
    await eventually(() => talk.words === "up");
    const { attemptId, epoch } = talk.attempt.grant;

    fleet.fake.send({ type: "cancel", attemptId, epoch, mode: "cancel" });
    const result = await talk.result();

    expect(result).toMatchObject({ outcome: "cancelled" });
    await eventually(async () => !(await isAlive(attemptId)));
  });

  it("says that its agent was silent when it does not shake hands", async () => {
    await using fleet = await startScripted({
      program: { argv: [process.execPath, "-e", "setInterval(() => {}, 1e6)"], version: "1.0.0" },
      limits: { "handshake.timeoutMs": 300 },
    });
    const talk = new Talk(fleet, WRITE, {}, { inputs: { task: "Do it", mode: "task", permissions: "ask" } });

    const result = await talk.result();

    expect(result).toMatchObject({ outcome: "failed", reason: "runtime_error" });
    expect(talk.facts).toMatchObject([{ fact: "ended", reason: "agent_silent" }]);
  });

  it.each([
    ["agent_crashed", [{ do: "say", text: "Oh. " }, { do: "crash" }]],
    ["protocol_error", [{ do: "garbage", lines: 200 }, { do: "hang" }]],
  ] satisfies [string, ScriptStepInput[]][])("says that its agent went wrong: %s", async (reason, steps) => {
    await using fleet = await startScripted();
    const talk = new Talk(fleet, steps);

    const result = await talk.result();

    expect(result).toMatchObject({ outcome: "failed", reason: "runtime_error" });
    expect(talk.facts.at(-1)).toMatchObject({ fact: "ended", reason });
  });

  it("says that this machine does not have the agent", async () => {
    await using fleet = await startFleet({ agents: new Map() });
    const talk = new Talk(fleet, WRITE);

    const result = await talk.result();

    expect(result).toMatchObject({ outcome: "failed", reason: "missing_dependency" });
    expect(talk.facts).toMatchObject([{ fact: "ended", reason: "provider_unavailable" }]);
  });

  it("records what the control plane acts on, however much its agent says", async () => {
    await using fleet = await startScripted();
    const talk = new Talk(fleet, [{ do: "say", text: "x".repeat(5_000) }], {}, { outputBytes: 2_000 });

    await talk.fact("turn_ended");
    talk.close();
    const result = await talk.result();

    expect(result.outcome).toBe("succeeded");
    expect(fleet.fake.output(talk.attempt, "agent").length).toBeLessThanOrEqual(2_000);
  });

  it("uses a home of the owner's as it is, in a sandbox too", async () => {
    await using home = await (await import("@signalbox/testkit")).tempDir();
    await using fleet = await startScripted({ home: home.path });
    const talk = new Talk(fleet, [{ do: "say", text: "hi" }], {}, { envelope: { sandbox: "required" } });

    await talk.fact("turn_ended");
    const [scriptFile] = await readdir(`${home.path}/.signalbox/ses_1.0`);
    talk.close();
    const result = await talk.result();

    expect(result.outcome).toBe("succeeded");
    expect(scriptFile).toBeDefined();
    expect(existsSync(`${home.path}/.signalbox/ses_1.0`)).toBe(false);
    expect(existsSync(home.path)).toBe(true);
  });
});

describe("a session that another attempt had begun", () => {
  it("is loaded, and goes on where it was cut off", async () => {
    await using fleet = await startScripted();
    const first = new Talk(fleet, [{ do: "say", text: "Working. " }, { do: "hang" }]);
    await eventually(() => first.words !== "");
    const { nativeSessionId = null } = await first.fact("ready");
    await fleet.restart();
    expect((await first.result()).outcome).toBe("interrupted");

    const second = new Talk(
      fleet,
      [{ do: "say", text: "{prompt} {earlier}" }],
      { turns: 1, wasWorking: true, nativeSessionId },
      {},
    );
    await second.fact("turn_ended");
    second.close();
    await second.result();

    expect(await second.fact("ready")).toMatchObject({ resumed: "loaded", nativeSessionId });
    expect(second.words).toContain(GO_ON);
  });

  it("says nothing by itself when its turn was over", async () => {
    await using fleet = await startScripted();
    const talk = new Talk(fleet, [{ do: "say", text: "hi" }], { turns: 1, wasWorking: false });

    await talk.fact("ready");
    talk.close();
    await talk.result();

    expect(talk.words).toBe("");
  });
});

describe("the process of an agent", () => {
  it("has nothing of the runner's environment", async () => {
    await using fleet = await startScripted({}, { hostEnvironment: { A_SECRET: "of the machine", LANG: "C" } });
    const talk = new Talk(fleet, [{ do: "hang" }], {}, { envelope: { sandbox: "none" } });
    await talk.fact("turn_started");

    const names = await environmentOf(talk.attempt.grant.attemptId);
    talk.tell({ kind: "interrupt" });
    talk.close();
    await talk.result();

    expect(names).toEqual(expect.arrayContaining(["HOME", "PATH", "TMPDIR", "SIGNALBOX_AGENT_SESSION"]));
    expect(names).not.toContain("A_SECRET");
    expect(names).not.toContain("LANG");
  });
});

/** The names of the variables of the agent that works for an attempt. */
async function environmentOf(attemptId: string): Promise<string[]> {
  return eventually(async () => {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    for (const pid of pids) {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      if (!environment.includes(attemptId) || !environment.includes("SIGNALBOX_AGENT_SESSION=")) continue;
      return environment.split("\0").flatMap((entry) => (entry === "" ? [] : [entry.slice(0, entry.indexOf("="))]));
    }
    return undefined;
  });
}
