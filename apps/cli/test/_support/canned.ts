import { manifestHash } from "@signalbox/plugins";
import type {
  Approval,
  EventRecord,
  Gate,
  Plugin,
  PluginDetails,
  Run,
  RunDetails,
  RunEventType,
  Runner,
  Session,
  SessionEventType,
  Webhook,
  WebhookDelivery,
} from "@signalbox/protocol";
import { hashApprovalContent, hashGateContent } from "@signalbox/protocol/hash";

export const AT = "2026-11-21T08:00:00.000Z";

export function run(fields: Partial<Run> = {}): Run {
  return {
    id: "run_1",
    orgId: "default",
    projectId: "default",
    goal: "say hello",
    source: "plan",
    status: "running",
    progress: 0,
    lastSeq: 1,
    createdAt: AT,
    updatedAt: AT,
    ...fields,
  };
}

export function details(fields: Partial<RunDetails> = {}): RunDetails {
  return { run: run(), steps: [], gates: [], artifacts: [], summary: null, ...fields };
}

export function event(seq: number, type: RunEventType, data: Record<string, unknown>): EventRecord {
  return { stream: "run/run_1", seq, type, schemaVersion: 1, at: AT, actor: { kind: "system", id: "system" }, data };
}

export function gate(fields: Partial<Gate["content"]> = {}): Gate {
  const content: Gate["content"] = {
    v: 1,
    orgId: "default",
    projectId: "default",
    runId: "run_1",
    step: "release",
    description: "release it?",
    approvers: [],
    expiresAt: "2126-11-28T08:00:00.000Z",
    guards: [{ name: "deploy", tool: "deploy:production", inputs: {} }],
    ...fields,
  };
  return {
    id: "gate_1",
    runId: "run_1",
    step: content.step,
    status: "pending",
    content,
    contentHash: hashGateContent(content),
    requestedAt: AT,
    expiresAt: content.expiresAt,
  };
}

export function session(fields: Partial<Session> = {}): Session {
  return {
    sessionId: "ses_1.0",
    orgId: "default",
    projectId: "default",
    providerId: "codex",
    title: "Write a greeting",
    task: "Write a greeting",
    mode: "task",
    state: "RUNNING",
    runId: "run_1",
    step: "session",
    isWorking: true,
    turns: 1,
    hasTerminal: false,
    queue: [],
    pendingApprovals: [],
    usage: { inputTokens: 0, outputTokens: 0 },
    lastSeq: 1,
    createdAt: AT,
    updatedAt: AT,
    ...fields,
  };
}

export function sessionEvent(seq: number, type: SessionEventType, data: Record<string, unknown> = {}): EventRecord {
  return { ...event(seq, "run.started", data), stream: "ses_1.0", type };
}

/** An approval whose hash is that of its content. */
export function approval(fields: Partial<Approval> = {}): Approval {
  const asked: Approval = {
    approvalId: "apr_1",
    orgId: "default",
    sessionId: "ses_1.0",
    kind: "permission",
    action: "command",
    description: "npm publish",
    context: { command: "npm publish" },
    origin: { attemptId: "att_1", epoch: 1, requestId: "r1" },
    state: "pending",
    contentHash: "",
    requestedAt: AT,
    expiresAt: "2126-11-28T08:00:00.000Z",
    approvers: [],
    ...fields,
  };
  const { orgId, sessionId = "", kind, action, description, context, questions = null, origin = null } = asked;
  const { approvers, selfApproval, requesters } = asked;
  const rule = selfApproval === undefined ? {} : { approvers, selfApproval, requesters };
  const content = { v: 1 as const, orgId, sessionId, kind, action, description, context, questions, origin, ...rule };
  return { ...asked, contentHash: fields.contentHash ?? hashApprovalContent(content) };
}

export function runner(fields: Partial<Runner> = {}): Runner {
  return {
    id: "rnr_1",
    orgId: "default",
    hostname: "build-1",
    status: "online",
    connected: true,
    capabilities: { providers: ["codex"], maxConcurrentSessions: 5, features: [] },
    labels: { os: "linux" },
    metadata: {},
    runtimeVersions: {},
    activeAttempts: 2,
    registeredAt: AT,
    ...fields,
  };
}

export function plugin(fields: Partial<Plugin> = {}): Plugin {
  return {
    id: "plg_1",
    orgId: "default",
    name: "crier",
    version: "1.0.0",
    state: "pending",
    origin: "folder",
    manifestHash: manifestHash(MANIFEST),
    connected: false,
    breaker: "closed",
    process: { state: "stopped", restarts: 0 },
    registeredAt: AT,
    updatedAt: AT,
    ...fields,
  };
}

export function webhook(fields: Partial<Webhook> = {}): Webhook {
  return {
    id: "whk_1",
    orgId: "default",
    url: "https://hooks.example/in",
    events: ["run.failed", "approval.*"],
    active: true,
    origin: "api",
    breaker: "closed",
    createdAt: AT,
    createdBy: { kind: "token", id: "tok_1" },
    updatedAt: AT,
    ...fields,
  };
}

export function delivery(fields: Partial<WebhookDelivery> = {}): WebhookDelivery {
  return {
    id: "whd_1",
    webhookId: "whk_1",
    eventType: "run.failed",
    stream: "run_1",
    seq: 7,
    runId: "run_1",
    state: "delivered",
    attempts: 1,
    lastStatus: 200,
    createdAt: AT,
    endedAt: AT,
    ...fields,
  };
}

const MANIFEST = { name: "crier", version: "1.0.0" };

export function pluginDetails(fields: Partial<PluginDetails> = {}): PluginDetails {
  return {
    ...plugin(),
    manifest: MANIFEST,
    access: { publish: ["news/**"], subscribe: ["system/broadcast"], request: ["*"], call: [], serve: true },
    log: [{ at: AT, stream: "stdout", text: "hello" }],
    ...fields,
  };
}

const attempt = { attemptId: "att_1", epoch: 1, runnerId: "rnr_1" };
const sandbox = { engine: "bubblewrap", network: "host" };

/** The events of a run with these steps, one after the other, all of which succeed but those that fail. */
export function story(steps: readonly string[], { failing = [] as readonly string[] } = {}): EventRecord[] {
  const events: [RunEventType, Record<string, unknown>][] = [
    [
      "run.created",
      {
        goal: "say hello",
        projectId: "default",
        source: "plan",
        steps: steps.map((name, index) => ({ name, tool: "command", needs: index === 0 ? [] : [steps[index - 1]] })),
      },
    ],
    ["run.started", {}],
  ];
  for (const name of steps) {
    const status = failing.includes(name) ? "failed" : "succeeded";
    events.push(["step.started", { ...attempt, name, number: 1, sandbox }]);
    events.push([
      "step.finished",
      {
        name,
        status,
        durationMs: 400,
        ...(status === "failed" ? { message: "exit code 1", reason: "tool_failure" } : {}),
      },
    ]);
  }
  const ending = { goal: "say hello", duration: 1_200, steps_count: steps.length };
  events.push(
    failing.length > 0
      ? ["run.failed", { ...ending, error: "a step failed", reason: "tool_failure" }]
      : ["run.succeeded", ending],
  );
  return events.map(([type, data], index) => event(index + 1, type, data));
}
