import { readSession } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Fleet, ORG } from "../../../test/_support/fleet.ts";

/** A run of one step whose agent only its lease names. */
async function open() {
  const fleet = await Fleet.open();
  const { runId } = await fleet.createRun([
    { name: "work", tool: "codegen", inputs: { prompt: "Do it" }, retry: { maxAttempts: 2, initialDelayMs: 0 } },
  ]);
  const sessionId = `${runId.replace("run_", "ses_")}.0`;
  const session = () => fleet.store.view(() => readSession(sessionId, ORG));
  return { fleet, runId, sessionId, session, [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose]() };
}

describe("the session of a step whose agent its lease names", () => {
  it("is not there before somebody has the step", async () => {
    await using rig = await open();

    expect(await rig.session()).toBeUndefined();
    expect((await rig.fleet.progress(rig.runId)).steps[0]?.sessionId).toBeUndefined();
  });

  it("is opened with the lease, in the same commit, and told", async () => {
    await using rig = await open();

    const leased = await rig.fleet.lease(rig.runId, 0, { provider: "codex" });

    expect(await rig.session()).toMatchObject({ provider: "codex", state: "QUEUED", run_id: rig.runId });
    expect(JSON.parse((await rig.session())?.inputs ?? "")).toMatchObject({ task: "Do it", mode: "task" });
    expect((await rig.fleet.progress(rig.runId)).steps[0]?.sessionId).toBe(rig.sessionId);
    expect(await rig.fleet.events(rig.sessionId)).toEqual(["session.created", "session.state_changed"]);
    expect(leased.sessions.at(-1)).toMatchObject({ sessionId: rig.sessionId, holder: { attemptId: leased.attemptId } });
  });

  it("is not opened by a lease that is refused", async () => {
    await using rig = await open();

    const refused = rig.fleet.lease(rig.runId, 0, { provider: "codex", manifest: "f".repeat(64) });

    await expect(refused).rejects.toMatchObject({ code: "CONTENT_CHANGED" });
    expect(await rig.session()).toBeUndefined();
  });

  it("stays the same over attempts, and goes to the agent of whoever has the step now", async () => {
    await using rig = await open();
    await rig.fleet.lose(await rig.fleet.lease(rig.runId, 0, { provider: "codex" }));

    await rig.fleet.lease(rig.runId, 0, { provider: "claude_code", runnerId: "rnr_2" });

    expect(await rig.session()).toMatchObject({ provider: "claude_code", state: "QUEUED" });
    expect(await rig.fleet.events(rig.sessionId)).toEqual(["session.created", "session.state_changed"]);
  });

  it("runs and ends with its step", async () => {
    await using rig = await open();
    const held = await rig.fleet.lease(rig.runId, 0, { provider: "codex" });
    await rig.fleet.start(held);
    const ready = `${JSON.stringify({ fact: "ready", hasTerminal: false })}\n`;

    await rig.fleet.output(held, 0, ready, { stream: "session" });
    const running = (await rig.session())?.state;
    await rig.fleet.finish(held, { streams: [] });

    expect(running).toBe("RUNNING");
    expect(await rig.session()).toMatchObject({ state: "COMPLETED" });
  });
});
