import type { Actor, GateContent, Scope } from "@signalbox/protocol";
import { readGateOfStep, UnitRefusal, verifyStore, type GateRow } from "@signalbox/store";
import { describe, expect, it } from "vitest";

import { Fleet, gate, type Held, ORG, planOf } from "../../../test/_support/fleet.ts";
import { seededRandom } from "../../../test/_support/seeded-random.ts";

const ANN: Actor = { kind: "token", id: "tok_ann" };
const BOB: Actor = { kind: "token", id: "tok_bob" };

/** A gate, two steps side by side behind it, and one behind both. Ann may decide, and so may bob. */
class Rig implements AsyncDisposable {
  readonly fleet: Fleet;
  readonly runId: string;

  constructor(fleet: Fleet, runId: string) {
    this.fleet = fleet;
    this.runId = runId;
  }

  static async open(inputs: Record<string, unknown> = {}): Promise<Rig> {
    const fleet = await Fleet.open();
    await fleet.token(ANN.id, ["gates:decide"], { expiresAt: fleet.now + 100_000 });
    await fleet.token(BOB.id, ["gates:decide"]);
    const plan = planOf([
      gate("ask", { inputs: { expiresInMs: 60_000, ...inputs } as never }),
      { name: "left", tool: "command", needs: ["ask"], retry: { maxLost: 5 } as never },
      { name: "right", tool: "command", needs: ["ask"] },
      { name: "last", tool: "command", needs: ["left", "right"] },
    ]);
    const steps = plan.map((step, index) => ({ ...step, gates: index === 0 ? [] : [0] }));
    const { runId } = await fleet.createRun([], { steps });
    return new Rig(fleet, runId);
  }

  /** A run whose gate ann has let through. */
  static async approved(inputs: Record<string, unknown> = {}): Promise<Rig> {
    const rig = await Rig.open(inputs);
    await rig.answer("approve", ANN);
    return rig;
  }

  async gate(): Promise<GateRow> {
    const row = await this.fleet.store.view(() => readGateOfStep(this.runId, 0, ORG));
    if (!row) throw new UnitRefusal("GATE_NOT_FOUND", "no gate counts");
    return row;
  }

  gates(): Promise<Pick<GateRow, "id" | "state" | "decided_by">[]> {
    return this.fleet.store.all("SELECT id, state, decided_by FROM gates ORDER BY id");
  }

  async answer(move: "approve" | "deny" | "expire", actor: Actor) {
    return this.fleet.resolve((await this.gate()).id, move, { actor });
  }

  async lease(step: number) {
    const { id, content_hash: contentHash } = await this.gate();
    const approvals = [{ gateId: id, contentHash }];
    return { ...(await this.fleet.offer(this.runId, step, { approvals })), runnerId: "rnr_1" };
  }

  /** The same, and begins. */
  async begin(step: number): Promise<Held> {
    const held = (await this.lease(step)) as Held;
    await this.fleet.start(held);
    return held;
  }

  /** Works on a step to its end. */
  async work(step: number): Promise<void> {
    await this.fleet.finish(await this.begin(step));
  }

  states(): Promise<string> {
    return this.fleet.states(this.runId);
  }

  async problems() {
    return (await verifyStore(this.fleet.store, { now: this.fleet.now })).problems;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
  }
}

const LAPSED: readonly [string, string, (fleet: Fleet) => Promise<unknown>][] = [
  ["is revoked", "tok_ann", (fleet) => fleet.revoke(ANN.id)],
  ["is out of time", "tok_ann", async (fleet) => void (fleet.now += 100_000)],
  ["has not the scope", "tok_x", (fleet) => fleet.token("tok_x", ["runs:read"])],
  ["is another org's", "tok_x", (fleet) => fleet.token("tok_x", ["admin"], { orgId: "org-b" })],
  ["is not there", "tok_x", async () => {}],
];

describe("a yes whose giver's token", () => {
  // Each red without `whyLapsed` in isHeldByGates.
  it.each(LAPSED)("%s lets nothing begin: it is asked for again", async (_, id, end) => {
    await using rig = await Rig.open();
    await rig.answer("approve", { kind: "token", id });
    await end(rig.fleet);

    const held = await rig.lease(1);

    const [first, second] = await rig.gates();
    expect(held.attemptId).toBeNull();
    expect(first).toMatchObject({ state: "superseded", decided_by: `token:${id}` });
    expect(second).toMatchObject({ state: "pending", decided_by: null });
    expect(await rig.states()).toBe("running: succeeded ready ready pending");
    expect(await rig.problems()).toEqual([]);
  });
});

describe("a gate that is asked again", () => {
  async function again(inputs: Record<string, unknown> = {}): Promise<Rig> {
    const rig = await Rig.approved(inputs);
    await rig.fleet.revoke(ANN.id);
    await rig.lease(1);
    return rig;
  }

  it("says why, and asks under a hash and a time of its own", async () => {
    await using rig = await Rig.approved();
    const before = await rig.gate();
    rig.fleet.now += 70_000;
    await rig.fleet.revoke(ANN.id);
    await rig.lease(1);

    const asked = await rig.gate();

    const event = await rig.fleet.store.get<{ data: string }>(
      "SELECT data FROM events WHERE type = 'gate.pending' ORDER BY seq DESC LIMIT 1",
    );
    expect(JSON.parse(event?.data ?? "")).toMatchObject({
      gateId: asked.id,
      contentHash: asked.content_hash,
      again: "a yes does not count any more: token:tok_ann is revoked, out of time, or not known",
    });
    expect((JSON.parse(asked.content) as GateContent).again).toMatch(/^a yes does not count any more: /);
    expect(asked.content_hash).not.toBe(before.content_hash);
    expect(asked.expires_at).toBe(rig.fleet.now + 60_000);
  });

  it("holds back all that stands behind it, however often they are offered", async () => {
    await using rig = await again();

    const held = [await rig.lease(1), await rig.lease(2), await rig.lease(1)];

    expect(held.map(({ attemptId }) => attemptId)).toEqual([null, null, null]);
    expect(await rig.gates()).toHaveLength(2);
  });

  it("lets them begin when another says yes, and the run goes to its end", async () => {
    await using rig = await again();

    const { ready } = await rig.answer("approve", BOB);
    for (const step of [1, 2, 3]) await rig.work(step);

    expect(ready.map(({ step }) => step.name)).toEqual(["left", "right"]);
    expect(await rig.states()).toBe("succeeded: succeeded succeeded succeeded succeeded");
    expect(await rig.problems()).toEqual([]);
  });

  it.each([
    ["deny", "gate_denied"],
    ["expire", "gate_expired"],
  ] as const)("fails what has not begun when it ends with %s", async (move, reason) => {
    await using rig = await again();

    await rig.answer(move, BOB);

    const { steps } = await rig.fleet.progress(rig.runId);
    expect(await rig.states()).toBe("failed: succeeded failed failed skipped");
    expect(steps[1]?.reason).toBe(reason);
    expect(await rig.problems()).toEqual([]);
  });

  it("leaves to its runner what had begun, and lets nothing begin after it when the answer is no", async () => {
    await using rig = await Rig.approved();
    const left = await rig.begin(1);
    await rig.work(2);
    await rig.fleet.revoke(ANN.id);
    await rig.fleet.finish(left);
    await rig.lease(3);
    await rig.answer("deny", BOB);

    expect(await rig.states()).toBe("failed: succeeded succeeded succeeded failed");
    expect(await rig.problems()).toEqual([]);
  });

  it("fails, at its next lease, a step whose runner was lost after the no", async () => {
    await using rig = await Rig.approved();
    const left = await rig.begin(1);
    await rig.fleet.revoke(ANN.id);
    await rig.lease(2);
    await rig.answer("deny", BOB);
    await rig.fleet.lose(left);

    const held = await rig.lease(1);

    expect(held.attemptId).toBeNull();
    expect(await rig.states()).toBe("failed: succeeded failed failed skipped");
    expect(await rig.problems()).toEqual([]);
  });

  it("is asked a third time when the second yes does not count any more either", async () => {
    await using rig = await again();
    await rig.answer("approve", BOB);
    await rig.fleet.revoke(BOB.id);

    const held = await rig.lease(1);

    expect(held.attemptId).toBeNull();
    expect((await rig.gates()).map(({ state }) => state)).toEqual(["superseded", "superseded", "pending"]);
    expect(await rig.problems()).toEqual([]);
  });

  it("is over with a run that is cancelled", async () => {
    await using rig = await again();

    await rig.fleet.cancel(rig.runId);

    expect((await rig.gates()).map(({ state }) => state)).toEqual(["superseded", "superseded"]);
    expect(await rig.states()).toBe("cancelled: succeeded cancelled cancelled cancelled");
    expect(await rig.problems()).toEqual([]);
  });

  it("expires by its own timer", async () => {
    await using rig = await again();
    rig.fleet.now += 60_000;

    for (const { id } of await rig.fleet.timers()) await rig.fleet.fire(id);

    expect(await rig.states()).toBe("failed: succeeded failed failed skipped");
    expect(await rig.problems()).toEqual([]);
  });

  it("asks whom the project names now", async () => {
    await using rig = await Rig.approved();
    await rig.fleet.store.run("putProject", {
      orgId: ORG,
      id: "default",
      approvals: { selfApproval: "refused", approvers: [BOB.id] },
      now: rig.fleet.now,
    });
    await rig.fleet.revoke(ANN.id);
    await rig.lease(1);

    const content = JSON.parse((await rig.gate()).content) as GateContent;

    expect(content).toMatchObject({ selfApproval: "refused", approvers: [BOB.id] });
  });
});

describe("a yes", () => {
  it.each([
    ["of an admin counts though others are named", ["admin"], ["tok_bob"], "leased"],
    ["of who is not named does not count, however it came into the row", ["gates:decide"], ["tok_bob"], "asked again"],
  ] as const)("%s", async (_, scopes, approvers, verdict) => {
    await using rig = await Rig.open({ approvers });
    await rig.fleet.token("tok_cat", scopes as readonly Scope[]);
    await rig.answer("approve", { kind: "token", id: "tok_cat" });

    const held = await rig.lease(1);

    expect(held.attemptId === null ? "asked again" : "leased").toBe(verdict);
  });

  it("of the server itself counts, which holds no token", async () => {
    await using rig = await Rig.open();
    await rig.answer("approve", { kind: "local", id: "local" });

    expect((await rig.lease(1)).attemptId).not.toBeNull();
  });

  it("counts on for a step that has begun: what the runner reports is taken", async () => {
    await using rig = await Rig.approved();
    const held = (await rig.lease(1)) as Held;
    await rig.fleet.revoke(ANN.id);

    await rig.fleet.start(held);
    await rig.fleet.finish(held);

    expect(await rig.states()).toBe("running: succeeded succeeded ready pending");
  });
});

describe("whatever happens around a gate", () => {
  const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

  /** What may happen next; what is not possible now is refused, and that changes nothing. */
  function happenings(rig: Rig, held: Map<number, Held>, pick: (count: number) => number) {
    const { fleet, runId } = rig;
    const step = 1 + pick(3);
    const somebody = pick(2) === 0 ? ANN : BOB;
    const let_ = async (work: (held: Held) => Promise<unknown>) => {
      const it = held.get(step);
      held.delete(step);
      if (it) await work(it);
    };
    return [
      () => rig.answer("approve", somebody),
      () => rig.answer("approve", somebody),
      async () => (pick(4) === 0 ? rig.answer("deny", somebody) : undefined),
      () => fleet.revoke(somebody.id),
      async () => {
        const before = await rig.gate();
        const leased = await rig.lease(step);
        if (leased.attemptId === null) return;
        held.set(step, leased);
        // The invariant: nothing is leased but by a yes that its giver could say at that moment.
        expect(before.state).toBe("approved");
        const token = await fleet.store.get<{ revoked_at: number | null }>(
          "SELECT revoked_at FROM tokens WHERE id = ?",
          String(before.decided_by).replace("token:", ""),
        );
        expect(token?.revoked_at).toBeNull();
      },
      () => let_(async (it) => fleet.start(it).then(() => fleet.finish(it))),
      () => let_((it) => fleet.lose(it)),
      async () => {
        fleet.now += 1 + pick(40_000);
        for (const { id } of await fleet.timers()) await fleet.fire(id);
      },
      async () => (pick(6) === 0 ? fleet.cancel(runId) : undefined),
    ];
  }

  it.each(SEEDS)(
    "leaves rows that are what the events say, and leases nothing without a yes that counts (%i)",
    async (seed) => {
      await using rig = await Rig.open();
      const random = seededRandom(seed + 1);
      const held = new Map<number, Held>();

      for (let turn = 0; turn < 25; turn++) {
        const what = happenings(rig, held, random);
        await what[random(what.length)]!().catch(ifRefused);
        expect(await rig.problems()).toEqual([]);
      }
    },
  );
});

function ifRefused(error: unknown): void {
  if (!(error instanceof UnitRefusal)) throw error;
}
