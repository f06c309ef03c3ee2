import type { PutApprovalPolicy } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { ProjectRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { readPolicy } from "../access/decision-rule.ts";
import { once, type Idempotency } from "../idempotency.ts";

export interface PutProjectArgs {
  readonly orgId: string;
  readonly id: string;
  /** What is undefined stays as it is; null takes away. */
  readonly name?: string | undefined;
  readonly taskType?: string | undefined;
  readonly repo?: string | null | undefined;
  readonly env?: string | undefined;
  readonly commands?: string | undefined;
  readonly approvals?: PutApprovalPolicy | undefined;
  readonly now: number;
  readonly idempotency?: Idempotency | undefined;
}

const SELECT_PROJECT = "SELECT * FROM projects WHERE org_id = ? AND id = ?";
const PUT_PROJECT = `INSERT INTO projects (org_id, id, name, task_type, repo, env, commands, approvals, created_at, updated_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (org_id, id) DO UPDATE SET name = excluded.name,
  task_type = excluded.task_type, repo = excluded.repo, env = excluded.env, commands = excluded.commands,
  approvals = excluded.approvals, updated_at = excluded.updated_at`;

/** Makes or changes a project. */
export function putProject(args: PutProjectArgs): Generator<Statement, { row: ProjectRow; created: boolean }, unknown> {
  return once(args, writeProject);
}

function* writeProject(args: PutProjectArgs): Generator<Statement, { row: ProjectRow; created: boolean }, unknown> {
  const before = yield* get<ProjectRow>(SELECT_PROJECT, args.orgId, args.id);
  const row: ProjectRow = {
    org_id: args.orgId,
    id: args.id,
    name: args.name ?? before?.name ?? args.id,
    task_type: args.taskType ?? before?.task_type ?? null,
    repo: args.repo === undefined ? (before?.repo ?? null) : args.repo,
    env: args.env ?? before?.env ?? "{}",
    commands: args.commands ?? before?.commands ?? "{}",
    approvals: changedPolicy(before?.approvals ?? null, args.approvals),
    created_at: before?.created_at ?? args.now,
    updated_at: args.now,
  };
  yield* run(
    PUT_PROJECT,
    row.org_id,
    row.id,
    row.name,
    row.task_type,
    row.repo,
    row.env,
    row.commands,
    row.approvals,
    row.created_at,
    row.updated_at,
  );
  return { row, created: before === undefined };
}

function changedPolicy(before: string | null, change: PutApprovalPolicy | undefined): string | null {
  return change === undefined ? before : JSON.stringify({ ...readPolicy(before), ...defined(change) });
}

function defined({ selfApproval, approvers }: PutApprovalPolicy): PutApprovalPolicy {
  return { ...(selfApproval && { selfApproval }), ...(approvers && { approvers: [...new Set(approvers)] }) };
}

export interface PutSecretArgs {
  readonly orgId: string;
  readonly projectId: string;
  readonly scope: string;
  readonly name: string;
  readonly version: number;
  readonly sealed: Uint8Array;
  readonly now: number;
}

const PUT_SECRET = `INSERT INTO secrets (org_id, project_id, scope, name, version, sealed, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (org_id, project_id, scope, name) DO UPDATE SET version = excluded.version, sealed = excluded.sealed,
  updated_at = excluded.updated_at`;

/** Keeps a sealed secret of a project that is there. */
export function* putSecret(args: PutSecretArgs): Generator<Statement, void, unknown> {
  yield* requireProject(args.orgId, args.projectId);
  yield* run(PUT_SECRET, args.orgId, args.projectId, args.scope, args.name, args.version, args.sealed, args.now);
}

/** Forgets a secret; returns whether it was there. */
export function* deleteSecret(args: {
  orgId: string;
  projectId: string;
  scope: string;
  name: string;
}): Generator<Statement, boolean, unknown> {
  yield* requireProject(args.orgId, args.projectId);
  const { changes } = yield* run(
    "DELETE FROM secrets WHERE org_id = ? AND project_id = ? AND scope = ? AND name = ?",
    args.orgId,
    args.projectId,
    args.scope,
    args.name,
  );
  return changes > 0;
}

function* requireProject(orgId: string, projectId: string): Generator<Statement, void, unknown> {
  const found = yield* get(SELECT_PROJECT, orgId, projectId);
  if (!found) throw new UnitRefusal("PROJECT_NOT_FOUND", `there is no project ${projectId}`, { projectId });
}
