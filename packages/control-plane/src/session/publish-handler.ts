import {
  limit,
  PublishInputsSchema,
  PublishSessionRequestSchema,
  PUBLISH_FEATURE,
  StepSchema,
  toTimestamp,
  type ApiResponse,
  type DiffDocument,
  type Gate,
  type IdSource,
  type Publication,
  type PublicationReport,
  type PublishInputs,
  type PublishSessionInput,
  type PublishSessionRequest,
  type Repository,
} from "@signalbox/protocol";
import {
  readGates,
  readRun,
  readRunRows,
  readSession,
  type SessionProgress,
  type SessionRow,
  type SignalboxStore,
} from "@signalbox/store";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import type { RunLog } from "../events/run-log.ts";
import { actorOf, idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import { planSteps } from "../run/plan-run.ts";
import { readableRun, toGate, toRunDetails } from "../run/run-view.ts";
import type { DiffHandler, KeptDiff } from "./diff-handler.ts";
import { publicationOf, publishInputsIn, reportOf } from "./publication-view.ts";

/** What a `PublishHandler` works with. */
export interface PublishHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly runLog: RunLog;
  readonly diffs: DiffHandler;
}

/**
 * Asks leave to publish what agents have changed, and tells what became of it. What is asked is a run of its own: a gate, and
 * behind it a step that can do nothing but push the tree that the gate names, by a machine whose owner lets it.
 */
export class PublishHandler {
  readonly #deps: PublishHandlerDeps;

  constructor(deps: PublishHandlerDeps) {
    this.#deps = deps;
  }

  /** Takes the diff as it is now, and asks whether exactly that may be published. */
  async publishSession(
    sessionId: string,
    request: PublishSessionInput,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Publication>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const wanted = check(PublishSessionRequestSchema, request);
      const { orgId } = context.principal;
      const { diffs, clock } = this.#deps;
      const row = await this.#require(sessionId, orgId);
      const kept = await diffs.latest(sessionId, orgId, { pack: true });
      const document = await diffs.read(`session ${sessionId}`, kept.snapshot.document.sha256);
      const pack = requirePublishable(row, wanted, kept, document);
      const remote = await this.#remoteOf(row);
      const committedAt = toTimestamp(clock.now());
      const inputs = inputsOf({ sessionId, remote, kept, stats: document.stats, pack, wanted, committedAt });
      const gate = await this.#ask(row, inputs, context);
      // A repetition with the same key is answered with what the first one asked.
      return publicationOf(gate, publishInputsIn(gate)[0] ?? inputs);
    });
  }

  /** What was to be published of a session, newest first, and what became of each. */
  async listPublications(
    sessionId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ items: PublicationReport[] }>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      const { orgId } = context.principal;
      const { progress } = await this.#require(sessionId, orgId);
      // Written by the unit that told the session of each.
      const { publications = [] } = JSON.parse(progress) as SessionProgress;
      const reports = await Promise.all(publications.toReversed().map((runId) => this.#report(runId, orgId)));
      return { items: reports.filter((report) => report !== undefined) };
    });
  }

  /** Whether what a gate asks to publish is still what its session's workspace holds; refuses with CONTENT_CHANGED. */
  async requireUnchanged(gate: Gate, orgId: string): Promise<void> {
    const { store, diffs } = this.#deps;
    for (const { sessionId, tree } of publishInputsIn(gate)) {
      // What is forgotten cannot change; it was kept as it was shown.
      if (!(await store.view(() => readSession(sessionId, orgId)))) continue;
      const { snapshot } = await diffs.latest(sessionId, orgId, { pack: false });
      if (snapshot.tree === tree) continue;
      throw new ControlPlaneError(
        "CONTENT_CHANGED",
        `the workspace of session ${sessionId} has changed since gate ${gate.id} asked to publish it`,
        { sessionId, asked: tree, tree: snapshot.tree },
      );
    }
  }

  /** Undefined once its run is forgotten. */
  async #report(runId: string, orgId: string): Promise<PublicationReport | undefined> {
    const rows = await this.#deps.store.view(() => readRunRows(runId, orgId));
    return rows && reportOf(toRunDetails(rows));
  }

  async #ask(row: SessionRow, inputs: PublishInputs, context: RequestContext): Promise<Gate> {
    const { store, clock, ids, runLog } = this.#deps;
    const now = clock.now();
    const actor = actorOf(context);
    const { runId } = await runLog.commit("createRun", {
      id: ids.next("run"),
      orgId: row.org_id,
      projectId: row.project_id,
      header: {
        name: null,
        goal: `Publish ${inputs.branch}`,
        source: "session",
        taskType: null,
        fromRunId: row.run_id,
        referenceRunId: null,
        baseManifest: null,
        timeoutMs: null,
        createdBy: `${actor.kind}:${actor.id}`,
        // It is the work of whoever made the session, and theirs to ask for as much as the caller's.
        requesters: await this.#makerOf(row),
        traceparent: context.traceparent ?? null,
        createdAt: now,
      },
      // The machine needs no workspace: what is published is in the step.
      repo: null,
      steps: planSteps(stepsOf(inputs), { id: row.project_id, env: {}, commands: {} }),
      makeProject: false,
      now,
      actor,
      idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
    });
    const [gate] = await store.view(() => readGates({ orgId: row.org_id, runId, limit: 1 }));
    if (!gate) throw new Error(`run ${runId} has no gate`);
    return toGate(gate);
  }

  async #makerOf(row: SessionRow): Promise<string[]> {
    const run = await this.#deps.store.view(() => readRun(row.run_id, row.org_id));
    return run ? [readableRun(run).header.createdBy] : [];
  }

  async #remoteOf(row: SessionRow): Promise<string> {
    const run = await this.#deps.store.view(() => readRun(row.run_id, row.org_id));
    const repo: Repository | null = run ? readableRun(run).progress.repo : null;
    if (repo) return repo.url;
    throw new ControlPlaneError("DIFF_NOT_FOUND", `session ${row.id} has no repository`, { sessionId: row.id });
  }

  async #require(sessionId: string, orgId: string): Promise<SessionRow> {
    const row = await this.#deps.store.view(() => readSession(sessionId, orgId));
    if (!row) throw new NotFoundError("session", sessionId);
    return row;
  }
}

/** What is published must be something, be what was looked at, and be shown whole to whoever decides. */
function requirePublishable(
  { id: sessionId }: SessionRow,
  { diffHash }: PublishSessionRequest,
  { snapshot, takenAt }: KeptDiff,
  { stats, cut, isRedacted }: DiffDocument,
): { readonly sha256: string; readonly bytes: number } {
  if (diffHash !== undefined && diffHash !== snapshot.diffHash) {
    throw new ControlPlaneError("CONTENT_CHANGED", `the workspace of session ${sessionId} has changed since`, {
      diffHash: snapshot.diffHash,
    });
  }
  if (stats.files === 0)
    throw new ControlPlaneError("INVALID_STATE", `session ${sessionId} has changed nothing`, { sessionId });
  if (cut !== null) {
    const message = `what session ${sessionId} changed is too much to be shown whole, and so to be decided on`;
    throw new ControlPlaneError("INVALID_STATE", message, { stats, cut });
  }
  if (isRedacted) {
    const message = `what session ${sessionId} changed holds a secret of its step, which must not leave it`;
    throw new ControlPlaneError("INVALID_STATE", message, { sessionId });
  }
  if (snapshot.pack !== null) return snapshot.pack;
  const when = toTimestamp(takenAt);
  throw new ControlPlaneError(
    "DIFF_UNAVAILABLE",
    `the machine of session ${sessionId} was lost before what it takes to publish its last diff, of ${when}, was kept; the diff itself can be shown, and applied by hand`,
    { sessionId, takenAt: when, document: snapshot.document.sha256 },
  );
}

function inputsOf({
  sessionId,
  remote,
  kept: { snapshot, takenAt, isLeftover },
  stats,
  pack,
  wanted: { branch, title, body, openPr, target },
  committedAt,
}: {
  readonly sessionId: string;
  readonly remote: string;
  readonly kept: KeptDiff;
  readonly stats: DiffDocument["stats"];
  readonly pack: PublishInputs["pack"];
  readonly wanted: PublishSessionRequest;
  readonly committedAt: string;
}): PublishInputs {
  const { base, tree, diffHash, document } = snapshot;
  const paragraphs = [title, body.trim(), `Signalbox-Session: ${sessionId}`].filter((text) => text !== "");
  return PublishInputsSchema.parse({
    sessionId,
    remote,
    base,
    tree,
    diffHash,
    document: document.sha256,
    stats,
    takenAt: toTimestamp(takenAt),
    isLeftover,
    pack,
    branch,
    message: `${paragraphs.join("\n\n")}\n`,
    committedAt,
    pullRequest: openPr ? { title, body, ...(target === undefined ? {} : { target }) } : null,
  });
}

/** A gate, and what it guards. */
function stepsOf(inputs: PublishInputs) {
  const { sessionId, branch, remote, document, pullRequest, stats, takenAt, isLeftover } = inputs;
  const files = `${stats.files} ${stats.files === 1 ? "file" : "files"} (+${stats.added} -${stats.removed})`;
  const also = pullRequest === null ? "" : ` and open the pull request "${pullRequest.title}"`;
  const when = isLeftover ? `, as it was at ${takenAt}: what it did after that was lost with its machine` : "";
  const description = `Push ${files} that session ${sessionId} changed to the branch ${branch} of ${remote}${also}${when}. The whole diff: signalbox session diff ${sessionId} --document ${document}`;
  return [
    StepSchema.parse({ name: "approve", tool: "gate:manual", inputs: { description } }),
    StepSchema.parse({
      name: "publish",
      tool: "publish",
      needs: ["approve"],
      inputs,
      requires: { features: [PUBLISH_FEATURE] },
      // A remote that does not go on answering must not keep the machine.
      timeoutMs: limit("publish.timeoutMs"),
      // Two at once to one branch would be told of each other by a refused push.
      concurrencyKey: `publish ${branch}`.slice(0, 200),
    }),
  ];
}
