import {
  CancelRunRequestSchema,
  CreateRunRequestSchema,
  isAgentTool,
  isFinal,
  limit,
  OpaqueIdSchema,
  PLAIN_STREAMS,
  RUN_TRANSITIONS,
  RunStateSchema,
  type ApiResponse,
  type Artifact,
  type CancelRunRequest,
  type CreateRunInput,
  type EventRecord,
  type IdSource,
  type OutputChunk,
  type OutputStream,
  type Plan,
  type Repository,
  type Run,
  type RunDetails,
  type RunState,
  type StepDetails,
  type WaitingReason,
  type WorkspaceFile,
} from "@signalbox/protocol";
import {
  readArtifact,
  readProject,
  newRun,
  readRun,
  readRunRows,
  readRuns,
  readRunVersion,
  type CancelledRun,
  type CreateRunArgs,
  type PlannedStep,
  type ReadRunRow,
  type RunRows,
  type SignalboxStore,
} from "@signalbox/store";
import * as z from "zod";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import type { EventFeed } from "../events/event-feed.ts";
import type { OutputFeed } from "../events/output-feed.ts";
import type { RunLog } from "../events/run-log.ts";
import { actorOf, idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import type { ActiveRuns } from "./active-runs.ts";
import { DetailsCache } from "./details-cache.ts";
import { planRun } from "./plan-run.ts";
import { readableRun, toArtifact, toRun, toRunDetails, viewRun } from "./run-view.ts";
import { contentOf, type Content } from "./content.ts";
import { listWorkspace } from "./workspace-files.ts";

/** What a `RunHandler` works with. */
export interface RunHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly runLog: RunLog;
  readonly eventFeed: EventFeed;
  readonly outputFeed: OutputFeed;
  readonly activeRuns: ActiveRuns;
  /** Told of each run that was made. */
  readonly onCreated: () => void;
  /** Stops what a run has in the fleet, after a wish to stop has been committed. */
  readonly stopRun: (run: Pick<CancelledRun, "runId" | "live">, mode: "cancel" | "abort") => void;
  /** Why steps of a run do not run yet. */
  readonly explain: (rows: RunRows) => WaitingReason[];
}

const ListRunsQuerySchema = z.strictObject({
  projectId: z.string().max(128).optional(),
  status: RunStateSchema.optional(),
  limit: z.coerce.number().int().min(1).max(limit("page.size")).default(50),
  cursor: OpaqueIdSchema.optional(),
});
const CursorSchema = z.strictObject({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  limit: z.coerce.number().int().min(1).max(limit("reader.batchEvents")).default(limit("reader.batchEvents")),
});

/** Orders: makes runs, tells how they stand, and stops them. */
export class RunHandler {
  readonly #deps: RunHandlerDeps;
  readonly #details = new DetailsCache();

  constructor(deps: RunHandlerDeps) {
    this.#deps = deps;
    deps.runLog.on("changed", ({ runId }) => this.#details.forget(runId));
  }

  /** Makes a run out of a plan, a prompt, instructions or a command. Its project is made when it is not there. */
  async createRun(request: CreateRunInput, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Run>> {
    return answer(async () => {
      requireScope(context, "runs:write");
      const wanted = check(CreateRunRequestSchema, request);
      const { orgId } = context.principal;
      const { store, clock, ids, activeRuns, runLog, onCreated } = this.#deps;
      activeRuns.requireRoom(orgId);
      if (!store.hasRoom)
        throw new ControlPlaneError(
          "STORAGE_FULL",
          "the disk is full; runs that have begun are brought to their end, new ones are not taken",
        );

      const project = await store.view(() => readProject(orgId, wanted.projectId));
      const source = wanted.fromRunId ? readableRun(await this.#requireRun(wanted.fromRunId, orgId)) : undefined;
      const reference = wanted.referenceRunId ? await this.#planOf(wanted.referenceRunId, orgId) : undefined;
      const repo =
        wanted.repo ?? source?.progress.repo ?? (project?.repo ? (JSON.parse(project.repo) as Repository) : null);
      const planned = planRun(
        wanted,
        {
          id: wanted.projectId,
          env: parse(project?.env),
          commands: parse(project?.commands),
          hasRepository: repo !== null,
        },
        reference,
      );
      const now = clock.now();
      const actor = actorOf(context);
      const args: CreateRunArgs = {
        id: ids.next("run"),
        orgId,
        projectId: wanted.projectId,
        header: {
          name: wanted.name ?? null,
          goal: planned.goal,
          source: planned.source,
          taskType: wanted.taskType ?? null,
          fromRunId: wanted.fromRunId ?? null,
          referenceRunId: wanted.referenceRunId ?? null,
          baseManifest: source?.progress.manifest ?? null,
          timeoutMs: wanted.timeoutMs ?? null,
          budget: wanted.budget ?? null,
          createdBy: `${actor.kind}:${actor.id}`,
          traceparent: context.traceparent ?? null,
          createdAt: now,
        },
        repo,
        steps: planned.steps,
        makeProject: project === undefined,
        now,
        actor,
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      };
      const outcome = await runLog.commit("createRun", args);
      // A repetition with the same key is answered with the run that the first one made.
      if (outcome.runId !== args.id) return toRun(await this.#requireRun(outcome.runId, orgId));
      onCreated();
      return viewRun({ ...newRun(args), state: outcome.state, last_seq: outcome.lastSeq, ledger: null });
    });
  }

  /** A run with its steps, gates and artifacts. */
  async getRun(runId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<RunDetails>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const { orgId } = context.principal;
      const version = await this.#deps.store.view(() => readRunVersion(runId, orgId));
      const kept = version === undefined ? undefined : this.#details.get(runId, version);
      if (kept) return kept;
      const details = toRunDetails(await this.#requireRows(runId, context));
      // What agents use changes without an event of the run.
      if (details.summary !== null || !details.steps.some(({ tool }) => isAgentTool(tool))) this.#details.put(details);
      return details;
    });
  }

  /** Runs, newest first. `cursor` is the id of the last run of the page before. */
  async listRuns(
    query: {
      readonly projectId?: string;
      readonly status?: RunState;
      readonly limit?: number;
      readonly cursor?: string;
    } = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ items: Run[]; nextCursor?: string }>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const { cursor, ...wanted } = check(ListRunsQuerySchema, query);
      const rows = await this.#deps.store.view(() =>
        readRuns({ ...wanted, orgId: context.principal.orgId, before: cursor }),
      );
      const last = rows.length === wanted.limit ? rows.at(-1) : undefined;
      return { items: rows.map(toRun), ...(last ? { nextCursor: last.id } : {}) };
    });
  }

  /** Stops a run: what has not begun never will, what runs is told to end. A run that is over is an INVALID_STATE refusal. */
  async cancelRun(
    runId: string,
    request: Partial<CancelRunRequest> = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Run>> {
    return answer(async () => {
      requireScope(context, "runs:write");
      const { mode, reason } = check(CancelRunRequestSchema, request);
      const { orgId } = context.principal;
      const now = this.#deps.clock.now();
      const outcome = await this.#deps.runLog.commit("cancelRun", {
        runId,
        orgId,
        mode,
        reason,
        because: "cancelled",
        now,
        actor: actorOf(context),
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      this.#deps.stopRun(outcome, mode);
      return toRun(await this.#requireRun(runId, orgId));
    });
  }

  /** One step of a run, by name. */
  async getStep(
    runId: string,
    step: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<StepDetails>> {
    return answer(async () => {
      const rows = await this.#requireRows(runId, context);
      const details = toRunDetails(rows).steps.find((candidate) => candidate.name === step);
      if (!details) throw new NotFoundError("step", step);
      return details;
    });
  }

  /** Why the steps of a run that could run do not. Empty when nothing waits. */
  async explainRun(runId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<WaitingReason[]>> {
    return answer(async () => this.#deps.explain(await this.#requireRows(runId, context)));
  }

  /** Events of a run after a number, up to `reader.batchEvents`. */
  async listEvents(
    runId: string,
    query: { readonly after?: number; readonly limit?: number } = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ events: readonly EventRecord[]; lastSeq: number; gap?: { earliest: number } }>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const { after, limit: count } = check(CursorSchema, query);
      const run = await this.#requireRun(runId, context.principal.orgId);
      const events = await this.#deps.eventFeed.read(runId, after, count);
      const first = events[0];
      return {
        events,
        lastSeq: run.last_seq,
        ...(first && first.seq > after + 1 ? { gap: { earliest: first.seq } } : {}),
      };
    });
  }

  /** Batches of events after a number, live; ends after the batch with the final event, or where nothing can follow. */
  async followEvents(
    runId: string,
    options: { readonly after?: number; readonly signal: AbortSignal },
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<AsyncIterable<readonly EventRecord[]>>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const { orgId } = context.principal;
      await this.#requireRun(runId, orgId);
      return this.#deps.eventFeed.follow(runId, options.after ?? 0, {
        signal: options.signal,
        isOver: () => this.#isOver(runId, orgId),
      });
    });
  }

  /** Output of all steps in the order in which it was stored; with `follow`, live until the run is over. */
  async followOutput(
    runId: string,
    options: {
      readonly after?: number;
      readonly step?: string;
      readonly attemptId?: string;
      /** Default: what its programs wrote; not what an agent of its says. */
      readonly stream?: OutputStream;
      readonly follow?: boolean;
      readonly signal: AbortSignal;
    },
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<AsyncIterable<readonly OutputChunk[]>>> {
    return answer(async () => {
      const { orgId } = context.principal;
      const rows = await this.#requireRows(runId, context);
      if (options.step !== undefined && !rows.plan.some(({ name }) => name === options.step))
        throw new NotFoundError("step", options.step);
      return this.#deps.outputFeed.read({
        runId,
        after: options.after ?? 0,
        follow: options.follow ?? false,
        stepNames: rows.plan.map(({ name }) => name),
        wants: (chunk) =>
          (options.stream === undefined ? PLAIN_STREAMS.includes(chunk.stream) : options.stream === chunk.stream) &&
          (options.step ?? chunk.step) === chunk.step &&
          (options.attemptId ?? chunk.attemptId) === chunk.attemptId,
        isOver: () => this.#isOver(runId, orgId),
        signal: options.signal,
      });
    });
  }

  /** An artifact and its bytes. */
  async getArtifact(
    artifactId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ artifact: Artifact; content: Content }>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const { orgId } = context.principal;
      const row = await this.#deps.store.view(() => readArtifact(artifactId, orgId));
      if (!row) throw new NotFoundError("artifact", artifactId);
      const rows = await this.#requireRows(row.run_id, context);
      const artifact = toArtifact(row, rows.plan[row.step_idx]?.name ?? "");
      return { artifact, content: await contentOf(this.#deps.store.blobs, artifact) };
    });
  }

  /** The files that a run has made or changed, as its last finished step left them. */
  async listFiles(
    runId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ runId: string; files: WorkspaceFile[] }>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const run = await this.#requireRun(runId, context.principal.orgId);
      return { runId, files: await listWorkspace(this.#deps.store.blobs, readableRun(run).progress.manifest) };
    });
  }

  /** One of those files. */
  async getFile(runId: string, path: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Content>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const run = await this.#requireRun(runId, context.principal.orgId);
      const file = (await listWorkspace(this.#deps.store.blobs, readableRun(run).progress.manifest)).find(
        (candidate) => candidate.path === path,
      );
      if (!file) throw new NotFoundError("file", path);
      return contentOf(this.#deps.store.blobs, file);
    });
  }

  async #isOver(runId: string, orgId: string): Promise<boolean> {
    return isFinal(RUN_TRANSITIONS, (await this.#requireRun(runId, orgId)).state);
  }

  async #requireRun(runId: string, orgId: string): Promise<ReadRunRow> {
    const row = await this.#deps.store.view(() => readRun(runId, orgId));
    if (!row) throw new NotFoundError("run", runId);
    return row;
  }

  async #requireRows(runId: string, context: RequestContext): Promise<RunRows> {
    requireScope(context, "runs:read");
    const rows = await this.#deps.store.view(() => readRunRows(runId, context.principal.orgId));
    if (!rows) throw new NotFoundError("run", runId);
    return rows;
  }

  async #planOf(runId: string, orgId: string): Promise<Plan> {
    const rows = await this.#deps.store.view(() => readRunRows(runId, orgId));
    if (!rows) throw new NotFoundError("run", runId);
    return { goal: readableRun(rows.run).header.goal, steps: rows.plan.map(asWritten) };
  }
}

/** A planned step without what planning added. */
function asWritten({
  command: _command,
  environment: _environment,
  gates: _gates,
  key: _key,
  ...step
}: PlannedStep): Plan["steps"][number] {
  return step;
}

function parse<T extends object>(json: string | undefined): T {
  return (json === undefined ? {} : JSON.parse(json)) as T;
}
