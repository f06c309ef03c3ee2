import { describe, expect, it } from "vitest";

import { Fleet, gate, ORG } from "../../../test/_support/fleet.ts";

describe("createRun", () => {
  it("lets begin what needs nothing, in plan order, and keeps the rest waiting", async () => {
    await using fleet = await Fleet.open();

    const made = await fleet.createRun([
      { name: "a", tool: "command" },
      { name: "b", tool: "command", needs: [] },
      "c",
    ]);

    expect(made.ready.map(({ index, nextAttempt }) => [index, nextAttempt])).toEqual([
      [0, 1],
      [1, 1],
    ]);
    expect(await fleet.states(made.runId)).toBe("queued: ready ready pending");
    expect(await fleet.events(made.runId)).toEqual(["run.created"]);
  });

  it("opens a gate that stands first, with its start and its timer", async () => {
    await using fleet = await Fleet.open();

    const made = await fleet.createRun([gate("ask"), "work"]);

    expect(await fleet.states(made.runId)).toBe("queued: waiting pending");
    expect((await fleet.progress(made.runId)).steps[0]?.startedAt).toBe(fleet.now);
    expect(made.timers).toMatchObject([{ kind: "gate.expire", due_at: fleet.now + 604_800_000 }]);
    expect(await fleet.timers()).toHaveLength(1);
  });

  it("sets a timer for the run's time limit", async () => {
    await using fleet = await Fleet.open();

    const made = await fleet.createRun(["work"], { header: fleet.header({ timeoutMs: 5_000 }) });

    expect(await fleet.timers()).toEqual([{ id: `run.timeout:${made.runId}:`, due_at: fleet.now + 5_000 }]);
  });

  it("makes the project when asked to, and leaves one that is there as it is", async () => {
    await using fleet = await Fleet.open();
    await fleet.store.run("putProject", { orgId: ORG, id: "shop", name: "The shop", now: fleet.now });

    await fleet.createRun(["work"], { projectId: "shop" });
    await fleet.createRun(["work"], { projectId: "new" });
    await fleet.createRun(["work"], { projectId: "unmade", makeProject: false });

    const projects = await fleet.store.all<{ id: string; name: string }>("SELECT id, name FROM projects ORDER BY id");
    expect(projects).toEqual([
      { id: "new", name: "new" },
      { id: "shop", name: "The shop" },
    ]);
  });

  it("refuses an id that is taken and leaves the run under it alone", async () => {
    await using fleet = await Fleet.open();
    const { runId } = await fleet.createRun(["work"]);

    await expect(fleet.createRun(["other", "steps"], { id: runId })).rejects.toMatchObject({
      code: "UNIQUE_VIOLATION",
    });

    expect(await fleet.states(runId)).toBe("queued: ready");
  });
});

describe("an idempotency key", () => {
  const key = { orgId: ORG, principal: "tok_1", key: "k", route: "POST /runs", bodyHash: "h", expiresAt: 0 };

  it("gives the same answer again for the same request, and makes nothing", async () => {
    await using fleet = await Fleet.open();
    const idempotency = { ...key, expiresAt: fleet.now + 1_000 };
    const first = await fleet.createRun(["work"], { idempotency });

    const again = await fleet.createRun(["work"], { idempotency });

    expect(again).toEqual({ ...first, isRepeated: true });
    expect(await fleet.store.all("SELECT id FROM runs")).toEqual([{ id: first.runId }]);
  });

  it.each([
    ["another body", { bodyHash: "other" }],
    ["another route", { route: "POST /other" }],
  ])("is refused with %s", async (_, other) => {
    await using fleet = await Fleet.open();
    const idempotency = { ...key, expiresAt: fleet.now + 1_000 };
    await fleet.createRun(["work"], { idempotency });

    const again = fleet.createRun(["work"], { idempotency: { ...idempotency, ...other } });

    await expect(again).rejects.toMatchObject({ code: "IDEMPOTENCY_MISMATCH" });
  });

  it.each([
    ["of another principal", { principal: "tok_2" }],
    ["of another org", { orgId: "org-b" }],
  ])("%s is another key", async (_, other) => {
    await using fleet = await Fleet.open();
    const idempotency = { ...key, expiresAt: fleet.now + 1_000 };
    const first = await fleet.createRun(["work"], { idempotency });

    const second = await fleet.createRun(["work"], { idempotency: { ...idempotency, ...other } });

    expect(second.runId).not.toBe(first.runId);
  });

  it("can be used anew when its time is over, also before it was forgotten", async () => {
    await using fleet = await Fleet.open();
    const first = await fleet.createRun(["work"], { idempotency: { ...key, expiresAt: fleet.now + 1_000 } });
    fleet.now += 1_000;

    const renewed = { ...key, bodyHash: "other", expiresAt: fleet.now + 1_000 };
    const second = await fleet.createRun(["work"], { idempotency: renewed });
    const again = await fleet.createRun(["work"], { idempotency: renewed });

    expect(second.runId).not.toBe(first.runId);
    expect(again).toEqual({ ...second, isRepeated: true });
  });

  it("is not used up by a refusal", async () => {
    await using fleet = await Fleet.open();
    const idempotency = { ...key, expiresAt: fleet.now + 1_000 };
    const { runId } = await fleet.createRun(["work"]);
    await expect(fleet.createRun(["work"], { id: runId, idempotency })).rejects.toThrow();

    const made = await fleet.createRun(["work"], { idempotency });

    expect(made.lastSeq).toBe(1);
  });

  it("is forgotten when it has expired, a few at a time", async () => {
    await using fleet = await Fleet.open();
    for (const [index, expiresAt] of [1, 2, 9_000].entries()) {
      await fleet.createRun(["work"], { idempotency: { ...key, key: `k${index}`, expiresAt: fleet.now + expiresAt } });
    }
    fleet.now += 1_000;

    const counts = [];
    for (let round = 0; round < 3; round++)
      counts.push(await fleet.store.run("forgetAnswers", { now: fleet.now, count: 1 }));

    expect(counts).toEqual([1, 1, 0]);
    expect(await fleet.store.all("SELECT request_key FROM idempotency")).toEqual([{ request_key: "k2" }]);
  });
});
