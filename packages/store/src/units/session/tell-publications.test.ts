import { limit, type PublishInputs, type PublishOutputs, type SessionFact } from "@signalbox/protocol";
import { readEvents } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Rig } from "../../../test/_support/session-rig.ts";

const OBJECT = "b".repeat(40);
const HASH = "a".repeat(64);
const STATS = { files: 1, added: 1, removed: 0 };
const AT = "2026-11-21T08:00:00.000Z";

function inputs(sessionId: string): PublishInputs {
  const shown = { base: OBJECT, tree: OBJECT, diffHash: HASH, document: HASH, stats: STATS };
  const made = { branch: "agent/a", message: "A\n", committedAt: AT, pullRequest: null };
  const pack = { sha256: HASH, bytes: 1 };
  return { sessionId, remote: "https://git.example/a", ...shown, takenAt: AT, isLeftover: false, pack, ...made };
}

/** Asks leave to publish what a session changed, as the control plane does. */
async function publish(rig: Rig) {
  const { runId } = await rig.fleet.createRun([
    { name: "approve", tool: "gate:manual", inputs: {} },
    { name: "publish", tool: "publish", needs: ["approve"], inputs: inputs(rig.sessionId) as never },
  ]);
  return { runId, gateId: `${runId.replace("run_", "gate_")}.0` };
}

async function told(rig: Rig): Promise<[string, Record<string, unknown>][]> {
  const rows = await rig.fleet.store.view(() => readEvents(rig.sessionId, 0, 100));
  return rows
    .filter(({ type }) => type.startsWith("publish."))
    .map(({ type, data }) => [type, JSON.parse(data) as Record<string, unknown>]);
}

/** A session that is over. */
async function ended(): Promise<Rig> {
  const rig = await Rig.ready();
  await rig.fleet.finish(rig.held, { streams: [] });
  return rig;
}

describe("a session of which something is to be published", () => {
  it("is told what is asked, by which run, and what was pushed", async () => {
    await using rig = await Rig.ready();
    const { runId, gateId } = await publish(rig);
    await rig.fleet.resolve(gateId, "approve");
    const url = "https://git.example/a/pull/1";
    const outputs: PublishOutputs = {
      remote: "https://git.example/a",
      branch: "agent/a",
      commit: OBJECT,
      pullRequest: { number: 1, url },
    };
    await rig.fleet.attempt(runId, 1, { outputs });

    const about = { runId, remote: "https://git.example/a", branch: "agent/a" };
    expect(await told(rig)).toEqual([
      ["publish.requested", expect.objectContaining({ ...about, approvalId: gateId, tree: OBJECT, openPr: false })],
      ["publish.succeeded", { ...about, commit: OBJECT, pullRequestUrl: url }],
    ]);
    expect((await rig.progress()).publications).toEqual([runId]);
  });

  it.each([
    ["denied", "gate_denied", "somebody said no"],
    ["not decided in time", "gate_expired", "nobody answered in time"],
    ["cancelled", "cancelled", "never mind"],
    ["not taken by the remote", "tool_failure", "no"],
  ])("is told that it was %s", async (what, reason, message) => {
    await using rig = await Rig.ready();
    const { runId, gateId } = await publish(rig);

    if (what === "denied") await rig.fleet.resolve(gateId, "deny");
    else if (what === "cancelled") await rig.fleet.cancel(runId, { reason: "never mind" });
    else if (what === "not decided in time") await rig.fleet.resolve(gateId, "expire");
    else {
      await rig.fleet.resolve(gateId, "approve");
      await rig.fleet.attempt(runId, 1, { outcome: "failed", reason: "tool_failure", message: "no" });
    }

    expect((await told(rig))[1]).toEqual(["publish.failed", expect.objectContaining({ runId, reason, message })]);
  });

  it("is asked for no more than so many times", async () => {
    await using rig = await Rig.ready();
    for (let count = 0; count < limit("publish.perSession"); count += 1) await publish(rig);

    await expect(publish(rig)).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it("is told nothing once it is forgotten, and the publication goes on", async () => {
    await using rig = await ended();
    const { runId, gateId } = await publish(rig);
    const before = await told(rig);
    const forget = (await rig.fleet.timers()).find(({ id }) => id.startsWith("session.forget"));
    rig.fleet.now = forget?.due_at ?? 0;
    await rig.fleet.fire(forget?.id ?? "");

    await rig.fleet.resolve(gateId, "deny");

    expect(before).toHaveLength(1);
    expect(await rig.fleet.states(runId)).toContain("failed");
    expect(await told(rig)).toEqual([]);
  });
});

describe("the last look at a workspace", () => {
  it("is not how a later attempt ended", async () => {
    await using rig = await Rig.open({}, { maxAttempts: 2, initialDelayMs: 0 });
    const snapshot = { base: OBJECT, tree: OBJECT, document: { sha256: HASH, bytes: 1 }, diffHash: HASH, pack: null };
    const diff: SessionFact = { fact: "diff", requestId: null, stats: STATS, snapshot, isFinal: true };
    await rig.hold();
    await rig.record(diff);
    const first = (await rig.progress()).diff?.isFinal;
    await rig.fleet.lose(rig.held);

    await rig.hold();

    expect([first, (await rig.progress()).diff?.isFinal]).toEqual([true, false]);
  });
});
