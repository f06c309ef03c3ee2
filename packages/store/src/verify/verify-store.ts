import type { SignalboxStore } from "../signalbox-store.ts";
import type { Statement } from "../unit.ts";
import { Findings, type VerifyNote, type VerifyProblem } from "./findings.ts";
import { verifyBlobs, type WantedBlobs } from "./verify-blobs.ts";
import { verifyLeftovers } from "./verify-leftovers.ts";
import { verifyOrphans, type Seen } from "./verify-orphans.ts";
import { verifyPlugins } from "./verify-plugins.ts";
import { verifyRunners } from "./verify-runners.ts";
import { verifyRuns } from "./verify-runs.ts";
import { verifySessions } from "./verify-sessions.ts";
import { verifyWebhooks } from "./verify-webhooks.ts";

export interface VerifyOptions {
  /** Also hash every blob, and the content of every gate, and compare. Default false. */
  readonly hashes?: boolean;
  /** What "long ago" is counted from, in milliseconds since the epoch. Default the system's clock. */
  readonly now?: number;
  /** Problems that the report holds; all are counted. Default 1000. */
  readonly maxProblems?: number;
}

/** What a check of a whole store found. All is well when `problemCount` is 0. */
export interface VerifyReport {
  readonly runs: number;
  readonly runners: number;
  readonly plugins: number;
  readonly sessions: number;
  readonly webhooks: number;
  readonly events: number;
  readonly problemCount: number;
  readonly problems: readonly VerifyProblem[];
  readonly notes: readonly VerifyNote[];
}

const DEFAULT_MAX_PROBLEMS = 1_000;

/**
 * Replays every log on one snapshot and compares the outcome with the rows; checks output, gates, timers and hashes;
 * then looks for every blob that a run names. It changes nothing. On SQLite the snapshot is read in one go, so it
 * belongs into a process that has nothing else to do.
 */
export async function verifyStore(
  store: Pick<SignalboxStore, "view" | "blobs">,
  { hashes = false, now = Date.now(), maxProblems = DEFAULT_MAX_PROBLEMS }: VerifyOptions = {},
): Promise<VerifyReport> {
  const findings = new Findings(maxProblems);
  const wanted: WantedBlobs = { manifests: new Map(), sizes: new Map() };
  const seen = await store.view(() => verifyRows({ findings, wanted, hashes, now }));
  await verifyBlobs(store.blobs, wanted, findings, hashes);
  const { problemCount, problems, notes } = findings;
  const { runs, runners, plugins, sessions, webhooks, events } = seen;
  return { runs, runners, plugins, sessions, webhooks, events, problemCount, problems, notes };
}

/** What the checks of rows share. */
export interface VerifyContext {
  readonly findings: Findings;
  readonly wanted: WantedBlobs;
  readonly hashes: boolean;
  readonly now: number;
}

function* verifyRows(context: VerifyContext): Generator<Statement, Seen, unknown> {
  const seen: Seen = {
    runs: 0,
    runners: 0,
    plugins: 0,
    sessions: 0,
    webhooks: 0,
    events: 0,
    plans: 0,
    ledgers: 0,
    gates: 0,
    artifacts: 0,
    segments: 0,
    streams: 0,
  };
  yield* verifyRuns(context, seen);
  yield* verifyRunners(context, seen);
  yield* verifyPlugins(context, seen);
  yield* verifySessions(context, seen);
  yield* verifyWebhooks(context, seen);
  yield* verifyOrphans(context, seen);
  yield* verifyLeftovers(context);
  return seen;
}
