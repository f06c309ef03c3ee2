import { hashEnvelope, sha256Hex } from "@signalbox/protocol/hash";
import type { StartGrant } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";

import { startFleet } from "./_support/fleet.ts";
import { grantOf, shell } from "./_support/grants.ts";
import { isAlive } from "./_support/processes.ts";

describe("an attempt", () => {
  it("runs, streams its output and is finished when the control plane says so", async () => {
    await using fleet = await startFleet();

    const attempt = fleet.fake.offer(shell("printf hello; printf oops >&2; exit 3"));
    const result = await fleet.fake.resultOf(attempt);

    expect(result).toMatchObject({ outcome: "failed", reason: "tool_failure", exitCode: 3 });
    expect(fleet.fake.text(attempt)).toBe("hello");
    expect(fleet.fake.text(attempt, "stderr")).toBe("oops");
    expect(result.streams.find(({ stream }) => stream === "stdout")).toEqual({
      stream: "stdout",
      length: 5,
      sha256: sha256Hex("hello"),
    });
    expect(fleet.fake.of("started")).toMatchObject([{ envelopeHash: attempt.grant.envelopeHash }]);
    await eventually(() => fleet.runner.status().attempts.length === 0);
  });

  it("passes arguments, input and working directory to a program", async () => {
    await using fleet = await startFleet();
    const script =
      "process.stdin.pipe(process.stdout); console.log(process.cwd(), process.argv[1], process.env.GREETING)";

    const attempt = fleet.fake.offer(
      grantOf({
        inputs: { argv: ["node", "-e", script, "$HOME; rm"], stdin: "from stdin", env: { GREETING: "hi" } },
        envelope: { sandbox: "required" },
      }),
    );
    const result = await fleet.fake.resultOf(attempt);

    expect(result.outcome).toBe("succeeded");
    expect(fleet.fake.text(attempt)).toBe("/work $HOME; rm hi\nfrom stdin");
  });

  it.each([
    ["required", { sandbox: "required" as const }],
    ["none", { sandbox: "none" as const }],
  ])("kills the whole tree at once on abort (sandbox %s)", async (_name, envelope) => {
    await using fleet = await startFleet();
    const attempt = fleet.fake.offer(
      shell(
        "trap '' TERM; (setsid sh -c \"trap '' TERM; while :; do sleep 9; done\" &) ; echo up; while :; do sleep 9; done",
        { envelope },
      ),
    );
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    const { attemptId, epoch } = attempt.grant;
    fleet.fake.send({ type: "cancel", attemptId, epoch, mode: "abort" });
    const result = await fleet.fake.resultOf(attempt);

    expect(result).toMatchObject({ outcome: "cancelled", reason: "cancelled" });
    await eventually(async () => !(await isAlive(attemptId)));
  });

  it("lets a step clean up on cancel, and keeps what it then says", async () => {
    await using fleet = await startFleet();
    const attempt = fleet.fake.offer(shell("trap 'echo cleaned; exit 0' TERM; echo up; while :; do sleep 0.05; done"));
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    attempt.verdict = "cancel";
    const result = await fleet.fake.resultOf(attempt);

    expect(result.outcome).toBe("cancelled");
    expect(fleet.fake.text(attempt)).toBe("up\ncleaned\n");
  });

  it("kills what does not heed a cancel after the grace that the grant names", async () => {
    await using fleet = await startFleet();
    const attempt = fleet.fake.offer(
      shell("trap '' TERM; echo up; while :; do sleep 0.05; done", { cancelGraceMs: 200 }),
    );
    await eventually(() => fleet.fake.text(attempt) === "up\n");

    attempt.verdict = "cancel";
    const result = await fleet.fake.resultOf(attempt, 3_000);

    expect(result.outcome).toBe("cancelled");
  });

  it("ends at its time limit with the reason timeout", async () => {
    await using fleet = await startFleet();

    const attempt = fleet.fake.offer(shell("echo up; sleep 60", { envelope: { timeoutMs: 300 }, cancelGraceMs: 500 }));
    const result = await fleet.fake.resultOf(attempt);

    expect(result).toMatchObject({ outcome: "failed", reason: "timeout" });
    expect(fleet.fake.text(attempt)).toBe("up\n");
  });

  it("fails as missing_dependency when the program is nowhere", async () => {
    await using fleet = await startFleet();

    const attempt = fleet.fake.offer(grantOf({ inputs: { argv: ["no-such-program"] } }));

    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "failed", reason: "missing_dependency" });
  });

  it("declines an offer when every slot is taken", async () => {
    await using fleet = await startFleet({ slots: 1 });
    const first = fleet.fake.offer(shell("echo up; sleep 60"));
    await eventually(() => fleet.fake.text(first) === "up\n");

    fleet.fake.offer(shell("true"));

    await eventually(() => fleet.fake.of("decline").length === 1);
    expect(fleet.fake.of("decline")[0]?.reason).toContain("slot");
  });

  it("answers a probe", async () => {
    await using fleet = await startFleet();

    fleet.fake.send({ type: "probe", probeId: "p1" });

    expect(await eventually(() => fleet.fake.of("probe_ack").at(-1))).toMatchObject({ probeId: "p1" });
  });
});

describe("the last look before a process starts", () => {
  const witness = (dir: string) => `touch ${dir}/witness`;

  it("starts nothing when any field of the envelope is not what was hashed", async () => {
    await using fleet = await startFleet();
    const valid = shell(witness(fleet.dir.path), { envelope: { sandbox: "none" } });
    const changed: Partial<StartGrant["envelope"]>[] = [
      { orgId: "other" },
      { projectId: "other" },
      { step: "other" },
      { idempotencyKey: "other" },
      { tool: "gate:test" },
      { inputs: { shell: `${witness(fleet.dir.path)} ` } },
      { command: { shell: "true" } },
      { toolsAllowed: [] },
      { envAllowed: ["HOME"] },
      { secretsScope: "prod" },
      { repo: { url: "https://git.example/x" } },
      { artifacts: ["x"] },
      { network: "host" },
      { timeoutMs: 59_999 },
      { onDisconnect: "continue" },
      { approvals: [{ gateId: "g", contentHash: "h" }] },
      { runId: "run_other" },
      { baseManifest: "0".repeat(64) },
      { sandbox: "auto" },
      { environmentHash: "0".repeat(64) },
      { secretNames: ["X"] },
    ];
    expect(new Set(changed.flatMap((change) => Object.keys(change))).size).toBe(Object.keys(valid.envelope).length - 1);

    const attempts = changed.map((change, index) =>
      fleet.fake.offer({ ...valid, attemptId: `att_mutated${index}`, envelope: { ...valid.envelope, ...change } }),
    );
    // Five slots at a time: declined offers are offered again, as a control plane does.
    const results = [];
    for (const attempt of attempts) {
      await eventually(
        () =>
          attempt.result ??
          (attempt.status === "offered" &&
            fleet.runner.status().freeSlots > 0 &&
            fleet.fake.offerAgain(attempt) &&
            false),
      );
      results.push(attempt.result);
    }

    expect(results.map((result) => [result?.outcome, result?.reason])).toEqual(
      changed.map(() => ["failed", "envelope_mismatch"]),
    );
    expect(fleet.fake.of("started")).toEqual([]);
    expect(existsSync(fleet.dir.file("witness"))).toBe(false);
  });

  it("starts nothing with another environment than the one in the envelope", async () => {
    await using fleet = await startFleet();
    const grant = shell(witness(fleet.dir.path), { environment: { STAGE: "test" }, envelope: { sandbox: "none" } });

    const attempt = fleet.fake.offer({ ...grant, environment: { STAGE: "prod" } });

    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "failed", reason: "envelope_mismatch" });
    expect(existsSync(fleet.dir.file("witness"))).toBe(false);
  });

  it("starts nothing with secrets that the envelope does not name", async () => {
    await using fleet = await startFleet();
    const grant = shell(witness(fleet.dir.path), { envelope: { sandbox: "none" } });

    const attempt = fleet.fake.offer({ ...grant, secrets: [{ name: "LD_PRELOAD", value: "/tmp/evil.so" }] });

    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "failed", reason: "envelope_mismatch" });
  });

  it("starts nothing once the owner's policy has expired", async () => {
    await using fleet = await startFleet({ policy: { expiresAt: "2020-01-01T00:00:00.000Z" } });

    const attempt = fleet.fake.offer(shell("true"));

    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "failed", reason: "envelope_mismatch" });
    expect(fleet.fake.of("started")).toEqual([]);
  });

  it("fails a start that it cannot read, rather than leave it without a word", async () => {
    await using fleet = await startFleet();
    const grant = shell("true");
    const attempt = fleet.fake.offer(grant);
    await eventually(() => attempt.result);

    const next = shell("true");
    const unknown = { ...next.envelope, somethingNew: true };
    const later = fleet.fake.expectAttempt(next);
    fleet.fake.sendRaw({
      type: "start",
      offerId: "off_x",
      grant: { ...next, envelope: unknown, envelopeHash: hashEnvelope(unknown) },
    });

    expect(await fleet.fake.resultOf(later)).toMatchObject({ outcome: "failed", reason: "envelope_mismatch" });
  });
});

describe("the policy of the machine's owner", () => {
  it.each([
    ["a project", { projects: ["other-*"] }, {}],
    ["an org", { orgs: ["other"] }, {}],
    [
      "a repository",
      { repositories: ["https://git.example/team/*"] },
      { repo: { url: "https://git.example/other/x" } },
    ],
    ["a repository on its own disk", {}, { repo: { url: "file:///tmp/x" } }],
    ["a longer time limit", { maxTimeoutMs: 1_000 }, {}],
  ])("refuses %s that it does not allow", async (_name, policy, envelope) => {
    await using fleet = await startFleet({ policy });

    const attempt = fleet.fake.offer(shell("true", { envelope }));

    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "failed", reason: "policy_refused" });
    expect(fleet.fake.of("started")).toEqual([]);
  });

  it("declines the offer of a tool that it does not allow", async () => {
    await using fleet = await startFleet({ policy: { tools: ["gate:*"] } });

    fleet.fake.offer(shell("true"));

    expect(await eventually(() => fleet.fake.of("decline").at(0)?.reason)).toContain("does not allow");
  });

  it("holds a step in the sandbox that asks for none, when the owner demands one", async () => {
    await using fleet = await startFleet({ policy: { sandbox: "required" } });

    const attempt = fleet.fake.offer(shell("pwd", { envelope: { sandbox: "none" } }));
    await fleet.fake.resultOf(attempt);

    expect(fleet.fake.text(attempt)).toBe("/work\n");
    expect(fleet.fake.of("started")).toMatchObject([{ sandbox: { engine: "bubblewrap", network: "none" } }]);
  });

  it("says so when a step demands a sandbox that is not there", async () => {
    await using fleet = await startFleet({ sandbox: "none" });

    const attempt = fleet.fake.offer(shell("true", { envelope: { sandbox: "required" } }));

    expect(await fleet.fake.resultOf(attempt)).toMatchObject({ outcome: "failed", reason: "sandbox_unavailable" });
  });
});
