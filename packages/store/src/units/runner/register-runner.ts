import { SYSTEM_ACTOR, type Actor } from "@signalbox/protocol";

import { UnitRefusal } from "../../errors.ts";
import type { RunnerRow } from "../../rows.ts";
import { get, run, type Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { recordRunner, saveRunner } from "./runner-change.ts";

export interface RegisterRunnerArgs {
  readonly id: string;
  readonly orgId: string;
  readonly hostname: string;
  readonly capabilities: string;
  readonly labels: string;
  readonly metadata: string;
  readonly runtimeVersions: string;
  readonly publicKey: string | null;
  readonly maxRunners: number;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

const COUNT_RUNNERS = "SELECT COUNT(*) AS count FROM runners WHERE org_id = ? AND state <> 'retired'";
const INSERT_RUNNER = `INSERT INTO runners (id, org_id, hostname, state, capabilities, labels, metadata, runtime_versions,
  public_key, last_heartbeat_at, registered_at, last_seq) VALUES (?, ?, ?, 'online', ?, ?, ?, ?, ?, ?, ?, 0)`;

/** Takes a machine into the fleet. It counts as online until it has been silent for too long. */
export function registerRunner(args: RegisterRunnerArgs): Generator<Statement, Answer<RunnerRow>, unknown> {
  return once(args, admitRunner);
}

function* admitRunner(args: RegisterRunnerArgs): Generator<Statement, RunnerRow, unknown> {
  const { count } = (yield* get<{ count: number }>(COUNT_RUNNERS, args.orgId)) ?? { count: 0 };
  if (count >= args.maxRunners) {
    throw new UnitRefusal(
      "RUNNER_LIMIT_EXCEEDED",
      `org ${args.orgId} has ${count} runners; ${args.maxRunners} are allowed`,
      { limit: args.maxRunners },
    );
  }
  yield* run(
    INSERT_RUNNER,
    args.id,
    args.orgId,
    args.hostname,
    args.capabilities,
    args.labels,
    args.metadata,
    args.runtimeVersions,
    args.publicKey,
    args.now,
    args.now,
  );
  const row: RunnerRow = {
    id: args.id,
    org_id: args.orgId,
    hostname: args.hostname,
    state: "online",
    capabilities: args.capabilities,
    labels: args.labels,
    metadata: args.metadata,
    runtime_versions: args.runtimeVersions,
    load: null,
    public_key: args.publicKey,
    last_heartbeat_at: args.now,
    registered_at: args.now,
    retired_at: null,
    last_seq: 0,
  };
  const origin = { orgId: args.orgId, now: args.now, actor: args.actor };
  yield* recordRunner(row, "runner.registered", { hostname: args.hostname }, origin);
  yield* recordRunner(row, "runner.online", {}, origin);
  yield* saveRunner(row);
  return row;
}

export interface EnrolRunnerArgs extends Omit<RegisterRunnerArgs, "orgId" | "actor" | "idempotency" | "labels"> {
  readonly tokenHash: string;
}

interface EnrolmentTokenRow {
  readonly org_id: string;
  readonly labels: string;
  readonly expires_at: number;
  readonly used_at: number | null;
}

const SELECT_TOKEN = "SELECT org_id, labels, expires_at, used_at FROM enrolment_tokens WHERE hash = ?";
const USE_TOKEN = "UPDATE enrolment_tokens SET used_at = ?, used_by = ? WHERE hash = ? AND used_at IS NULL";

/** Uses up an enrolment token and takes the machine in, in one commit. Its labels are the token's. */
export function* enrolRunner(args: EnrolRunnerArgs): Generator<Statement, RunnerRow, unknown> {
  const token = yield* get<EnrolmentTokenRow>(SELECT_TOKEN, args.tokenHash);
  if (!token || token.used_at !== null || token.expires_at <= args.now) {
    throw new UnitRefusal("UNAUTHORIZED", "the enrolment token is unknown, used or expired");
  }
  yield* run(USE_TOKEN, args.now, args.id, args.tokenHash);
  return yield* admitRunner({ ...args, orgId: token.org_id, labels: token.labels, actor: SYSTEM_ACTOR });
}

export interface CreateEnrolmentTokenArgs {
  readonly hash: string;
  readonly orgId: string;
  readonly labels: string;
  readonly expiresAt: number;
  readonly now: number;
}

/** Keeps the hash of a new enrolment token. */
export function* createEnrolmentToken(args: CreateEnrolmentTokenArgs): Generator<Statement, void, unknown> {
  yield* run(
    "INSERT INTO enrolment_tokens (hash, org_id, labels, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
    args.hash,
    args.orgId,
    args.labels,
    args.now,
    args.expiresAt,
  );
}
