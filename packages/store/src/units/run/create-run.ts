import { agentProvider, type Actor, type Repository } from "@signalbox/protocol";

import { sessionIdOf } from "../../derived-ids.ts";
import type { PlannedStep, RunHeader, RunProgress, RunRow, StepProgress } from "../../rows.ts";
import { run, type Statement } from "../../unit.ts";
import { appendEvents } from "../events.ts";
import { once, type Idempotency } from "../idempotency.ts";
import { defaultTerms, openSessions, type SessionTerms } from "../session/open-sessions.ts";
import { advanceRun } from "./advance-run.ts";
import {
  outcomeOf,
  record,
  saveTimers,
  setTimerRow,
  tellSessions,
  type RunChange,
  type RunOutcome,
} from "./run-change.ts";

export interface CreateRunArgs {
  readonly id: string;
  readonly orgId: string;
  readonly projectId: string;
  readonly header: RunHeader;
  readonly repo: Repository | null;
  /** In topological order. */
  readonly steps: readonly PlannedStep[];
  /** Whether the project must be made if it is not there; false when the caller knows that it is. */
  readonly makeProject: boolean;
  /** What holds for the sessions of its agents. */
  readonly sessionTerms?: SessionTerms | undefined;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

const INSERT_RUN =
  "INSERT INTO runs (id, org_id, project_id, state, last_seq, header, progress) VALUES (?, ?, ?, ?, ?, ?, ?)";
const INSERT_PLAN = "INSERT INTO plans (run_id, steps) VALUES (?, ?)";
const INSERT_PROJECT = `INSERT INTO projects (org_id, id, name, env, commands, created_at, updated_at)
  VALUES (?, ?, ?, '{}', '{}', ?, ?) ON CONFLICT (org_id, id) DO NOTHING`;

/** Makes a run with its steps, and lets begin what can begin. */
export function createRun(args: CreateRunArgs): Generator<Statement, RunOutcome, unknown> {
  return once(args, makeRun);
}

function* makeRun(args: CreateRunArgs): Generator<Statement, RunOutcome, unknown> {
  const { id, orgId, projectId, header, steps, now } = args;
  if (args.makeProject) yield* run(INSERT_PROJECT, orgId, projectId, projectId, now, now);
  const change: RunChange = {
    id,
    orgId,
    projectId,
    header,
    progress: beginning(args),
    state: "queued",
    lastSeq: 0,
    plan: steps,
    ready: new Set(),
    events: [],
    timers: [],
    stateBefore: undefined,
    // None: every session is news.
    standings: new Map(),
  };
  record(change, "run.created", {
    goal: header.goal,
    projectId,
    source: header.source,
    steps: steps.map(({ name, tool, needs }) => ({ name, tool, needs })),
  });
  if (header.timeoutMs !== null) setTimerRow(change, "run.timeout", "", now + header.timeoutMs);
  yield* advanceRun(change, now);
  yield* saveTimers(change);
  const { traceparent } = header;
  change.lastSeq = yield* appendEvents(id, 0, change.events, {
    orgId,
    now,
    actor: args.actor,
    traceparent: traceparent ?? undefined,
  });
  yield* run(
    INSERT_RUN,
    id,
    orgId,
    projectId,
    change.state,
    change.lastSeq,
    JSON.stringify(header),
    JSON.stringify(change.progress),
  );
  yield* run(INSERT_PLAN, id, JSON.stringify(steps));
  const { actor } = args;
  const opened = yield* openSessions(change, steps, { terms: args.sessionTerms ?? defaultTerms(), now, actor });
  return yield* outcomeOf(change, [...opened, ...(yield* tellSessions(change, { now, actor }))]);
}

/** A run as it is made, before its steps have moved: what can be told of it without asking the store. */
export function newRun(
  args: CreateRunArgs,
): Pick<RunRow, "id" | "org_id" | "project_id"> & { header: RunHeader; progress: RunProgress } {
  return {
    id: args.id,
    org_id: args.orgId,
    project_id: args.projectId,
    header: args.header,
    progress: beginning(args),
  };
}

/** How far a run has come when it has just been made. */
function beginning({ id, header, repo, steps, now }: CreateRunArgs): RunProgress {
  return {
    reason: null,
    message: null,
    cancelRequestedAt: null,
    cancelMode: null,
    repo,
    manifest: header.baseManifest,
    updatedAt: now,
    startedAt: null,
    endedAt: null,
    steps: steps.map((step, index) => notBegun(step, id, index)),
  };
}

function notBegun({ name, tool, needs }: PlannedStep, runId: string, index: number): StepProgress {
  return {
    ...(agentProvider(tool) === undefined ? {} : { sessionId: sessionIdOf(runId, index) }),
    name,
    tool,
    needs,
    state: "pending",
    reason: null,
    message: null,
    outputs: null,
    failures: 0,
    losses: 0,
    live: null,
    cutOff: false,
    startedAt: null,
    endedAt: null,
    attempts: [],
  };
}
