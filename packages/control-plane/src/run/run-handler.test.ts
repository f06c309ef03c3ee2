import { hashGateContent } from "@signalbox/protocol/hash";
import type { CreateRunInput } from "@signalbox/protocol";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { caller, command, dataOf, keyed, Rig } from "../../test/_support/rig.ts";

const GATE = { name: "ask", tool: "gate:manual" } as const;

describe("RunHandler.createRun", () => {
  it.each<[string, CreateRunInput, string, string]>([
    ["nothing to do", {}, "VALIDATION_ERROR", ""],
    ["two ways at once", { command: "a", instructions: "b" }, "VALIDATION_ERROR", "command"],
    ["an unknown field", { command: "a", nonsense: 1 } as CreateRunInput, "VALIDATION_ERROR", ""],
    ["no steps", { plan: { goal: "g", steps: [] } }, "VALIDATION_ERROR", "plan.steps"],
    [
      "an unknown tool",
      { plan: { goal: "g", steps: [{ name: "a", tool: "no" }] } },
      "UNKNOWN_TOOL",
      "plan.steps[0].tool",
    ],
    [
      "a circle",
      { plan: { goal: "g", steps: [command("a", { needs: ["b"] }), command("b", { needs: ["a"] })] } },
      "INVALID_PLAN",
      "plan.steps",
    ],
    [
      "a hostile branch",
      { command: "a", repo: { url: "https://example.com/r.git", branch: "--upload-pack=x" } },
      "VALIDATION_ERROR",
      "repo.branch",
    ],
    ["a hostile repository", { command: "a", repo: { url: "ext::sh -c id" } }, "VALIDATION_ERROR", "repo.url"],
    ["a project that is none", { command: "a", projectId: "../x" }, "VALIDATION_ERROR", "projectId"],
    ["another run that is not there", { command: "a", fromRunId: "run_x" }, "RUN_NOT_FOUND", ""],
    ["a reference that is not there", { instructions: "a", referenceRunId: "run_x" }, "RUN_NOT_FOUND", ""],
  ])("refuses %s, says where, and stores nothing", async (_, request, code, path) => {
    await using rig = await Rig.open();

    const { error } = await rig.plane.runs.createRun(request);

    expect(error?.code).toBe(code);
    const issues = (error?.details?.["issues"] ?? [{ path }]) as { path: string }[];
    expect(issues[0]?.path).toBe(path);
    expect(
      await rig.store.all("SELECT id FROM runs UNION SELECT id FROM projects UNION SELECT stream FROM events"),
    ).toEqual([]);
  });

  it("makes the project when it is not there, and pins its configuration as it is now", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    dataOf(
      await rig.plane.projects.putProject("p", {
        env: { MODE: "old" },
        commands: { "deploy:prod": { shell: "old" } },
        repo: { url: "https://example.com/r.git" },
      }),
    );

    await rig.createRun(
      [
        { name: "ship", tool: "deploy:prod", envAllowed: ["MODE"], concurrencyKey: "k" },
        { name: "again", tool: "deploy:prod", envAllowed: ["MODE"] },
      ],
      { projectId: "p" },
    );
    dataOf(
      await rig.plane.projects.putProject("p", { env: { MODE: "new" }, commands: { "deploy:prod": { shell: "new" } } }),
    );
    await runner.work(await runner.grant());

    const grant = await runner.grant(1);
    expect(grant).toMatchObject({
      environment: { MODE: "old" },
      envelope: { command: { shell: "old" }, repo: { url: "https://example.com/r.git" } },
    });
    await rig.createRun(["x"], { projectId: "made-up" });
    expect(dataOf(await rig.plane.projects.getProject("made-up")).name).toBe("made-up");
  });

  it("carries the trace that it was made under", async () => {
    await using rig = await Rig.open();
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    const run = await rig.createRun(["a"], {}, { ...caller(["admin"]), traceparent });

    expect((await rig.events(run.id))[0]).toMatchObject({
      type: "run.created",
      traceparent,
      actor: { kind: "token", id: "tok_1" },
    });
  });
});

describe("an idempotency key", () => {
  it("gives the same run again, as it stands now", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const first = await rig.createRun(["a"], {}, keyed("k"));
    await runner.work(await runner.grant());

    const again = await rig.createRun(["a"], {}, keyed("k"));

    expect(again).toMatchObject({ id: first.id, status: "succeeded" });
    expect(await rig.store.all("SELECT id FROM runs")).toHaveLength(1);
  });

  it("used again does not offer, count or wake anything", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"], {}, keyed("k"));
    await runner.work(await runner.grant());

    // Red when a repeated answer is told like a fresh one: the step would be offered again, the run counted for ever.
    await rig.createRun(["a"], {}, keyed("k"));
    await rig.settle();

    expect(runner.heard("offer")).toHaveLength(1);
    expect(rig.plane.stats()).toMatchObject({
      runsActive: 0,
      stepsReady: 0,
      counters: { runs_created: 1, runs_succeeded: 1 },
    });
    expect(await rig.states(run.id)).toBe("succeeded: succeeded");
  });

  it("is refused with another body or on another route, and is another caller's own", async () => {
    await using rig = await Rig.open();
    const first = await rig.createRun(["a"], {}, keyed("k"));

    const body = await rig.plane.runs.createRun({ command: "b" }, keyed("k", "other"));
    const route = await rig.plane.runs.cancelRun(first.id, {}, keyed("k", "body", "POST /runs/:id/cancel"));
    const somebodyElse = await rig.plane.runs.createRun(
      { command: "b" },
      { ...keyed("k", "other"), ...caller(["admin"], { id: "tok_2" }) },
    );

    expect([body.error?.code, route.error?.code, somebodyElse.success]).toEqual([
      "IDEMPOTENCY_MISMATCH",
      "IDEMPOTENCY_MISMATCH",
      true,
    ]);
  });

  it("makes one run of many requests at once", async () => {
    await using rig = await Rig.open();

    const runs = await Promise.all(Array.from({ length: 50 }, () => rig.createRun(["a"], {}, keyed("k"))));

    expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
    expect(await rig.store.all("SELECT id FROM runs")).toHaveLength(1);
  });

  it("is not kept by a refusal", async () => {
    await using rig = await Rig.open();

    const refused = await rig.plane.runs.createRun({ command: "a", fromRunId: "run_x" }, keyed("k"));
    const taken = await rig.plane.runs.createRun({ command: "a" }, keyed("k"));

    expect([refused.success, taken.success]).toEqual([false, true]);
  });

  it("answers a cancellation, a decision and a drain again without doing them again", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun([GATE, "a"]);
    const gateId = (await rig.details(run.id)).gates[0]!.id;
    await rig.known(keyed("g"));
    const other = await rig.createRun(["b"], { requires: { features: ["none"] } });

    for (let times = 0; times < 2; times++) {
      expect(dataOf(await rig.plane.gates.approveGate(gateId, {}, keyed("g"))).status).toBe("approved");
      expect(dataOf(await rig.plane.runs.cancelRun(other.id, {}, keyed("c"))).status).toBe("cancelled");
    }
    dataOf(await rig.plane.runners.drainRunner(runner.runnerId, keyed("d")));
    dataOf(await rig.plane.runners.resumeRunner(runner.runnerId));
    dataOf(await rig.plane.runners.drainRunner(runner.runnerId, keyed("d")));
    await rig.settle();

    expect(runner.heard("offer")).toHaveLength(1);
    expect(runner.connection.isDraining).toBe(false);
    expect(rig.plane.stats().counters["runs_cancelled"]).toBe(1);
  });
});

describe("RunHandler.cancelRun", () => {
  it("ends at once what has not begun: ready, pending, delayed and waiting steps", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ slots: 1 });
    const run = await rig.createRun([
      command("failing", { needs: [], retry: { maxAttempts: 2 } }),
      command("ready", { needs: [] }),
      command("pending", { needs: ["ready"] }),
      { ...GATE, needs: [] },
    ]);
    const grant = await runner.grant();
    runner.answer = "silence";
    await runner.work(grant, { outcome: "failed", reason: "tool_failure" });
    expect(await rig.states(run.id)).toBe("running: delayed ready pending waiting");

    const cancelled = dataOf(await rig.plane.runs.cancelRun(run.id, { reason: "changed my mind" }));
    await rig.pass(10_000);

    expect(cancelled).toMatchObject({ status: "cancelled", reason: "cancelled", message: "changed my mind" });
    expect(await rig.states(run.id)).toBe("cancelled: cancelled cancelled cancelled cancelled");
    expect((await rig.details(run.id)).gates).toMatchObject([{ status: "superseded" }]);
    expect(runner.grants).toHaveLength(1);
  });

  it("waits for what runs, and is over when the last of it is", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun([
      command("a", { needs: [] }),
      command("b", { needs: [] }),
      command("c", { needs: ["a", "b"] }),
    ]);
    const [a, b] = [await runner.grant(0), await runner.grant(1)];
    await runner.start(a);
    await runner.start(b);

    expect(dataOf(await rig.plane.runs.cancelRun(run.id))).toMatchObject({
      status: "running",
      cancelRequestedAt: expect.any(String),
    });
    await runner.finish(a, { outcome: "cancelled" });
    expect(await rig.states(run.id)).toBe("running: cancelled running cancelled");
    await runner.finish(b, { outcome: "failed", reason: "tool_failure" });

    expect(await rig.states(run.id)).toBe("cancelled: cancelled cancelled cancelled");
  });

  it("does not undo work that succeeded all the same", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const grant = await runner.grant();

    await rig.plane.runs.cancelRun(run.id);
    await runner.work(grant);

    expect((await rig.details(run.id)).run).toMatchObject({ status: "succeeded" });
    expect((await rig.details(run.id)).run).not.toHaveProperty("reason");
  });

  it("gives a step that fails while it is being stopped no other attempt", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun([command("a", { retry: { maxAttempts: 5, initialDelayMs: 0 } })]);
    const grant = await runner.grant();

    await rig.plane.runs.cancelRun(run.id);
    await runner.work(grant, { outcome: "failed", reason: "tool_failure" });
    await rig.settle();

    expect(await rig.states(run.id)).toBe("cancelled: cancelled");
    expect(runner.grants).toHaveLength(1);
  });

  it("is refused when the run is over", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);
    await rig.plane.runs.cancelRun(run.id);

    expect((await rig.plane.runs.cancelRun(run.id)).error).toMatchObject({
      code: "INVALID_STATE",
      details: { state: "cancelled" },
    });
  });

  it("asked while the lease is being committed reaches the attempt", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner({ answer: "silence" });
    const run = await rig.createRun(["a"]);
    const { offerId, attemptId } = runner.heard("offer")[0]!;

    await Promise.all([
      runner.say({ type: "accept", offerId, attemptId }),
      rig.plane.runs.cancelRun(run.id, { mode: "abort" }),
    ]);

    const grant = await runner.grant();
    expect(await runner.renew(grant)).toEqual(["abort"]);
    expect(runner.heard("cancel")).toMatchObject([{ attemptId: grant.attemptId, mode: "abort" }]);
  });
});

describe("a gate", () => {
  async function askedFor(rig: Rig, inputs: Record<string, string | number | string[]> = {}) {
    const run = await rig.createRun(["build", { ...GATE, inputs }, command("deploy", { needs: ["ask"] })]);
    const runner = await rig.runner();
    await runner.work(await runner.grant());
    const [gate] = (await rig.details(run.id)).gates;
    return { run, runner, gate: gate! };
  }

  it("asks for exactly what stands behind it, and its hash commits to that", async () => {
    await using rig = await Rig.open();
    const { run, gate } = await askedFor(rig, { description: "ship it?" });

    expect(gate).toMatchObject({
      status: "pending",
      step: "ask",
      content: { description: "ship it?", guards: [{ name: "deploy", inputs: { shell: "echo deploy" } }] },
    });
    expect(gate.contentHash).toBe(hashGateContent(gate.content));
    expect((await rig.events(run.id)).at(-1)).toMatchObject({
      type: "gate.pending",
      data: { gateId: gate.id, contentHash: gate.contentHash },
    });
  });

  it("lets its step through when somebody says yes; the envelope names the answer", async () => {
    await using rig = await Rig.open();
    const { run, runner, gate } = await askedFor(rig);

    const approved = dataOf(
      await rig.plane.gates.approveGate(
        gate.id,
        { note: "looks good", contentHash: gate.contentHash },
        await rig.known(caller(["gates:decide"])),
      ),
    );

    expect(approved).toMatchObject({
      status: "approved",
      note: "looks good",
      decidedBy: { kind: "token", id: "tok_1" },
    });
    expect((await runner.grant(1)).envelope.approvals).toEqual([{ gateId: gate.id, contentHash: gate.contentHash }]);
    expect(await rig.states(run.id)).toBe("running: succeeded succeeded ready");
  });

  it("fails the run when somebody says no", async () => {
    await using rig = await Rig.open();
    const { run, gate } = await askedFor(rig);

    await rig.plane.gates.rejectGate(gate.id, { note: "too risky" });

    const { run: ended, steps } = await rig.details(run.id);
    expect(ended).toMatchObject({ status: "failed", reason: "gate_denied" });
    expect(steps.map(({ status }) => status)).toEqual(["succeeded", "failed", "skipped"]);
  });

  it("takes the same answer twice and no other after the first", async () => {
    await using rig = await Rig.open();
    const { gate } = await askedFor(rig);

    const somebody = await rig.known(caller(["admin"], { id: "first" }));
    const first = dataOf(await rig.plane.gates.approveGate(gate.id, {}, somebody));
    await rig.pass(1_000);
    const again = dataOf(
      await rig.plane.gates.approveGate(gate.id, { note: "me too" }, caller(["admin"], { id: "second" })),
    );
    const no = await rig.plane.gates.rejectGate(gate.id);

    expect(again).toEqual(first);
    expect(no.error).toMatchObject({ code: "INVALID_STATE", details: { state: "approved" } });
  });

  // Red without the comparison in the unit `resolveGate`.
  it("decides nothing by an answer to another content", async () => {
    await using rig = await Rig.open();
    const { gate } = await askedFor(rig);

    const { error } = await rig.plane.gates.approveGate(gate.id, { contentHash: "0".repeat(64) });

    expect(error?.code).toBe("CONTENT_CHANGED");
    expect(dataOf(await rig.plane.gates.getGate(gate.id)).status).toBe("pending");
  });

  // Red without `requireApprover`.
  it("is for its approvers to decide, or for an admin", async () => {
    await using rig = await Rig.open();
    const { gate } = await askedFor(rig, { approvers: ["tok_boss"] });

    const other = await rig.plane.gates.approveGate(gate.id, {}, caller(["gates:decide"]));
    const reader = await rig.plane.gates.approveGate(gate.id, {}, caller(["runs:write"], { id: "tok_boss" }));
    const boss = await rig.plane.gates.approveGate(gate.id, {}, caller(["gates:decide"], { id: "tok_boss" }));

    expect([other.error?.code, reader.error?.code, boss.success]).toEqual(["FORBIDDEN", "FORBIDDEN", true]);
  });

  it("takes no yes when its time is over, also when nobody has noticed yet", async () => {
    await using rig = await Rig.open();
    const { run, gate } = await askedFor(rig, { expiresInMs: 10_000 });
    rig.clock.advance(10_000);

    const late = await rig.plane.gates.approveGate(gate.id);
    await rig.settle();

    expect(late.error).toMatchObject({ code: "INVALID_STATE", details: { state: "expired" } });
    expect(await rig.states(run.id)).toBe("failed: succeeded failed skipped");
  });

  // Red without `requireApproved` in the unit `leaseAttempt`, and, for the content, without the hash computed anew.
  it("whose approval was taken back or turned to another content in the database starts nothing", async () => {
    await using directory = await tempDir();
    await using rig = await Rig.open({ directory: directory.path });
    for (const change of [
      "state = 'denied'",
      "content_hash = 'other'",
      "content = replace(content, 'echo deploy', 'echo danger')",
    ]) {
      const { runner, gate, run } = await askedFor(rig);
      runner.answer = "silence";
      await rig.plane.gates.approveGate(gate.id);
      const { offerId, attemptId } = runner.heard("offer")[1]!;

      rig.editDatabase(`UPDATE gates SET ${change} WHERE id = ?`, gate.id);
      await runner.say({ type: "accept", offerId, attemptId });
      await eventually(() => runner.heard("withdraw").length === 1);

      expect(runner.grants).toHaveLength(1);
      expect((await rig.step(run.id, "deploy")).attempts).toEqual([]);
      dataOf(await rig.plane.runs.cancelRun(run.id));
      dataOf(await rig.plane.runners.deregisterRunner(runner.runnerId));
    }
  });

  // Red without the comparison of the step with what the gate guards.
  it("does not let a step through whose plan was changed in the database after the answer", async () => {
    await using directory = await tempDir();
    await using rig = await Rig.open({ directory: directory.path });
    const run = await rig.createRun([GATE, "deploy"]);
    dataOf(await rig.plane.gates.approveGate((await rig.details(run.id)).gates[0]!.id));

    rig.editDatabase("UPDATE plans SET steps = replace(steps, 'echo deploy', 'echo danger')");
    await rig.startPlane();
    const runner = await rig.runner();
    await eventually(() => runner.heard("withdraw").length === 1);

    expect(runner.grants).toEqual([]);
    expect((await rig.step(run.id, "deploy")).attempts).toEqual([]);
  });

  it("takes exactly one of a hundred answers at once", async () => {
    for (let round = 0; round < 5; round++) {
      await using rig = await Rig.open();
      const { run, gate } = await askedFor(rig);
      const answers = Array.from({ length: 100 }, (_, index) => {
        const context = caller(["admin"], { id: `tok_${index}` });
        return (index + round) % 2 === 0
          ? rig.plane.gates.approveGate(gate.id, {}, context)
          : rig.plane.gates.rejectGate(gate.id, {}, context);
      });

      const taken = (await Promise.all(answers)).filter(({ success }) => success);

      const decisions = (await rig.events(run.id)).filter(
        ({ type }) => type === "gate.approved" || type === "gate.denied",
      );
      const decided = dataOf(await rig.plane.gates.getGate(gate.id));
      expect(decisions).toHaveLength(1);
      expect(new Set(taken.map(({ data }) => `${data.status} ${data.decidedBy?.id}`))).toEqual(
        new Set([`${decided.status} ${decided.decidedBy?.id}`]),
      );
    }
  });

  it("is listed by state and run, newest first", async () => {
    await using rig = await Rig.open();
    const { run, gate } = await askedFor(rig);
    rig.clock.advance(1);
    const other = await rig.createRun([GATE]);
    dataOf(await rig.plane.gates.approveGate(gate.id));

    const ids = async (query: Parameters<typeof rig.plane.gates.listGates>[0]) =>
      dataOf(await rig.plane.gates.listGates(query)).items.map(({ runId }) => runId);

    expect(await ids({})).toEqual([other.id, run.id]);
    expect(await ids({ status: "pending" })).toEqual([other.id]);
    expect(await ids({ runId: run.id })).toEqual([run.id]);
  });
});

describe("RunHandler.getRun", () => {
  it("tells of a change that is no event: a step whose wait is over", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun([command("a", { retry: { maxAttempts: 2 } })]);
    const grant = await runner.grant();
    runner.answer = "decline";
    await runner.work(grant, { outcome: "failed", reason: "tool_failure" });
    expect(await rig.states(run.id)).toBe("running: delayed");

    await rig.pass(1_000);

    expect(await rig.states(run.id)).toBe("running: ready");
  });

  it("gives an answer that no caller can change for another", async () => {
    await using rig = await Rig.open();
    const run = await rig.createRun(["a"]);

    const details = await rig.details(run.id);

    expect(() => (details.steps as unknown[]).pop()).toThrow(TypeError);
    expect((await rig.details(run.id)).steps).toHaveLength(1);
  });
});

describe("RunHandler.listRuns", () => {
  it("gives pages without loss or doubling, newest first, of a project or state", async () => {
    await using rig = await Rig.open();
    const made: string[] = [];
    for (let count = 0; count < 5; count++) {
      made.unshift((await rig.createRun(["a"], { projectId: count % 2 === 0 ? "even" : "odd" })).id);
      rig.clock.advance(1);
    }
    await rig.plane.runs.cancelRun(made[0]!);

    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const { items, nextCursor } = dataOf(
        await rig.plane.runs.listRuns({ limit: 2, ...(cursor === undefined ? {} : { cursor }) }),
      );
      pages.push(items.map(({ id }) => id));
      cursor = nextCursor;
    } while (cursor !== undefined);

    expect(pages.flat()).toEqual(made);
    expect(dataOf(await rig.plane.runs.listRuns({ projectId: "odd" })).items).toHaveLength(2);
    expect(dataOf(await rig.plane.runs.listRuns({ status: "cancelled" })).items.map(({ id }) => id)).toEqual([made[0]]);
  });
});

describe("a run that is over", () => {
  it("has a summary with its artifacts, the first document foremost", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a"]);
    const artifacts = [];
    for (const path of ["data.json", "report.md"])
      artifacts.push({ path, sha256: await rig.putBlob(path), bytes: path.length });

    expect((await rig.details(run.id)).summary).toBeNull();
    await runner.work(await runner.grant(), { artifacts, outputs: { answer: 42 } });

    const details = await rig.details(run.id);
    expect(details.summary).toEqual({
      goal: "a goal",
      primaryArtifact: "report.md",
      secondaryArtifacts: ["data.json"],
      executionAttempted: true,
      executionSucceeded: true,
      reasonForFailure: null,
      notes: null,
    });
    expect(details.steps[0]?.outputs).toEqual({ answer: 42 });
    const { artifact, content } = dataOf(await rig.plane.runs.getArtifact(details.artifacts[1]!.id));
    expect(artifact).toMatchObject({ path: "report.md", step: "a", kind: "markdown", type: "document" });
    const ranged: Uint8Array[] = [];
    for await (const part of content.open({ start: 2, end: 5 })) ranged.push(part);
    expect(Buffer.concat(ranged).toString()).toBe("port");
  });

  it("says why it failed, and counts nothing twice", async () => {
    await using rig = await Rig.open();
    const runner = await rig.runner();
    const run = await rig.createRun(["a", "b"]);

    await runner.work(await runner.grant(), {
      outcome: "failed",
      reason: "tool_failure",
      exitCode: 2,
      message: "exit code 2",
    });

    expect((await rig.details(run.id)).summary).toMatchObject({
      executionSucceeded: false,
      reasonForFailure: "tool_failure",
      notes: "step a failed: exit code 2",
    });
    expect(rig.plane.stats()).toMatchObject({
      runsActive: 0,
      attemptsLive: 0,
      counters: { runs_created: 1, runs_failed: 1, runs_succeeded: 0 },
    });
  });
});
