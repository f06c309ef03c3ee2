import { createHash } from "node:crypto";

import {
  APPROVAL_HASH_PREFIX,
  canonicalJson,
  PublishInputsSchema,
  RUN_EVENTS,
  RunFold,
  type GateContent,
} from "@signalbox/protocol";

import { gateIdOf, idRangeOf } from "../derived-ids.ts";
import { readPlan } from "../reads/runs.ts";
import type { ArtifactRow, GateRow, PlannedStep, RunHeader, RunProgress, RunRow } from "../rows.ts";
import { all, get, type Statement } from "../unit.ts";
import { compareRun, type StoredRun } from "./compare-run.ts";
import { parseJson, readLog } from "./read-log.ts";
import { verifyLedger } from "./verify-ledgers.ts";
import { wantBlob, wantManifest } from "./verify-blobs.ts";
import type { Seen } from "./verify-orphans.ts";
import { verifyOutput } from "./verify-output.ts";
import type { VerifyContext } from "./verify-store.ts";

const PAGE = 200;
const SELECT_PAGE = "SELECT * FROM runs WHERE id > (SELECT ?) ORDER BY id LIMIT ?";
const SELECT_GATES = "SELECT * FROM gates WHERE id >= (SELECT ?) AND id < (SELECT ?)";
const SELECT_ARTIFACTS = "SELECT * FROM artifacts WHERE id >= (SELECT ?) AND id < (SELECT ?)";

/** Every run: its log replayed and compared with what is stored, its output, timers and hashes; notes the blobs it names. */
export function* verifyRuns(context: VerifyContext, seen: Seen): Generator<Statement, void, unknown> {
  let after = "";
  for (;;) {
    const rows: RunRow[] = yield* all<RunRow>(SELECT_PAGE, after, PAGE);
    for (const row of rows) yield* verifyRun(row, context, seen);
    seen.runs += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < PAGE) return;
  }
}

function* verifyRun(row: RunRow, context: VerifyContext, seen: Seen): Generator<Statement, void, unknown> {
  const { findings, wanted, hashes } = context;
  const fold = new RunFold();
  const log = { stream: row.id, lastSeq: row.last_seq, definitions: RUN_EVENTS };
  seen.events += yield* readLog(log, findings, (event) => fold.apply(event));
  const gates = yield* all<GateRow>(SELECT_GATES, ...idRangeOf("gate", row.id));
  const artifacts = yield* all<ArtifactRow>(SELECT_ARTIFACTS, ...idRangeOf("art", row.id));
  const plan = yield* readPlan(row.id);
  seen.plans += plan.length > 0 ? 1 : 0;
  seen.gates += gates.length;
  seen.artifacts += artifacts.length;
  yield* verifyOutput(row.id, context, seen);

  const progress = parseJson(row.progress) as RunProgress | undefined;
  const header = parseJson(row.header) as RunHeader | undefined;
  if (!progress || !header) return findings.problem("state", row.id, "what is stored of the run cannot be read");
  const run: StoredRun = { row, header, progress, plan, gates, artifacts };
  const folded = fold.read();
  compareRun(run, folded, findings);
  yield* verifyLedger(run, folded, context, seen);
  yield* verifyTimers(run, context);
  if (hashes) verifyHashes(run, context);
  wantManifest(wanted, header.baseManifest, row.id);
  wantManifest(wanted, progress.manifest, row.id);
  for (const { sha256, bytes } of [...artifacts, ...packsOf(gates, plan)])
    wantBlob(wanted, { sha256, bytes, stream: row.id }, findings);
}

/** What was shown, or is to be published, and so must be there. */
function packsOf(
  gates: readonly GateRow[],
  plan: readonly PlannedStep[],
): { readonly sha256: string; readonly bytes: number }[] {
  // Written by the unit that opened the gate.
  const shown = gates.map(({ content }) => (parseJson(content) as GateContent | undefined)?.changes?.pack);
  const asked = plan.map(({ tool, inputs }) =>
    tool === "publish" ? PublishInputsSchema.safeParse(inputs).data?.pack : null,
  );
  return [...shown, ...asked].filter((pack) => pack !== null && pack !== undefined);
}

const SELECT_TIMER = "SELECT due_at FROM timers WHERE id = ?";

/** What waits for its time must have a timer, or it waits for ever. */
function* verifyTimers(
  { row, header, progress, gates }: StoredRun,
  { findings }: VerifyContext,
): Generator<Statement, void, unknown> {
  for (const [index, step] of progress.steps.entries()) {
    const again = progress.askedAgain?.find((asked) => asked.index === index);
    if (step.state !== "delayed" && step.state !== "waiting" && !again) continue;
    const gateId = gateIdOf(row.id, index, again?.number);
    const id = step.state === "delayed" ? `step.delay:${row.id}:${index}` : `gate.expire:${row.id}:${gateId}`;
    const timer = yield* get<{ due_at: number }>(SELECT_TIMER, id);
    if (!timer) findings.problem("timer", row.id, `step ${step.name} is ${step.state} and has no timer`);
    const gate = gates.find((candidate) => candidate.id === gateId);
    if (timer && step.state !== "delayed" && gate && timer.due_at !== gate.expires_at) {
      findings.problem(
        "timer",
        row.id,
        `gate ${gateId} expires at ${gate.expires_at}, its timer fires at ${timer.due_at}`,
      );
    }
  }
  if (header.timeoutMs === null || progress.endedAt !== null || progress.cancelRequestedAt !== null) return;
  const timer = yield* get<{ due_at: number }>(SELECT_TIMER, `run.timeout:${row.id}:`);
  if (!timer) findings.problem("timer", row.id, "the run has a time limit and no timer");
}

/** What was asked is what was answered. */
function verifyHashes({ row, gates }: StoredRun, { findings }: VerifyContext): void {
  for (const { id, content, content_hash: hash } of gates) {
    const text = canonicalJson(parseJson(content) ?? null);
    const actual = createHash("sha256")
      .update(APPROVAL_HASH_PREFIX + text)
      .digest("hex");
    if (actual !== hash) findings.problem("hash", row.id, `the content of gate ${id} does not have its hash`);
  }
}
