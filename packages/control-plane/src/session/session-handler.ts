import {
  CreateSessionRequestSchema,
  type ApiResponse,
  type Approval,
  type CreateSessionInput,
  type CreateSessionRequest,
  DEFAULT_ORG,
  type EventRecord,
  type IdSource,
  isFinal,
  limit,
  page,
  type Page,
  PaginationParamsSchema,
  type PaginationParams,
  ProviderIdSchema,
  ReorderInputsRequestSchema,
  RequestApprovalRequestSchema,
  ResolveApprovalRequestSchema,
  type ResolveApprovalInput,
  SendInputRequestSchema,
  SESSION_TRANSITIONS,
  type Session,
  type SessionState,
  StopSessionRequestSchema,
} from "@signalbox/protocol";
import {
  type CancelledRun,
  type CreateRunArgs,
  readApproval,
  readOpenApprovals,
  readProject,
  readRun,
  readSession,
  readSessions,
  sessionIdOf,
  type SessionRow,
  type SessionTerms,
  type SignalboxStore,
} from "@signalbox/store";
import { EventEmitter } from "eventemitter3";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import type { EventFeed } from "../events/event-feed.ts";
import type { RunLog } from "../events/run-log.ts";
import {
  actorOf,
  idempotencyOf,
  LOCAL_CONTEXT,
  requireDecider,
  requireScope,
  type RequestContext,
} from "../request-context.ts";
import { readableRun } from "../run/run-view.ts";
import { planSession } from "./plan-session.ts";
import { announce, type SessionHandlerEvents } from "./session-announcements.ts";
import type { SessionLog } from "./session-log.ts";
import { standaloneSessionDeps } from "./standalone.ts";
import { toApproval, toSession } from "./session-view.ts";

/** What a `SessionHandler` can be told. */
export interface SessionHandlerConfig {
  /** Sessions that one org may have at once. Default 10. */
  readonly maxSessionsPerOrg?: number;
  /** How long a session may last, in minutes. Default 60. */
  readonly defaultTimeoutMinutes?: number;
  /** How long the data of an ended session is kept, in hours. Default 24. */
  readonly sessionDataTtlHours?: number;
  /** How long an approval waits for an answer, in minutes; unanswered means no. Default 60. */
  readonly approvalTimeoutMinutes?: number;
  /** How long an interactive session may have nothing to do, in minutes. Default 30. */
  readonly inactivityTimeoutMinutes?: number;
}

/** What a `SessionHandler` works with. */
export interface SessionHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly runLog: RunLog;
  readonly sessionLog: SessionLog;
  readonly eventFeed: EventFeed;
  /** Stops what a run has in the fleet, after a wish to stop has been committed. */
  readonly stopRun: (run: Pick<CancelledRun, "runId" | "live">, mode: "cancel" | "abort") => void;
  /** Stops attempts of a run that goes on without them. */
  readonly stopAttempts: (attemptIds: readonly string[], mode: "cancel" | "abort") => void;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Agents at work: opens sessions, speaks to them, asks and takes decisions, and ends them. */
export class SessionHandler extends EventEmitter<SessionHandlerEvents> {
  readonly #deps: SessionHandlerDeps;
  readonly #terms: SessionTerms;
  readonly #timeoutMs: number;

  /** By itself it keeps its sessions in memory, where no runner works on them; `createControlPlane` gives it a whole one. */
  constructor(config: SessionHandlerConfig = {}, deps: SessionHandlerDeps = standaloneSessionDeps()) {
    super();
    this.#deps = deps;
    this.#timeoutMs = scaled(config.defaultTimeoutMinutes, MINUTE_MS, limit("session.timeoutMs"));
    this.#terms = {
      maxSessions: config.maxSessionsPerOrg ?? limit("sessions.perOrg"),
      dataTtlMs: scaled(config.sessionDataTtlHours, HOUR_MS, limit("session.dataTtlMs")),
      approvalMs: scaled(config.approvalTimeoutMinutes, MINUTE_MS, limit("approval.expiresMs")),
      inactivityMs: scaled(config.inactivityTimeoutMinutes, MINUTE_MS, limit("session.inactivityMs")),
    };
    deps.sessionLog.on("happened", (happening) => void announce(this, deps.store, happening));
  }

  /** Opens a session: it waits for a runner that has its agent. */
  async createSession(
    request: CreateSessionInput,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Session>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      requireProvider(request);
      const wanted = check(CreateSessionRequestSchema, request);
      const orgId = orgOf(wanted.orgId, context);
      const args = await this.#runArgs(wanted, orgId, context);
      const outcome = await this.#deps.runLog.commit("createRun", args);
      return this.#view(sessionIdOf(outcome.runId, 0), orgId);
    });
  }

  /** One session, with what it waits for. */
  async getSession(sessionId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Session>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      return this.#view(sessionId, await this.#orgOfSession(sessionId, context));
    });
  }

  /** Sessions of an org, newest first. */
  async listSessions(
    orgId: string,
    params: Partial<PaginationParams> & { readonly state?: SessionState } = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Page<Session>>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      const { state, ...rest } = params;
      const wanted = check(PaginationParamsSchema, rest);
      const { rows, total } = await this.#deps.store.view(() =>
        readSessions({
          orgId: orgOf(orgId, context),
          state,
          limit: wanted.pageSize,
          offset: (wanted.page - 1) * wanted.pageSize,
        }),
      );
      return page(await Promise.all(rows.map((row) => this.#viewOf(row))), total, wanted);
    });
  }

  /** Ends a session: one whose agent has nothing to do in good order, one at work by stopping it. */
  async stopSession(
    sessionId: string,
    reason?: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Session>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const wanted = check(StopSessionRequestSchema, { sessionId, ...(reason === undefined ? {} : { reason }) });
      const about = await this.#about(wanted.sessionId, context);
      const stopped = await this.#deps.store.run("stopSession", { ...about, reason: wanted.reason });
      const { session, run, attemptId } = stopped;
      this.#deps.sessionLog.tell(session);
      if (attemptId !== undefined) this.#deps.stopAttempts([attemptId], "cancel");
      if (run) {
        this.#deps.runLog.tell({ ...run, sessions: run.sessions.filter((told) => told !== session) });
        this.#deps.stopRun(run, "cancel");
      }
      return this.#view(sessionId, about.orgId);
    });
  }

  /** Holds a session: its turn is interrupted, and nothing is said to its agent until it is resumed. */
  async pauseSession(sessionId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Session>> {
    return this.#change("pauseSession", sessionId, context);
  }

  /** Lets a held session go on where it was. */
  async resumeSession(sessionId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Session>> {
    return this.#change("resumeSession", sessionId, context);
  }

  /** Stops the turn that goes on. The session stays, and waits for what is said next. */
  async interruptSession(sessionId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Session>> {
    return this.#change("interruptSession", sessionId, context);
  }

  /** Says something to the agent: as its next turn, or (`steer`) into the one that goes on. */
  async sendInput(
    sessionId: string,
    request: { readonly text: string; readonly delivery?: "queue" | "steer" },
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Session & { inputId: string }>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const wanted = check(SendInputRequestSchema, request);
      const about = await this.#about(sessionId, context);
      const { inputId } = await this.#deps.sessionLog.commit("sendInput", { ...about, ...wanted });
      return { ...(await this.#view(sessionId, about.orgId)), inputId };
    });
  }

  /** Takes back an input that waits. */
  async withdrawInput(
    sessionId: string,
    inputId: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Session>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const about = await this.#about(sessionId, context);
      await this.#deps.sessionLog.commit("withdrawInput", { ...about, inputId });
      return this.#view(sessionId, about.orgId);
    });
  }

  /** Puts the inputs that wait into another order. */
  async reorderInputs(
    sessionId: string,
    inputIds: readonly string[],
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Session>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const wanted = check(ReorderInputsRequestSchema, { inputIds });
      const about = await this.#about(sessionId, context);
      await this.#deps.sessionLog.commit("reorderInputs", { ...about, ...wanted });
      return this.#view(sessionId, about.orgId);
    });
  }

  /** Asks leave for an action; the session waits for the answer. `approval_requested` follows. */
  async requestApproval(
    sessionId: string,
    action: string,
    description = "",
    approvalContext: Readonly<Record<string, unknown>> = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Approval>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const wanted = check(RequestApprovalRequestSchema, { sessionId, action, description, context: approvalContext });
      const about = await this.#about(wanted.sessionId, context);
      const { approvalId } = await this.#deps.sessionLog.commit("requestApproval", { ...wanted, ...about });
      return this.#requireApproval(approvalId, about.orgId);
    });
  }

  /** Decides an approval of a session. The first answer counts; the same again is fine. */
  async resolveApproval(
    sessionId: string,
    request: ResolveApprovalInput,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Approval>> {
    return answer(async () => {
      requireScope(context, "gates:decide");
      const { decision, approvalId, ...wanted } = check(ResolveApprovalRequestSchema, request);
      const about = await this.#about(sessionId, context);
      const approval = await this.#requireApproval(approvalId, about.orgId);
      requireDecider(`approval ${approvalId}`, approval, context, decision);
      await this.#deps.sessionLog.commit("resolveApproval", { ...about, ...wanted, approvalId, move: decision });
      return this.#requireApproval(approvalId, about.orgId);
    });
  }

  /** Batches of a session's events after a number, live; ends after the batch with the final one. */
  async followEvents(
    sessionId: string,
    options: { readonly after?: number; readonly signal: AbortSignal },
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<AsyncIterable<readonly EventRecord[]>>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      const { org_id: orgId } = await this.#require(sessionId, await this.#orgOfSession(sessionId, context));
      return this.#deps.eventFeed.follow(sessionId, options.after ?? 0, {
        signal: options.signal,
        isOver: async () => isFinal(SESSION_TRANSITIONS, (await this.#require(sessionId, orgId)).state),
      });
    });
  }

  async #change(
    unit: "pauseSession" | "resumeSession" | "interruptSession",
    sessionId: string,
    context: RequestContext,
  ): Promise<ApiResponse<Session>> {
    return answer(async () => {
      requireScope(context, "sessions:write");
      const about = await this.#about(sessionId, context);
      await this.#deps.sessionLog.commit(unit, about);
      return this.#view(sessionId, about.orgId);
    });
  }

  async #runArgs(wanted: CreateSessionRequest, orgId: string, context: RequestContext): Promise<CreateRunArgs> {
    const { store, clock, ids } = this.#deps;
    const now = clock.now();
    const actor = actorOf(context);
    const project = await store.view(() => readProject(orgId, wanted.projectId));
    const forked = wanted.forkOf === undefined ? undefined : await this.#require(wanted.forkOf, orgId);
    const base = forked && (await store.view(() => readRun(forked.run_id, orgId)));
    const progress = base && readableRun(base).progress;
    const timeoutMs = scaled(wanted.timeoutMinutes, MINUTE_MS, this.#timeoutMs);
    const { goal, steps } = planSession(wanted, {
      project: { id: wanted.projectId, env: parse(project?.env), commands: parse(project?.commands) },
      timeoutMs,
    });
    return {
      id: ids.next("run"),
      orgId,
      projectId: wanted.projectId,
      header: {
        name: wanted.title ?? null,
        goal,
        source: "session",
        taskType: null,
        fromRunId: forked?.run_id ?? null,
        referenceRunId: null,
        baseManifest: progress?.manifest ?? null,
        timeoutMs,
        createdBy: `${actor.kind}:${actor.id}`,
        traceparent: context.traceparent ?? null,
        createdAt: now,
      },
      repo: wanted.repo ?? progress?.repo ?? parseOrNull(project?.repo),
      steps,
      makeProject: project === undefined,
      sessionTerms: this.#terms,
      now,
      actor,
      idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
    };
  }

  /** What every unit wants to know that is about a session. */
  async #about(sessionId: string, context: RequestContext) {
    const now = this.#deps.clock.now();
    return {
      sessionId,
      orgId: await this.#orgOfSession(sessionId, context),
      now,
      actor: actorOf(context),
      idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
    };
  }

  /** The program itself acts for every org; a caller for its own. */
  async #orgOfSession(sessionId: string, { principal }: RequestContext): Promise<string> {
    if (principal.kind !== "local") return principal.orgId;
    const row = await this.#deps.store.get<{ org_id: string }>("SELECT org_id FROM sessions WHERE id = ?", sessionId);
    if (!row) throw new NotFoundError("session", sessionId);
    return row.org_id;
  }

  async #require(sessionId: string, orgId: string): Promise<SessionRow> {
    const row = await this.#deps.store.view(() => readSession(sessionId, orgId));
    if (!row) throw new NotFoundError("session", sessionId);
    return row;
  }

  async #view(sessionId: string, orgId: string): Promise<Session> {
    return this.#viewOf(await this.#require(sessionId, orgId));
  }

  async #viewOf(row: SessionRow): Promise<Session> {
    const { store } = this.#deps;
    const run = await store.view(() => readRun(row.run_id, row.org_id));
    const progress = run && readableRun(run).progress;
    return toSession(row, {
      step: progress?.steps[row.step_idx]?.name ?? "",
      repo: progress?.repo ?? null,
      open: await store.view(() => readOpenApprovals(row.id)),
    });
  }

  async #requireApproval(approvalId: string, orgId: string): Promise<Approval> {
    const row = await this.#deps.store.view(() => readApproval(approvalId, orgId));
    if (!row) throw new NotFoundError("approval", approvalId);
    return toApproval(row);
  }
}

/** A caller acts in its own org; the program itself in whichever it names. */
function orgOf(orgId: string | undefined, { principal }: RequestContext): string {
  if (principal.kind === "local") return orgId ?? DEFAULT_ORG;
  if (orgId === undefined || orgId === principal.orgId) return principal.orgId;
  throw new ControlPlaneError("FORBIDDEN", `this credential is of another org than ${orgId}`, { orgId });
}

/** A provider that nobody knows has a code of its own. */
function requireProvider(request: unknown): void {
  const given =
    typeof request === "object" && request !== null && "providerId" in request ? request.providerId : undefined;
  if (typeof given !== "string" || ProviderIdSchema.safeParse(given).success) return;
  throw new ControlPlaneError("INVALID_PROVIDER", `there is no provider ${JSON.stringify(given.slice(0, 100))}`, {
    providerId: given.slice(0, 100),
  });
}

function scaled(value: number | undefined, unitMs: number, otherwise: number): number {
  return value === undefined ? otherwise : Math.round(value * unitMs);
}

function parse<T extends object>(json: string | undefined): T {
  return (json === undefined ? {} : JSON.parse(json)) as T;
}

function parseOrNull<T>(json: string | null | undefined): T | null {
  return json ? (JSON.parse(json) as T) : null;
}
