import { hashGateContent } from "@signalbox/protocol/hash";
import { GateContentSchema, type ChangesOutputs } from "@signalbox/protocol";
import type { GateRow } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Fleet, gate, verdictOf } from "../../../test/_support/fleet.ts";

async function asked(): Promise<Fleet & { runId: string; gateId: string }> {
  const fleet = await Fleet.open();
  const { runId } = await fleet.createRun([
    gate("ask", { inputs: { expiresInMs: 60_000, approvers: ["ann"] } }),
    "work",
  ]);
  const row = await fleet.store.get<GateRow>("SELECT * FROM gates");
  return Object.assign(fleet, { runId, gateId: row?.id ?? "" });
}

const OBJECT = "b".repeat(40);
const HASH = "a".repeat(64);
const CHANGES: ChangesOutputs = {
  base: OBJECT,
  tree: OBJECT,
  diffHash: HASH,
  document: HASH,
  stats: { files: 1, added: 1, removed: 0 },
  pack: { sha256: HASH, bytes: 1 },
};

/** A gate behind a step that has looked at what the run changed, and a step beside both that may change more. */
async function shown() {
  const fleet = await Fleet.open();
  const { runId } = await fleet.createRun([
    { name: "look", tool: "changes", needs: [] },
    { name: "other", tool: "command", needs: [], inputs: { shell: "true" } },
    gate("ask", { needs: ["look"] }),
  ]);
  const other = await fleet.lease(runId, 1);
  await fleet.start(other);
  await fleet.attempt(runId, 0, { outputs: CHANGES });
  const row = await fleet.store.get<GateRow>("SELECT * FROM gates");
  const { changes } = GateContentSchema.parse(JSON.parse(row?.content ?? ""));
  return Object.assign(fleet, { other, changes, gateId: row?.id ?? "" });
}

describe("a gate that shows what its run has changed", () => {
  it("has it in its content, with the step and the workspace that it was taken from", async () => {
    await using fleet = await shown();

    expect(fleet.changes).toEqual({ ...CHANGES, step: "look", manifest: null });
    await fleet.resolve(fleet.gateId, "approve");
  });

  it("takes no yes once another step has changed the workspace, but a no", async () => {
    await using fleet = await shown();
    await fleet.finish(fleet.other, {}, { merged: { from: null, to: HASH, repo: null } });

    await expect(fleet.resolve(fleet.gateId, "approve")).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    await fleet.resolve(fleet.gateId, "deny");

    expect(await fleet.store.get<GateRow>("SELECT * FROM gates")).toMatchObject({ state: "denied" });
  });
});

describe("a gate", () => {
  it("asks for exactly what stands behind it, under a hash of it", async () => {
    await using fleet = await asked();

    const row = await fleet.store.get<GateRow>("SELECT * FROM gates");

    const content = GateContentSchema.parse(JSON.parse(row?.content ?? ""));
    expect(content).toMatchObject({
      step: "ask",
      description: "a goal: ask",
      approvers: ["ann"],
      guards: [{ name: "work", tool: "command" }],
    });
    expect(row?.content_hash).toBe(hashGateContent(content));
  });
});

describe("resolveGate", () => {
  it.each([
    ["approve", "running: succeeded ready", "approved", null],
    ["deny", "failed: failed skipped", "denied", "gate_denied"],
    ["expire", "failed: failed skipped", "expired", "gate_expired"],
  ] as const)("with %s brings the run to %s", async (move, states, gateState, reason) => {
    await using fleet = await asked();

    await fleet.resolve(fleet.gateId, move, { note: "because" });

    expect(await fleet.states(fleet.runId)).toBe(states);
    expect((await fleet.progress(fleet.runId)).steps[0]?.reason).toBe(reason);
    expect(await fleet.store.all("SELECT state, decided_at, decided_by, note FROM gates")).toEqual([
      {
        state: gateState,
        decided_at: fleet.now,
        decided_by: move === "expire" ? "system:system" : "token:tok_1",
        note: "because",
      },
    ]);
  });

  it.each([
    ["approve", "approve", "taken"],
    ["deny", "deny", "taken"],
    ["approve", "deny", "INVALID_STATE"],
    ["deny", "approve", "INVALID_STATE"],
    ["expire", "approve", "INVALID_STATE"],
    ["approve", "expire", "INVALID_STATE"],
  ] as const)("after %s answers %s with %s", async (first, second, verdict) => {
    await using fleet = await asked();
    const { lastSeq } = await fleet.resolve(fleet.gateId, first);

    const again = await verdictOf(fleet.resolve(fleet.gateId, second));

    expect(again).toBe(verdict);
    expect(await fleet.events(fleet.runId)).toHaveLength(lastSeq);
  });

  it("refuses an answer to another content", async () => {
    await using fleet = await asked();

    await expect(fleet.resolve(fleet.gateId, "approve", { contentHash: "0".repeat(64) })).rejects.toMatchObject({
      code: "CONTENT_CHANGED",
    });

    expect(await fleet.states(fleet.runId)).toBe("queued: waiting pending");
  });

  it.each(["approve", "deny"] as const)(
    "refuses to %s when its time is over, before any timer noticed",
    async (move) => {
      await using fleet = await asked();
      fleet.now += 60_000;

      await expect(fleet.resolve(fleet.gateId, move)).rejects.toMatchObject({
        code: "INVALID_STATE",
        details: { state: "expired" },
      });
    },
  );

  it("takes an answer up to the last millisecond", async () => {
    await using fleet = await asked();
    fleet.now += 59_999;

    await fleet.resolve(fleet.gateId, "approve");

    expect(await fleet.states(fleet.runId)).toBe("running: succeeded ready");
  });

  it("refuses a gate of a run that was cancelled", async () => {
    await using fleet = await asked();
    await fleet.cancel(fleet.runId);

    await expect(fleet.resolve(fleet.gateId, "approve")).rejects.toMatchObject({ code: "INVALID_STATE" });
  });

  it.each([
    ["another org", { orgId: "org-b" }],
    ["an id that is none", { gateId: "gate_x.0" }],
  ])("finds no gate of %s", async (_, over) => {
    await using fleet = await asked();

    await expect(fleet.resolve(fleet.gateId, "approve", over)).rejects.toMatchObject({ code: "GATE_NOT_FOUND" });
  });

  it("ends a run whose steps are all gates", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun([gate("one"), gate("two")]);
    for (const index of [0, 1]) {
      const row = await fleet.store.get<GateRow>("SELECT * FROM gates WHERE step_idx = ?", index);
      await fleet.resolve(row?.id ?? "", "approve");
    }

    expect(await fleet.states(runId)).toBe("succeeded: succeeded succeeded");
  });
});
