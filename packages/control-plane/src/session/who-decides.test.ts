import { hashApprovalContent, hashGateContent } from "@signalbox/protocol/hash";
import type { ApprovalContent, PutApprovalPolicy, Scope } from "@signalbox/protocol";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { caller, command, dataOf, Rig } from "../../test/_support/rig.ts";

const ANN = caller(["runs:write", "runs:read", "sessions:write", "sessions:read", "gates:decide"], { id: "tok_ann" });
const BOB = caller(["gates:decide", "sessions:read"], { id: "tok_bob" });
const BOSS = caller(["admin"], { id: "tok_boss" });

/** A rig whose project "default" has a policy. */
async function under(approvals: PutApprovalPolicy): Promise<Rig> {
  const rig = await Rig.open();
  dataOf(await rig.plane.projects.putProject("default", { approvals }));
  return rig;
}

/** A gate with nothing before it, in a run that ann has made. */
async function gateOf(rig: Rig, inputs: Record<string, string[]> = {}) {
  const steps = [{ name: "ask", tool: "gate:manual", inputs }, command("deploy", { needs: ["ask"] })];
  const run = dataOf(await rig.plane.runs.createRun({ plan: { goal: "g", steps } }, ANN));
  return { run, gate: (await rig.details(run.id)).gates[0]! };
}

/** A session that ann has made, in which bob asks leave for something. */
async function actionOf(rig: Rig, asker = BOB) {
  const wanted = { orgId: "default", providerId: "codex", task: "Do it" };
  const session = dataOf(await rig.plane.sessions.createSession(wanted as never, ANN));
  const scopes = new Set<Scope>([...asker.principal.scopes, "sessions:write"]);
  const context = { ...asker, principal: { ...asker.principal, scopes } };
  const { sessionId } = session;
  return dataOf(await rig.plane.sessions.requestApproval(sessionId, "merge", "to main", {}, context));
}

describe("a gate of a project that refuses self-approval", () => {
  // Red without `requireDecider` in the handler, and with a rule that admins may pass.
  it("takes no yes of who made the run, also not of an admin; a no takes it back", async () => {
    await using rig = await under({ selfApproval: "refused" });
    const { run, gate } = await gateOf(rig);
    const asAdmin = caller(["admin"], { id: "tok_ann" });

    const own = await rig.plane.gates.approveGate(gate.id, {}, ANN);
    const admin = await rig.plane.approvals.resolveApproval(gate.id, { decision: "allow" }, asAdmin);
    const no = await rig.plane.gates.rejectGate(gate.id, {}, ANN);

    expect([own.error?.code, admin.error?.code, no.success]).toEqual(["SELF_APPROVAL", "SELF_APPROVAL", true]);
    expect(own.error?.details).toEqual({ approvers: [], selfApproval: "refused" });
    expect((await rig.details(run.id)).run.reason).toBe("gate_denied");
  });

  it("takes the yes of another", async () => {
    await using rig = await under({ selfApproval: "refused" });
    const { gate } = await gateOf(rig);

    const approved = await rig.plane.gates.approveGate(gate.id, {}, BOB);

    expect(approved.data?.decidedBy).toEqual({ kind: "token", id: "tok_bob" });
  });

  it("says so in what is asked, in its hash, and in the event", async () => {
    await using rig = await under({ selfApproval: "refused", approvers: ["tok_bob"] });
    const { run, gate } = await gateOf(rig);

    const view = dataOf(await rig.plane.approvals.getApproval(gate.id));

    const rule = {
      approvers: ["tok_bob"],
      selfApproval: "refused",
      requesters: [{ kind: "token", id: "tok_ann" }],
    };
    expect(gate.content).toMatchObject(rule);
    expect(view).toMatchObject(rule);
    expect(hashGateContent({ ...gate.content, selfApproval: "allowed" })).not.toBe(gate.contentHash);
    expect((await rig.events(run.id)).find(({ type }) => type === "gate.pending")?.data).toMatchObject({
      approvers: ["tok_bob"],
      selfApproval: "refused",
    });
  });

  it("keeps its rule when the project's is changed", async () => {
    await using rig = await under({ selfApproval: "refused" });
    const { gate } = await gateOf(rig);
    await rig.plane.projects.putProject("default", { approvals: { selfApproval: "allowed" } });
    const { gate: later } = await gateOf(rig);

    const verdicts = [
      await rig.plane.gates.approveGate(gate.id, {}, ANN),
      await rig.plane.gates.approveGate(later.id, {}, ANN),
    ];

    expect(verdicts.map(({ error }) => error?.code ?? "taken")).toEqual(["SELF_APPROVAL", "taken"]);
  });
});

describe("a gate whose rule was changed in the database", () => {
  // Red without `requireUntouched` in the unit `resolveGate`.
  it("takes no yes, and a no", async () => {
    await using directory = await tempDir();
    await using rig = await Rig.open({ directory: directory.path });
    dataOf(await rig.plane.projects.putProject("default", { approvals: { selfApproval: "refused" } }));
    const { gate } = await gateOf(rig);
    await rig.settle();
    rig.editDatabase("UPDATE gates SET content = replace(content, 'refused', 'allowed') WHERE id = ?", gate.id);

    const yes = await rig.plane.gates.approveGate(gate.id, {}, ANN);
    const no = await rig.plane.gates.rejectGate(gate.id, {}, ANN);

    expect([yes.error?.code, no.data?.status]).toEqual(["CONTENT_CHANGED", "denied"]);
  });
});

describe("the approvers of a project", () => {
  // Red where the approvers of a step come before those of its project.
  it("are not widened by a plan that names others", async () => {
    await using rig = await under({ approvers: ["tok_bob"] });
    const { gate } = await gateOf(rig, { approvers: ["tok_ann"] });

    const own = await rig.plane.gates.approveGate(gate.id, {}, ANN);
    const boss = await rig.plane.gates.approveGate(gate.id, {}, BOSS);

    expect(gate.content.approvers).toEqual(["tok_bob"]);
    expect([own.error?.code, boss.success]).toEqual(["FORBIDDEN", true]);
  });
});

describe("leave for an action", () => {
  // Red without `requireDecider` in the ApprovalHandler, and without it in the SessionHandler.
  it("is given neither by who asked for it nor by who made the session, where that is refused", async () => {
    await using rig = await under({ selfApproval: "refused" });
    const { approvalId, sessionId = "" } = await actionOf(rig);

    const verdicts = [];
    for (const who of [ANN, BOB])
      verdicts.push(await rig.plane.sessions.resolveApproval(sessionId, { approvalId, decision: "allow" }, who));
    for (const who of [ANN, BOB, BOSS])
      verdicts.push(await rig.plane.approvals.resolveApproval(approvalId, { decision: "allow" }, who));

    const own = "SELF_APPROVAL";
    expect(verdicts.map(({ error }) => error?.code ?? "taken")).toEqual([own, own, own, own, "taken"]);
  });

  it("is for the project's approvers, and its hash says so", async () => {
    await using rig = await under({ approvers: ["tok_boss"] });
    const { approvalId } = await actionOf(rig, ANN);

    const asked = dataOf(await rig.plane.approvals.getApproval(approvalId));
    const stranger = await rig.plane.approvals.resolveApproval(approvalId, { decision: "deny" }, BOB);
    const back = await rig.plane.approvals.resolveApproval(approvalId, { decision: "deny" }, ANN);

    const { orgId, sessionId, kind, action, description, context, approvers, selfApproval, requesters } = asked;
    const shown = { v: 1, orgId, sessionId, kind, action, description, context, questions: null, origin: null };
    const content = { ...shown, approvers, selfApproval, requesters } as ApprovalContent;
    expect(hashApprovalContent(content)).toBe(asked.contentHash);
    expect([stranger.error?.code, back.success]).toEqual(["FORBIDDEN", true]);
  });

  it("counts no more once whoever gave it has lost their token, and says so to who wants to act on it", async () => {
    await using rig = await Rig.open();
    const { approvalId } = await actionOf(rig, ANN);
    await rig.known(BOB);
    dataOf(await rig.plane.approvals.resolveApproval(approvalId, { decision: "allow" }, BOB));

    const before = dataOf(await rig.plane.approvals.getApproval(approvalId));
    dataOf(await rig.plane.tokens.revokeToken("tok_bob"));
    const after = dataOf(await rig.plane.approvals.getApproval(approvalId));

    expect(before).toMatchObject({ state: "allowed" });
    expect(before).not.toHaveProperty("lapsed");
    expect(after.lapsed).toBe("token:tok_bob is revoked, out of time, or not known");
  });

  it("may be given by who asked where nothing else is said", async () => {
    await using rig = await Rig.open();
    const { approvalId } = await actionOf(rig, ANN);

    expect((await rig.plane.approvals.resolveApproval(approvalId, { decision: "allow" }, ANN)).success).toBe(true);
  });
});

describe("whoever said yes", () => {
  /** A gate that bob has let through, before any runner is there. */
  async function approved(): Promise<{ rig: Rig; runId: string; gateId: string }> {
    const rig = await Rig.open();
    const { run, gate } = await gateOf(rig);
    for (const who of [ANN, BOB, BOSS]) await rig.known(who);
    dataOf(await rig.plane.gates.approveGate(gate.id, {}, BOB));
    return { rig, runId: run.id, gateId: gate.id };
  }

  // Red without the look at the gate's giver in the unit `leaseAttempt`.
  it("must be able to say it still when what they let through begins; else it is asked again", async () => {
    const { rig, runId, gateId } = await approved();
    await using _ = rig;
    dataOf(await rig.plane.tokens.revokeToken("tok_bob"));
    const runner = await rig.runner();

    await eventually(async () => (await rig.details(runId)).gates.length === 2);
    const { gates } = await rig.details(runId);

    const again = gates.find(({ id }) => id !== gateId)!;
    expect(gates.map(({ status }) => status).sort()).toEqual(["pending", "superseded"]);
    expect(gates.find(({ id }) => id === gateId)?.decidedBy).toEqual({ kind: "token", id: "tok_bob" });
    expect(dataOf(await rig.plane.runs.explainRun(runId))).toMatchObject([{ step: "deploy", reason: "gate" }]);
    expect(runner.grants).toEqual([]);

    dataOf(await rig.plane.approvals.resolveApproval(again.id, { decision: "allow" }, BOSS));
    const grant = await runner.grant();
    expect(grant.envelope.approvals).toEqual([{ gateId: again.id, contentHash: again.contentHash }]);
  });

  it("is not asked again when a runner takes what they let through while they may", async () => {
    const { rig, runId } = await approved();
    await using _ = rig;
    const runner = await rig.runner();
    const grant = await runner.grant();
    dataOf(await rig.plane.tokens.revokeToken("tok_bob"));

    await runner.work(grant);

    expect(await rig.states(runId)).toBe("succeeded: succeeded succeeded");
  });

  it("is looked at after a restart too, and what waits for another answer waits on", async () => {
    const { rig, runId } = await approved();
    await using _ = rig;
    dataOf(await rig.plane.tokens.revokeToken("tok_bob"));
    await rig.runner();
    await eventually(async () => (await rig.details(runId)).gates.length === 2);

    await rig.startPlane();
    const runner = await rig.runner();
    await eventually(() => runner.heard("withdraw").length > 0);
    const again = (await rig.details(runId)).gates.find(({ status }) => status === "pending")!;
    dataOf(await rig.plane.gates.approveGate(again.id, {}, ANN));

    expect((await runner.grant()).envelope.approvals).toEqual([{ gateId: again.id, contentHash: again.contentHash }]);
    expect((await rig.details(runId)).gates).toHaveLength(2);
  });
});
