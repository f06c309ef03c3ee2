import { SCOPES, type ApiResponse, type ErrorCode, type Scope } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { approvedPlugin, manifestOf } from "../../test/_support/plugins.ts";
import { caller, command, dataOf, Rig } from "../../test/_support/rig.ts";
import type { ControlPlane, RequestContext } from "../index.ts";

/** Ids of one org's things. */
interface Ids {
  readonly run: string;
  readonly gate: string;
  readonly artifact: string;
  readonly runner: string;
  readonly project: string;
  readonly plugin: string;
  readonly manifestHash: string;
  readonly token: string;
  readonly session: string;
  readonly input: string;
  readonly approval: string;
  readonly webhook: string;
  readonly delivery: string;
}

interface Method {
  readonly scope: Scope;
  /** True: it takes an id of something that must be the caller's. */
  readonly takesId: boolean;
  /** What a permitted caller is refused for, where there is more in the way. */
  readonly refusal?: ErrorCode;
  /** Scopes that are needed beside it. */
  readonly beside?: readonly Scope[];
  readonly call: (plane: ControlPlane, ids: Ids, context: RequestContext) => Promise<ApiResponse<unknown>>;
}

const signal = AbortSignal.abort();
const LOAD = { cpuPercent: 1, memoryPercent: 1, diskPercent: 1 };
const CREATE = { command: "true" };

function withId(scope: Scope, call: Method["call"], more: Pick<Method, "refusal"> = {}): Method {
  return { scope, takesId: true, call, ...more };
}

function plain(scope: Scope, call: Method["call"], more: Pick<Method, "refusal" | "beside"> = {}): Method {
  return { scope, takesId: false, call, ...more };
}

const OPEN = { orgId: "default", providerId: "codex", task: "Do it" } as const;
/** It waits for an answer, and no runner has it. */
const NOT_RUNNING = { refusal: "INVALID_STATE" } as const;

/** It runs elsewhere, so nobody can start or stop it here. */
const ELSEWHERE = { refusal: "INVALID_STATE" } as const;

const HOOK = "https://hooks.example/";
/** It has not arrived yet. */
const ON_ITS_WAY = { refusal: "INVALID_STATE" } as const;

/** Every method of every handler that somebody can call over the wire. */
const METHODS: Readonly<Record<string, Method>> = {
  "runs.createRun": plain("runs:write", (plane, _, context) => plane.runs.createRun(CREATE, context)),
  "runs.createRun from another": withId("runs:write", (plane, ids, context) =>
    plane.runs.createRun({ ...CREATE, fromRunId: ids.run }, context),
  ),
  "runs.createRun by reference": withId("runs:write", (plane, ids, context) =>
    plane.runs.createRun({ instructions: "x", referenceRunId: ids.run }, context),
  ),
  "runs.getRun": withId("runs:read", (plane, ids, context) => plane.runs.getRun(ids.run, context)),
  "runs.listRuns": plain("runs:read", (plane, _, context) => plane.runs.listRuns({}, context)),
  "runs.cancelRun": withId("runs:write", (plane, ids, context) => plane.runs.cancelRun(ids.run, {}, context)),
  "runs.getStep": withId("runs:read", (plane, ids, context) => plane.runs.getStep(ids.run, "work", context)),
  "runs.explainRun": withId("runs:read", (plane, ids, context) => plane.runs.explainRun(ids.run, context)),
  "runs.listEvents": withId("runs:read", (plane, ids, context) => plane.runs.listEvents(ids.run, {}, context)),
  "runs.followEvents": withId("runs:read", (plane, ids, context) =>
    plane.runs.followEvents(ids.run, { signal }, context),
  ),
  "runs.followOutput": withId("runs:read", (plane, ids, context) =>
    plane.runs.followOutput(ids.run, { signal }, context),
  ),
  "gates.getGate": withId("runs:read", (plane, ids, context) => plane.gates.getGate(ids.gate, context)),
  "gates.listGates": plain("runs:read", (plane, _, context) => plane.gates.listGates({}, context)),
  "gates.approveGate": withId("gates:decide", (plane, ids, context) => plane.gates.approveGate(ids.gate, {}, context)),
  "gates.rejectGate": withId("gates:decide", (plane, ids, context) => plane.gates.rejectGate(ids.gate, {}, context)),
  "runs.getArtifact": withId("runs:read", (plane, ids, context) => plane.runs.getArtifact(ids.artifact, context)),
  "runs.listFiles": withId("runs:read", (plane, ids, context) => plane.runs.listFiles(ids.run, context)),
  "runs.getFile": withId("runs:read", (plane, ids, context) => plane.runs.getFile(ids.run, "report.md", context)),
  "projects.putProject": plain("projects:write", (plane, ids, context) =>
    plane.projects.putProject(ids.project, {}, context),
  ),
  "projects.getProject": withId("runs:read", (plane, ids, context) => plane.projects.getProject(ids.project, context)),
  "projects.listProjects": plain("runs:read", (plane, _, context) => plane.projects.listProjects({}, context)),
  "projects.putSecret": withId("projects:write", (plane, ids, context) =>
    plane.projects.putSecret(ids.project, "s", "N", { value: "v" }, context),
  ),
  "projects.deleteSecret": withId("projects:write", (plane, ids, context) =>
    plane.projects.deleteSecret(ids.project, "prod", "KEY", context),
  ),
  "runners.registerRunner": plain("runners:write", (plane, _, context) =>
    plane.runners.registerRunner({ hostname: "h", capabilities: {} }, context),
  ),
  "runners.handleHeartbeat": withId("runners:write", (plane, ids, context) =>
    plane.runners.handleHeartbeat(
      { runnerId: ids.runner, timestamp: "2025-01-01T00:00:00Z", activeSessions: [], load: LOAD },
      context,
    ),
  ),
  "runners.getRunner": withId("runners:read", (plane, ids, context) => plane.runners.getRunner(ids.runner, context)),
  "runners.listRunners": plain("runners:read", (plane, _, context) => plane.runners.listRunners({}, context)),
  "runners.drainRunner": withId("runners:write", (plane, ids, context) =>
    plane.runners.drainRunner(ids.runner, context),
  ),
  "runners.resumeRunner": withId("runners:write", (plane, ids, context) =>
    plane.runners.resumeRunner(ids.runner, context),
  ),
  "runners.deregisterRunner": withId("runners:write", (plane, ids, context) =>
    plane.runners.deregisterRunner(ids.runner, undefined, context),
  ),
  "runners.createEnrolmentToken": plain("runners:write", (plane, _, context) =>
    plane.runners.createEnrolmentToken({}, context),
  ),
  "plugins.listPlugins": plain("plugins:read", (plane, _, context) => plane.plugins.listPlugins(context)),
  "plugins.getPlugin": withId("plugins:read", (plane, ids, context) => plane.plugins.getPlugin(ids.plugin, context)),
  "plugins.registerPlugin": plain("plugins:write", (plane, _, context) =>
    plane.plugins.registerPlugin({ manifest: manifestOf("herald") }, context),
  ),
  "plugins.approvePlugin": withId("plugins:approve", (plane, ids, context) =>
    plane.plugins.approvePlugin(ids.plugin, { manifestHash: ids.manifestHash }, context),
  ),
  "plugins.revokePlugin": withId("plugins:approve", (plane, ids, context) =>
    plane.plugins.revokePlugin(ids.plugin, {}, context),
  ),
  "plugins.startPlugin": withId(
    "plugins:write",
    (plane, ids, context) => plane.plugins.startPlugin(ids.plugin, context),
    ELSEWHERE,
  ),
  "plugins.stopPlugin": withId(
    "plugins:write",
    (plane, ids, context) => plane.plugins.stopPlugin(ids.plugin, context),
    ELSEWHERE,
  ),
  "plugins.restartPlugin": withId(
    "plugins:write",
    (plane, ids, context) => plane.plugins.restartPlugin(ids.plugin, context),
    ELSEWHERE,
  ),
  "plugins.readLog": withId("plugins:read", (plane, ids, context) => plane.plugins.readLog(ids.plugin, context)),
  "plugins.createToken": withId("plugins:approve", (plane, ids, context) =>
    plane.plugins.createToken(ids.plugin, {}, context),
  ),
  "plugins.routeRequest": plain("plugins:read", (plane, _, context) => plane.plugins.routeRequest({}, context)),
  "plugins.dispatchRequest": plain("plugins:call", (plane, _, context) => plane.plugins.dispatchRequest({}, context), {
    refusal: "NO_PLUGIN_FITS",
  }),
  "webhooks.listWebhooks": plain("webhooks:read", (plane, _, context) => plane.webhooks.listWebhooks(context)),
  "webhooks.getWebhook": withId("webhooks:read", (plane, ids, context) =>
    plane.webhooks.getWebhook(ids.webhook, context),
  ),
  "webhooks.createWebhook": plain(
    "webhooks:write",
    (plane, _, context) => plane.webhooks.createWebhook({ url: HOOK, events: ["run.*"] }, context),
    { beside: ["runs:read"] },
  ),
  "webhooks.updateWebhook": withId("webhooks:write", (plane, ids, context) =>
    plane.webhooks.updateWebhook(ids.webhook, { active: false }, context),
  ),
  "webhooks.deleteWebhook": withId("webhooks:write", (plane, ids, context) =>
    plane.webhooks.deleteWebhook(ids.webhook, context),
  ),
  "webhooks.rotateSecret": withId("webhooks:write", (plane, ids, context) =>
    plane.webhooks.rotateSecret(ids.webhook, {}, context),
  ),
  "webhooks.testWebhook": withId("webhooks:write", (plane, ids, context) =>
    plane.webhooks.testWebhook(ids.webhook, context),
  ),
  "webhooks.listDeliveries": withId("webhooks:read", (plane, ids, context) =>
    plane.webhooks.listDeliveries(ids.webhook, {}, context),
  ),
  "webhooks.getDelivery": withId("webhooks:read", (plane, ids, context) =>
    plane.webhooks.getDelivery(ids.webhook, ids.delivery, context),
  ),
  "webhooks.redeliver": withId(
    "webhooks:write",
    (plane, ids, context) => plane.webhooks.redeliver(ids.webhook, ids.delivery, context),
    ON_ITS_WAY,
  ),
  "webhooks.redeliverFailed": withId("webhooks:write", (plane, ids, context) =>
    plane.webhooks.redeliverFailed(ids.webhook, {}, context),
  ),
  "tokens.createToken": plain("admin", (plane, _, context) =>
    plane.tokens.createToken({ name: "n", scopes: ["runs:read"] }, context),
  ),
  "tokens.listTokens": plain("admin", (plane, _, context) => plane.tokens.listTokens(context)),
  "tokens.revokeToken": withId("admin", (plane, ids, context) => plane.tokens.revokeToken(ids.token, context)),
  "sessions.createSession": plain("sessions:write", (plane, _, context) => plane.sessions.createSession(OPEN, context)),
  "sessions.createSession as a fork": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.createSession({ ...OPEN, forkOf: ids.session }, context),
  ),
  "sessions.getSession": withId("sessions:read", (plane, ids, context) =>
    plane.sessions.getSession(ids.session, context),
  ),
  "sessions.listSessions": plain("sessions:read", (plane, _, context) =>
    plane.sessions.listSessions("default", {}, context),
  ),
  "sessions.stopSession": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.stopSession(ids.session, "x", context),
  ),
  "sessions.pauseSession": withId(
    "sessions:write",
    (plane, ids, context) => plane.sessions.pauseSession(ids.session, context),
    NOT_RUNNING,
  ),
  "sessions.resumeSession": withId(
    "sessions:write",
    (plane, ids, context) => plane.sessions.resumeSession(ids.session, context),
    NOT_RUNNING,
  ),
  "sessions.interruptSession": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.interruptSession(ids.session, context),
  ),
  "sessions.sendInput": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.sendInput(ids.session, { text: "x" }, context),
  ),
  "sessions.withdrawInput": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.withdrawInput(ids.session, ids.input, context),
  ),
  "sessions.reorderInputs": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.reorderInputs(ids.session, [ids.input], context),
  ),
  "sessions.requestApproval": withId("sessions:write", (plane, ids, context) =>
    plane.sessions.requestApproval(ids.session, "merge", "", {}, context),
  ),
  "sessions.resolveApproval": withId("gates:decide", (plane, ids, context) =>
    plane.sessions.resolveApproval(ids.session, { approvalId: ids.approval, decision: "allow" }, context),
  ),
  "sessions.followEvents": withId("sessions:read", (plane, ids, context) =>
    plane.sessions.followEvents(ids.session, { signal }, context),
  ),
  "approvals.listApprovals": plain("sessions:read", (plane, _, context) => plane.approvals.listApprovals({}, context)),
  "approvals.getApproval": withId("sessions:read", (plane, ids, context) =>
    plane.approvals.getApproval(ids.approval, context),
  ),
  "approvals.resolveApproval": withId("gates:decide", (plane, ids, context) =>
    plane.approvals.resolveApproval(ids.approval, { decision: "allow" }, context),
  ),
  "approvals.resolveApproval at a gate": withId("gates:decide", (plane, ids, context) =>
    plane.approvals.resolveApproval(ids.gate, { decision: "allow" }, context),
  ),
  "tokens.createSocketTicket": plain("sessions:read", (plane, _, context) => plane.tokens.createSocketTicket(context)),
  "tokens.createTicket": withId("runs:read", (plane, ids, context) => plane.tokens.createTicket(ids.run, context)),
};

/** Methods that take no caller: a machine proves itself, a bearer is looked up, a ticket is its own credential; and the emitter's. */
const WITHOUT_CALLER = new Set([
  "enrolRunner",
  "authenticate",
  "redeemTicket",
  "redeemSocketTicket",
  "isStillGood",
  "flush",
  "take",
  "declare",
  "readStats",
]);

/** A run with a gate and an artifact, a project with a secret, a runner and a token: one of everything. */
async function oneOfEverything(rig: Rig): Promise<Ids> {
  const runner = await rig.runner();
  dataOf(await rig.plane.projects.putProject("secret-project", {}));
  dataOf(await rig.plane.projects.putSecret("secret-project", "prod", "KEY", { value: "v" }));
  const run = await rig.createRun([command("work"), { name: "ask", tool: "gate:manual" }], {
    projectId: "secret-project",
  });
  const file = "secret contents";
  await runner.work(await runner.grant(), {
    changes: await rig.putChanges({ "report.md": file }),
    artifacts: [{ path: "report.md", sha256: await rig.putBlob(file), bytes: file.length }],
  });
  const { gates, artifacts } = await rig.details(run.id);
  const plugin = await approvedPlugin(rig, "crier");
  const token = dataOf(await rig.plane.tokens.createToken({ name: "n", scopes: ["runs:read"] }));
  const opened = dataOf(await rig.plane.sessions.createSession(OPEN));
  const session = dataOf(await rig.plane.sessions.sendInput(opened.sessionId, { text: "Also this" }));
  const approval = dataOf(await rig.plane.sessions.requestApproval(opened.sessionId, "merge"));
  const webhook = dataOf(await rig.plane.webhooks.createWebhook({ url: HOOK }));
  const delivery = dataOf(await rig.plane.webhooks.testWebhook(webhook.id));
  return {
    run: run.id,
    gate: gates[0]!.id,
    artifact: artifacts[0]!.id,
    runner: runner.runnerId,
    project: "secret-project",
    plugin: plugin.name,
    manifestHash: plugin.manifestHash,
    token: token.id,
    session: session.sessionId,
    input: session.queue[0]!.inputId,
    approval: approval.approvalId,
    webhook: webhook.id,
    delivery: delivery.id,
  };
}

const ABSENT: Ids = {
  run: "run_absent",
  gate: "gate_absent.0",
  artifact: "art_absent.0.0",
  runner: "rnr_absent",
  project: "absent-project",
  plugin: "absent-plugin",
  manifestHash: "0".repeat(64),
  token: "absent-token",
  session: "ses_absent.0",
  input: "inp_absent.1",
  approval: "apr_absent.1",
  webhook: "whk_absent",
  delivery: "whd_absent",
};

describe("every method of every handler", () => {
  it("stands in the table of this test", async () => {
    await using rig = await Rig.open();
    const methods = (
      ["runs", "gates", "sessions", "approvals", "projects", "runners", "plugins", "webhooks", "tokens"] as const
    ).flatMap((name) =>
      Object.getOwnPropertyNames(Object.getPrototypeOf(rig.plane[name]))
        .filter((method) => method !== "constructor" && !WITHOUT_CALLER.has(method))
        .map((method) => `${name}.${method}`),
    );

    expect(new Set(Object.keys(METHODS).map((name) => name.split(" ")[0]))).toEqual(new Set(methods));
  });

  it("refuses every caller without its scope, whatever others there are, before it looks at anything", async () => {
    await using rig = await Rig.open();
    const ids = await oneOfEverything(rig);
    const counted = async () =>
      rig.store.all(
        "SELECT (SELECT COUNT(*) FROM events) AS events, (SELECT COUNT(*) FROM tokens) AS tokens, (SELECT COUNT(*) FROM secrets) AS secrets",
      );
    const before = await counted();

    for (const [name, { scope, call }] of Object.entries(METHODS)) {
      const others = SCOPES.filter((candidate) => candidate !== scope && candidate !== "admin");
      for (const known of [ids, ABSENT]) {
        const { error } = await call(rig.plane, known, caller(others));
        expect([name, error?.code, error?.details]).toEqual([name, "FORBIDDEN", { scope }]);
      }
    }

    expect(await counted()).toEqual(before);
  });

  it.each(Object.entries(METHODS))(
    "%s permits a caller with its scope alone, and an admin",
    async (_, { scope, call, refusal, beside = [] }) => {
      for (const scopes of [[scope, ...beside], ["admin"]] as const) {
        await using rig = await Rig.open();
        const { error } = await call(rig.plane, await oneOfEverything(rig), caller(scopes));
        expect(error?.code).toBe(refusal);
      }
    },
  );
});

describe("another org", () => {
  // Red without the org in any one statement or comparison: `readRun`, `readGate`, `readArtifact`, `readRunner`, `loadRun`, …
  it("gets for every id of this one the answer that an id gets which nobody has", async () => {
    await using rig = await Rig.open();
    const ids = await oneOfEverything(rig);
    const stranger = caller(["admin"], { orgId: "other", id: "tok_other" });

    for (const [name, { takesId, call }] of Object.entries(METHODS)) {
      if (!takesId) continue;
      const foreign = await call(rig.plane, ids, stranger);
      const absent = await call(rig.plane, ABSENT, stranger);

      const text = (answer: ApiResponse<unknown>, known: Ids) =>
        Object.entries(known).reduce(
          (all, [kind, id]) => all.replaceAll(id as string, `<${kind}>`),
          JSON.stringify(answer),
        );
      expect(foreign.success).toBe(false);
      expect([name, text(foreign, ids)]).toEqual([name, text(absent, ABSENT)]);
    }
  });

  it("sees nothing of this one in lists, and has its own project of the same name", async () => {
    await using rig = await Rig.open();
    const ids = await oneOfEverything(rig);
    const stranger = caller(["admin"], { orgId: "other", id: "tok_other" });

    dataOf(await rig.plane.projects.putProject(ids.project, { name: "theirs" }, stranger));

    expect(dataOf(await rig.plane.runs.listRuns({}, stranger)).items).toEqual([]);
    expect(dataOf(await rig.plane.gates.listGates({}, stranger)).items).toEqual([]);
    expect(dataOf(await rig.plane.gates.listGates({ runId: ids.run }, stranger)).items).toEqual([]);
    expect(dataOf(await rig.plane.runners.listRunners({}, stranger))).toMatchObject({ items: [], total: 0 });
    expect(dataOf(await rig.plane.plugins.listPlugins(stranger)).items).toEqual([]);
    expect(dataOf(await rig.plane.webhooks.listWebhooks(stranger)).items).toEqual([]);
    expect(dataOf(await rig.plane.tokens.listTokens(stranger)).items).toEqual([]);
    expect(dataOf(await rig.plane.projects.listProjects({}, stranger)).items).toMatchObject([
      { name: "theirs", secrets: {} },
    ]);
    expect(dataOf(await rig.plane.projects.getProject(ids.project))).toMatchObject({
      name: ids.project,
      secrets: { prod: ["KEY"] },
    });
  });
});
