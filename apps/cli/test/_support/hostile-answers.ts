import { AgentEventSchema, type AgentEvent } from "@signalbox/agents";
import {
  type Approval,
  ApprovalSchema,
  EventRecordSchema,
  GateSchema,
  PluginDetailsSchema,
  ProjectSchema,
  RunDetailsSchema,
  RunnerSchema,
  SessionSchema,
  TokenSchema,
  WebhookDeliveryDetailsSchema,
  WebhookDeliverySchema,
  WebhookSchema,
} from "@signalbox/protocol";

import {
  approval,
  AT,
  delivery,
  details,
  gate,
  pluginDetails,
  run,
  runner,
  session,
  sessionEvent,
  story,
  webhook,
} from "./canned.ts";
import { eventStream, outputStream, refusal, type Answer } from "./fake-api.ts";

const ESC = "\u001b";
/** What an attacker would have a terminal do, one of each kind. */
const ORDERS = {
  "moves the cursor and clears": `${ESC}[2J${ESC}[1;1H${ESC}[1A${ESC}[2K`,
  conceals: `${ESC}[8m`,
  "sets the title": `${ESC}]0;owned\u0007`,
  "links elsewhere": `${ESC}]8;;https://evil.example${ESC}\\here${ESC}]8;;${ESC}\\`,
  "writes the clipboard": `${ESC}]52;c;cm0gLXJmIC8K\u0007`,
  "asks for an answer that is typed": `${ESC}[c${ESC}[6n${ESC}P$q"p${ESC}\\`,
  "is 8 bits wide": "\u009b2J\u009d0;owned\u009c\u0090q\u009c",
  "ends nowhere": `${ESC}]0;open`,
  "switches the character set": `${ESC}(0${ESC}#8${ESC}c`,
  "writes over the line": "\r\u0008\u0008\u000b\u000callowed",
  "turns the direction": "\u202egnp.exe\u202c\u2066x\u2069\u200f\u061c",
  rings: "\u0007\u0000\u007f",
};
/** All of it, one after the other. */
export const HOSTILE = Object.values(ORDERS).join("|");

/** Names and states by which answers belong together; whoever lies in these is not hostile, but broken. */
const STEERS = /^(type|state|status|kind|decision|seq|stream|step|sha256|.*[hH]ash|id|.*Id)$/;

interface Schema<T> {
  safeParse(value: unknown): { readonly success: boolean };
  parse(value: unknown): T;
}

type Path = readonly (string | number)[];

/** The same answer, with something hostile at the end of each text that may be any text. */
function poisoned<T>(schema: Schema<T>, value: T): T {
  let made: unknown = value;
  for (const path of textsIn(value)) {
    const worse = withMore(made, path);
    if (schema.safeParse(worse).success) made = worse;
  }
  return schema.parse(made);
}

function textsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === "string") return STEERS.test(String(path.at(-1))) ? [] : [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => textsIn(part, [...path, name]));
}

function withMore(value: unknown, [name, ...rest]: Path): unknown {
  if (name === undefined) return `${String(value)}${HOSTILE}`;
  if (Array.isArray(value))
    return value.map((item: unknown, at) => (String(at) === name ? withMore(item, rest) : item));
  return { ...(value as object), [name]: withMore((value as Record<string, unknown>)[name], rest) };
}

const SAID: readonly AgentEvent[] = [
  { type: "text.delta", messageId: "m1", text: "words" },
  { type: "thought.delta", messageId: "m2", text: "thoughts" },
  { type: "plan", entries: [{ text: "step", status: "pending" }] },
  { type: "tool.started", toolCallId: "c1", kind: "command", title: "title", command: "command" },
  { type: "tool.output", toolCallId: "c1", text: "output\n", isTruncated: false },
  { type: "tool.ended", toolCallId: "c1", status: "failed", exitCode: 7 },
  {
    type: "turn.ended",
    turnId: "t1",
    status: "failed",
    error: { code: "overloaded", message: "busy", isRetryable: true },
  },
  { type: "process.exited", code: 1, signal: null, reason: "crashed", message: "gone", stderr: "", survivors: [] },
].map((event) => poisoned(AgentEventSchema, event as AgentEvent));

/** With the hash of what it asks now. */
function asked(fields: Partial<Approval>): Approval {
  const { contentHash: _, ...worse } = poisoned(ApprovalSchema, approval(fields));
  return approval(worse);
}

const ASKED = asked({ action: "shell", context: { command: "rm", options: [{ label: "yes" }] }, approvers: ["one"] });
const QUESTION = asked({
  approvalId: "apr_q",
  kind: "question",
  questions: [
    {
      id: "q",
      text: "which?",
      options: [{ label: "red", description: "as blood" }],
      allowsMany: false,
      allowsText: true,
    },
  ],
});
const SESSION = poisoned(
  SessionSchema,
  session({
    state: "FAILED",
    reason: "agent_crashed",
    message: "why",
    model: "m",
    repo: { url: "https://example.org/r.git", branch: "main" },
    queue: [{ inputId: "inp_1", text: "later", state: "queued", delivery: "queue", queuedAt: AT }],
    pendingApprovals: [ASKED],
  }),
);
const ENDED = [
  sessionEvent(1, "session.created"),
  sessionEvent(2, "approval.resolved", { approvalId: "apr_1", state: "denied", reason: HOSTILE }),
  sessionEvent(3, "approval.refused", { approvalId: "apr_1", code: "CONTENT_CHANGED", message: HOSTILE }),
  sessionEvent(4, "session.failed", { reason: "agent_crashed", message: HOSTILE }),
];
const EVENTS = story(["build"], { failing: ["build"] }).map((event) => poisoned(EventRecordSchema, event));
const CONTENT = poisoned(GateSchema, gate({ description: "release it?", approvers: ["one"] })).content;
const GATE = gate(CONTENT);
const PLUGIN = poisoned(
  PluginDetailsSchema,
  pluginDetails({ lastFailure: { at: AT, message: "oh" }, approvedBy: { kind: "local", id: "me" } }),
);
const RUN = run({ status: "failed", reason: "tool_failure", message: "why", name: "mine" });
const STEP = {
  id: "stp_1",
  runId: "run_1",
  index: 0,
  name: "build",
  tool: "command",
  key: "k",
  needs: [],
  inputs: {},
  attempts: [],
};
const ARTIFACT = {
  id: "art_1",
  runId: "run_1",
  step: "build",
  type: "text/plain",
  kind: "text",
  path: "a.txt",
  bytes: 3,
  sha256: "",
  createdAt: AT,
};
const DETAILS = poisoned(
  RunDetailsSchema,
  details({ run: RUN, steps: [{ ...STEP, status: "failed", message: "why" }], gates: [GATE], artifacts: [ARTIFACT] }),
);
const PROJECT = poisoned(ProjectSchema, {
  id: "web",
  orgId: "default",
  name: "Web",
  repo: { url: "https://example.org/r.git", branch: "main" },
  env: { A: "1" },
  commands: { test: { shell: "make" } },
  approvals: { selfApproval: "refused", approvers: ["tok_1"] },
  secrets: { deploy: ["TOKEN"] },
  createdAt: AT,
  updatedAt: AT,
});
const TOKEN = poisoned(TokenSchema, {
  id: "tok_1",
  orgId: "default",
  name: "mine",
  scopes: ["runs:read"],
  createdAt: AT,
});
const RUNNER = poisoned(RunnerSchema, runner({ metadata: { rack: "7" }, runtimeVersions: { codex: "1.0.0" } }));

const WEBHOOK = poisoned(WebhookSchema, webhook({ active: false, disabledReason: "gone" }));
const DELIVERY_DETAILS = poisoned(WebhookDeliveryDetailsSchema, {
  ...delivery({ state: "failed", lastError: "status" }),
  message: { id: "whd_1", event_type: "run.failed", created_at: AT, org_id: "default", payload: { message: HOSTILE } },
});
const DELIVERY = poisoned(WebhookDeliverySchema, delivery({ state: "failed", lastError: "status" }));

/** An API that answers with something hostile wherever a text may be any text. */
export const HOSTILE_ROUTES: Readonly<Record<string, Answer>> = {
  "GET /sessions": () => page(SESSION),
  "POST /sessions": () => SESSION,
  "GET /sessions/:id": () => SESSION,
  "GET /sessions/:id/stream": eventStream(ENDED),
  "POST /sessions/:id/stop": () => SESSION,
  "GET /approvals": () => ({ items: [ASKED, QUESTION] }),
  "GET /approvals/:id": ({ path }) => (path.endsWith("q") ? QUESTION : ASKED),
  "POST /approvals/:id/resolve": () =>
    refusal(409, "INVALID_STATE", HOSTILE, { issues: [{ path: HOSTILE, message: HOSTILE }] }),
  "GET /runs": () => ({ items: [DETAILS.run], nextCursor: `run_1${HOSTILE}` }),
  "POST /runs": () => DETAILS.run,
  "GET /runs/:id": () => DETAILS,
  "GET /runs/:id/stream": eventStream(EVENTS),
  "GET /runs/:id/output": ({ query, ...heard }, response) =>
    outputStream(
      query.get("stream") === "agent"
        ? [{ step: "session", stream: "agent", text: SAID.map((said) => `${JSON.stringify(said)}\n`).join("") }]
        : [{ step: "build", text: `line ${HOSTILE}\n` }],
    )({ query, ...heard }, response),
  "GET /runs/:id/waiting": () => [{ step: "session", reason: "no_runner", message: HOSTILE }],
  "GET /runs/:id/files": () => ({
    runId: "run_1",
    files: [{ path: `a${HOSTILE}`, bytes: 3, type: `text/plain${HOSTILE}`, sha256: "" }],
  }),
  "GET /gates": () => ({ items: [GATE] }),
  "GET /gates/:id": () => GATE,
  "GET /runners": () => page(RUNNER),
  "GET /runners/:id": () => RUNNER,
  "GET /plugins": () => ({
    items: [PLUGIN],
    problems: [{ folder: HOSTILE, issues: [{ path: HOSTILE, message: HOSTILE }] }],
  }),
  "GET /plugins/:name": () => PLUGIN,
  "POST /plugins/:name/stop": () => PLUGIN,
  "GET /plugins/:name/logs": () => ({ plugin: "crier", lines: PLUGIN.log }),
  "GET /projects": () => page(PROJECT),
  "GET /projects/:id": () => PROJECT,
  "GET /webhooks": () => ({ items: [WEBHOOK] }),
  "POST /webhooks": () => ({ ...WEBHOOK, secret: `whsec_${HOSTILE}` }),
  "GET /webhooks/:id": () => WEBHOOK,
  "GET /webhooks/:id/deliveries": () => ({ items: [DELIVERY] }),
  "GET /webhooks/:id/deliveries/:delivery": () => DELIVERY_DETAILS,
  "POST /webhooks/:id/test": () => DELIVERY,
  "GET /tokens": () => ({ items: [TOKEN] }),
};

function page(item: unknown) {
  return { items: [item], total: 1, page: 1, pageSize: 20, hasMore: false };
}

/** Each command that shows what others wrote. */
export const COMMANDS: readonly string[] = [
  "session show ses_1.0",
  "session watch ses_1.0",
  "session new --provider codex Write",
  "session stop ses_1.0",
  "sessions",
  "approvals",
  "approvals show apr_1",
  "approvals show apr_q",
  `approvals allow apr_1 --yes --hash ${ASKED.contentHash}`,
  "approvals deny apr_1",
  "run --command make",
  "runs",
  "runs show run_1",
  "logs run_1",
  "files run_1",
  "artifacts run_1",
  "gates",
  "approve gate_1",
  "runners",
  "runners show rnr_1",
  "plugins",
  "plugins show crier",
  "plugins logs crier",
  "webhooks",
  "webhooks create https://hooks.example/",
  "webhooks show whk_1",
  "webhooks deliveries whk_1",
  "webhooks delivery whk_1 whd_1",
  "webhooks test whk_1",
  "plugins stop crier",
  "projects",
  "projects show web",
  "token list",
  "attach ses_1.0",
  "session show nobody/there",
];
