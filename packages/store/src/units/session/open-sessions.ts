import {
  agentInputsOf,
  agentProvider,
  limit,
  NO_USAGE,
  type Actor,
  type AgentInputs,
  type ProviderId,
} from "@signalbox/protocol";

import { sessionIdOf } from "../../derived-ids.ts";
import { UnitRefusal } from "../../errors.ts";
import type { PlannedStep, SessionProgress, SessionRow, StepProgress } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import type { RunChange } from "../run/run-change.ts";
import { changeOf, loadSession, moveSession, saveSession, tell, type SessionOutcome } from "./session-change.ts";

/** What holds for the sessions of an installation, unless a session says otherwise. Times are milliseconds. */
export interface SessionTerms {
  readonly maxSessions: number;
  /** How long the data of an ended session is kept. */
  readonly dataTtlMs: number;
  readonly approvalMs: number;
  readonly inactivityMs: number;
}

/** The terms of an installation that configures none. */
export function defaultTerms(): SessionTerms {
  return {
    maxSessions: limit("sessions.perOrg"),
    dataTtlMs: limit("session.dataTtlMs"),
    approvalMs: limit("approval.expiresMs"),
    inactivityMs: limit("session.inactivityMs"),
  };
}

const COUNT_GOING = "SELECT COUNT(*) AS count FROM sessions WHERE org_id = (SELECT ?) AND ended_at IS NULL";
const INSERT_SESSION = `INSERT INTO sessions (id, org_id, project_id, run_id, step_idx, provider, state, last_seq, inputs, progress, created_at)
  VALUES (?, ?, ?, ?, ?, ?, 'CREATED', 0, ?, ?, ?)`;

/** Opens the session of every step of a new run whose tool is an agent. More than the org may have are refused. */
export function* openSessions(
  change: RunChange,
  plan: readonly PlannedStep[],
  args: { readonly terms: SessionTerms; readonly now: number; readonly actor: Actor },
): Generator<Statement, SessionOutcome[], unknown> {
  const agents = change.progress.steps.filter((step) => step.sessionId !== undefined);
  if (agents.length === 0) return [];
  const going = (yield* get<{ count: number }>(COUNT_GOING, change.orgId))?.count ?? 0;
  if (going + agents.length > args.terms.maxSessions) {
    throw new UnitRefusal("SESSION_LIMIT_EXCEEDED", `org ${change.orgId} already has ${going} live sessions`, {
      limit: args.terms.maxSessions,
      going,
    });
  }
  const opened: SessionOutcome[] = [];
  for (const step of agents) {
    const planned = plan[change.progress.steps.indexOf(step)];
    if (planned) opened.push(yield* openSession(change, step, planned, args));
  }
  return opened;
}

/**
 * Opens the session of a step whose agent only its lease names, or gives it to the agent of another. It holds a slot of a
 * runner, which is bound enough.
 */
export function* leaseSession(
  run_: RunChange,
  step: StepProgress,
  planned: PlannedStep,
  args: { readonly provider: ProviderId; readonly now: number; readonly actor: Actor },
): Generator<Statement, SessionOutcome[], unknown> {
  if (step.sessionId === undefined) {
    step.sessionId = sessionIdOf(run_.id, run_.progress.steps.indexOf(step));
    return [yield* openSession(run_, step, planned, { terms: defaultTerms(), isLeased: true, ...args })];
  }
  const { row } = yield* loadSession(step.sessionId);
  if (row.provider !== args.provider) yield* run(CHANGE_PROVIDER, args.provider, row.id);
  return [];
}

const CHANGE_PROVIDER = "UPDATE sessions SET provider = ? WHERE id = ?";

function* openSession(
  run_: RunChange,
  step: StepProgress,
  planned: PlannedStep,
  {
    terms,
    now,
    actor,
    provider = agentProvider(step.tool),
    isLeased = false,
  }: {
    readonly terms: SessionTerms;
    readonly now: number;
    readonly actor: Actor;
    readonly provider?: ProviderId | undefined;
    readonly isLeased?: boolean;
  },
): Generator<Statement, SessionOutcome, unknown> {
  if (step.sessionId === undefined || provider === undefined) throw new Error(`step ${step.name} has no agent`);
  const inputs = agentInputsOf(step.tool, planned.inputs);
  const row: SessionRow = {
    id: step.sessionId,
    org_id: run_.orgId,
    project_id: run_.projectId,
    run_id: run_.id,
    step_idx: run_.progress.steps.indexOf(step),
    provider,
    state: "CREATED",
    last_seq: 0,
    inputs: JSON.stringify(inputs),
    progress: JSON.stringify(beginning(inputs, terms, now)),
    created_at: now,
    ended_at: null,
  };
  yield* run(
    INSERT_SESSION,
    row.id,
    row.org_id,
    row.project_id,
    row.run_id,
    row.step_idx,
    provider,
    row.inputs,
    row.progress,
    now,
  );
  const change = changeOf(row);
  tell(change, "session.created", {
    providerId: provider,
    title: inputs.title ?? titleOf(inputs.task),
    runId: run_.id,
    step: step.name,
  });
  if (isLeased) moveSession(change, "queue");
  return yield* saveSession(change, { now, actor });
}

function beginning(inputs: AgentInputs, terms: SessionTerms, now: number): SessionProgress {
  return {
    terms: {
      dataTtlMs: terms.dataTtlMs,
      approvalMs: inputs.approvalTimeoutMs ?? terms.approvalMs,
      inactivityMs: inputs.inactivityMs ?? terms.inactivityMs,
    },
    reason: null,
    message: null,
    attemptId: null,
    epoch: 0,
    runnerId: null,
    isReady: false,
    nativeSessionId: null,
    resumed: null,
    resumeFailure: null,
    model: null,
    hasTerminal: false,
    isWorking: false,
    wasWorking: false,
    isPaused: false,
    idle: null,
    turns: 0,
    usage: NO_USAGE,
    usageBefore: NO_USAGE,
    budget: inputs.budget ?? null,
    overBudget: false,
    queue: [],
    isTaskHeard: false,
    unheard: [],
    inputs: 0,
    approvals: 0,
    open: [],
    diff: null,
    commands: 0,
    taken: 0,
    partial: "",
    updatedAt: now,
    startedAt: null,
  };
}

const TITLE_LENGTH = 80;

/** The first line of a task, shortened. */
export function titleOf(task: string): string {
  const [line = ""] = task.split("\n");
  return line.length > TITLE_LENGTH ? `${line.slice(0, TITLE_LENGTH - 1)}…` : line;
}
