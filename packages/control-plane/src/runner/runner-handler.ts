import { createHash, randomBytes } from "node:crypto";

import {
  CreateEnrolmentTokenRequestSchema,
  enrolmentPreimage,
  EnrolRunnerRequestSchema,
  limit,
  page,
  PaginationParamsSchema,
  RegisterRunnerRequestSchema,
  RunnerHeartbeatSchema,
  toTimestamp,
  type ApiResponse,
  type CreateEnrolmentTokenRequest,
  type EnrolRunnerInput,
  type IdSource,
  type Page,
  type PaginationParams,
  type RegisterRunnerInput,
  type Runner,
  type RunnerHeartbeat,
} from "@signalbox/protocol";
import { readRunner, readRunners, type RunnerRow, type SignalboxStore } from "@signalbox/store";
import { EventEmitter } from "eventemitter3";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import { actorOf, idempotencyOf, LOCAL_CONTEXT, requireScope, type RequestContext } from "../request-context.ts";
import type { AttemptBoard } from "./attempt-board.ts";
import type { Fleet } from "./fleet.ts";
import type { Heartbeats } from "./heartbeats.ts";
import { isSignedBy } from "./runner-link-server.ts";
import { toRunner } from "./runner-view.ts";
import { standaloneDeps } from "./standalone.ts";

/** What a `RunnerHandler` can be told. */
export interface RunnerHandlerConfig {
  /** Silence after which a runner is offline, in milliseconds. Default 30,000. */
  readonly heartbeatTimeoutMs?: number;
  /** Runners that one org may have. Default 1,000. */
  readonly maxRunnersPerOrg?: number;
  /** Attempts at once on a runner that does not say. Default 5. */
  readonly defaultCapacity?: number;
}

/** What a `RunnerHandler` works with. */
export interface RunnerHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly fleet: Fleet;
  readonly board: AttemptBoard;
  readonly heartbeats: Heartbeats;
  /** Tells a connected runner that it is out. */
  readonly retire: (runnerId: string, reason: string) => void;
  /** Counts what a runner held as lost, after it has been retired. */
  readonly abandon: (runnerId: string) => Promise<void>;
}

/** What has happened to runners. */
export interface RunnerHandlerEvents {
  /** A machine joined the fleet. */
  runner_registered: (event: { runnerId: string; runner: Runner; timestamp: string }) => void;
  /** A machine left for good. */
  runner_deregistered: (event: { runnerId: string; reason?: string; timestamp: string }) => void;
  /** A runner is reachable. */
  runner_online: (event: { runnerId: string; timestamp: string }) => void;
  /** Nothing was heard of a runner for too long. */
  runner_offline: (event: { runnerId: string; timestamp: string }) => void;
  /** A runner gets no new work. */
  runner_draining: (event: { runnerId: string; timestamp: string }) => void;
}

/** The fleet: who is in it, who is there, and who gets no more work. */
export class RunnerHandler extends EventEmitter<RunnerHandlerEvents> {
  readonly #deps: RunnerHandlerDeps;
  readonly #maxRunners: number;
  readonly #defaultCapacity: number;

  /** By itself it keeps its fleet in memory; `createControlPlane` gives it the parts of a whole one. */
  constructor(config: RunnerHandlerConfig = {}, deps: RunnerHandlerDeps = standaloneDeps(config)) {
    super();
    this.#deps = deps;
    this.#maxRunners = config.maxRunnersPerOrg ?? limit("runners.perOrg");
    this.#defaultCapacity = config.defaultCapacity ?? limit("runner.slots");
    deps.heartbeats.on("online", (runnerId) => this.emit("runner_online", { runnerId, timestamp: this.#timestamp() }));
    deps.heartbeats.on("offline", (runnerId) =>
      this.emit("runner_offline", { runnerId, timestamp: this.#timestamp() }),
    );
  }

  /** Takes a machine into the fleet on the word of the caller. */
  async registerRunner(
    request: RegisterRunnerInput,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Runner & { runnerId: string }>> {
    return answer(async () => {
      requireScope(context, "runners:write");
      const wanted = check(RegisterRunnerRequestSchema, request);
      const orgId = this.#orgOf(wanted.orgId, context);
      const now = this.#deps.clock.now();
      const row = await this.#deps.store.run("registerRunner", {
        ...this.#rowArgs(wanted, now),
        orgId,
        labels: JSON.stringify(wanted.labels ?? {}),
        publicKey: null,
        actor: actorOf(context),
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      return row.isRepeated ? { ...this.#view(row), runnerId: row.id } : this.#registered(row);
    });
  }

  /** Takes a sign of life. */
  async handleHeartbeat(
    heartbeat: RunnerHeartbeat,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ runnerId: string; status: string }>> {
    return answer(async () => {
      requireScope(context, "runners:write");
      const beat = check(RunnerHeartbeatSchema, heartbeat);
      const row = await this.#requireRunner(beat.runnerId, context);
      if (row.state === "retired")
        throw new ControlPlaneError("INVALID_STATE", `runner ${row.id} is retired; it does not come back`, {
          state: row.state,
        });
      this.#deps.heartbeats.beat(row.id, { load: beat.load, runtimeVersions: beat.runtimeVersions });
      await this.#deps.heartbeats.flush();
      return { runnerId: row.id, status: (await this.#requireRunner(row.id, context)).state };
    });
  }

  /** One runner. */
  async getRunner(runnerId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Runner>> {
    return answer(async () => {
      requireScope(context, "runners:read");
      return this.#view(await this.#requireRunner(runnerId, context));
    });
  }

  /** Runners that have not been retired, oldest first. */
  async listRunners(
    params: Partial<PaginationParams> = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Page<Runner>>> {
    return answer(async () => {
      requireScope(context, "runners:read");
      const wanted = check(PaginationParamsSchema, params);
      const { rows, total } = await this.#deps.store.view(() =>
        readRunners(context.principal.orgId, wanted.pageSize, (wanted.page - 1) * wanted.pageSize),
      );
      return page(
        rows.map((row) => this.#view(row)),
        total,
        wanted,
      );
    });
  }

  /** Lets a runner finish what it has and gives it nothing new, from the commit of this call on. */
  async drainRunner(runnerId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Runner>> {
    return answer(async () => {
      requireScope(context, "runners:write");
      const runner = await this.#change(runnerId, "drain", undefined, context);
      if (runner.isRepeated) return this.#view(runner);
      const connected = this.#deps.fleet.get(runnerId);
      if (connected) connected.isDraining = true;
      connected?.channel.send({ type: "draining" });
      this.emit("runner_draining", { runnerId, timestamp: this.#timestamp() });
      return this.#view(runner);
    });
  }

  /** Gives a runner that was draining work again. */
  async resumeRunner(runnerId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Runner>> {
    return answer(async () => {
      requireScope(context, "runners:write");
      const runner = await this.#change(runnerId, "resume", undefined, context);
      if (runner.isRepeated) return this.#view(runner);
      const connected = this.#deps.fleet.get(runnerId);
      if (connected) connected.isDraining = false;
      this.#deps.fleet.reopen(runnerId);
      return this.#view(runner);
    });
  }

  /** Takes a runner out of the fleet for good: its key is refused, and what it held is lost and tried elsewhere. */
  async deregisterRunner(
    runnerId: string,
    reason?: string,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Runner>> {
    return answer(async () => {
      requireScope(context, "runners:write");
      const runner = await this.#change(runnerId, "retire", reason, context);
      if (runner.isRepeated) return this.#view(runner);
      this.#deps.heartbeats.forget(runnerId);
      this.#deps.retire(runnerId, reason ?? "deregistered");
      await this.#deps.abandon(runnerId);
      this.emit("runner_deregistered", {
        runnerId,
        timestamp: this.#timestamp(),
        ...(reason === undefined ? {} : { reason }),
      });
      return this.#view(runner);
    });
  }

  /** A token that admits one machine. It is shown this once; the store has its hash. */
  async createEnrolmentToken(
    request: Partial<CreateEnrolmentTokenRequest> = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ token: string; expiresAt: string }>> {
    return answer(async () => {
      requireScope(context, "runners:write");
      const { ttlMs, labels } = check(CreateEnrolmentTokenRequestSchema, request);
      const token = `sbe_${randomBytes(32).toString("base64url")}`;
      const now = this.#deps.clock.now();
      await this.#deps.store.run("createEnrolmentToken", {
        hash: hashOf(token),
        orgId: context.principal.orgId,
        labels: JSON.stringify(labels),
        expiresAt: now + ttlMs,
        now,
      });
      return { token, expiresAt: toTimestamp(now + ttlMs) };
    });
  }

  /** Admits a machine that holds an enrolment token and proves that it holds the key it names. */
  async enrolRunner(request: EnrolRunnerInput): Promise<ApiResponse<{ runnerId: string; orgId: string }>> {
    return answer(async () => {
      const wanted = check(EnrolRunnerRequestSchema, request);
      if (!isSignedBy(wanted.publicKey, enrolmentPreimage(wanted.token, wanted.publicKey), wanted.proof)) {
        throw new ControlPlaneError("UNAUTHORIZED", "the proof is not by the key");
      }
      const row = await this.#deps.store.run("enrolRunner", {
        ...this.#rowArgs(wanted, this.#deps.clock.now()),
        tokenHash: hashOf(wanted.token),
        publicKey: wanted.publicKey,
      });
      this.#registered(row);
      return { runnerId: row.id, orgId: row.org_id };
    });
  }

  #rowArgs(
    wanted:
      | ReturnType<typeof RegisterRunnerRequestSchema.parse>
      | Omit<ReturnType<typeof EnrolRunnerRequestSchema.parse>, "orgId">,
    now: number,
  ) {
    return {
      id: this.#deps.ids.next("runner"),
      hostname: wanted.hostname,
      capabilities: JSON.stringify({
        ...wanted.capabilities,
        maxConcurrentSessions: wanted.capabilities.maxConcurrentSessions ?? this.#defaultCapacity,
      }),
      metadata: JSON.stringify(wanted.metadata ?? {}),
      runtimeVersions: JSON.stringify(wanted.runtimeVersions ?? {}),
      maxRunners: this.#maxRunners,
      now,
    };
  }

  #registered(row: RunnerRow): Runner & { runnerId: string } {
    this.#deps.heartbeats.watch(row.id, true);
    const runner = this.#view(row);
    const timestamp = this.#timestamp();
    this.emit("runner_registered", { runnerId: row.id, runner, timestamp });
    this.emit("runner_online", { runnerId: row.id, timestamp });
    return { ...runner, runnerId: row.id };
  }

  async #change(
    runnerId: string,
    move: "drain" | "resume" | "retire",
    reason: string | undefined,
    context: RequestContext,
  ) {
    const now = this.#deps.clock.now();
    return this.#deps.store.run("changeRunner", {
      runnerId,
      orgId: context.principal.orgId,
      move,
      reason,
      now,
      actor: actorOf(context),
      idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
    });
  }

  async #requireRunner(runnerId: string, context: RequestContext): Promise<RunnerRow> {
    const row = await this.#deps.store.view(() => readRunner(runnerId, context.principal.orgId));
    if (!row) throw new NotFoundError("runner", runnerId);
    return row;
  }

  #view(row: RunnerRow): Runner {
    const activeAttempts = [...this.#deps.board].filter((attempt) => attempt.runnerId === row.id).length;
    return toRunner(row, { connected: this.#deps.fleet.get(row.id) !== undefined, activeAttempts });
  }

  /** Only the local admin may act for another org. */
  #orgOf(wanted: string | undefined, context: RequestContext): string {
    if (wanted === undefined || wanted === context.principal.orgId || context.principal.kind === "local")
      return wanted ?? context.principal.orgId;
    throw new ControlPlaneError("FORBIDDEN", "a token acts for its own org only");
  }

  #timestamp(): string {
    return toTimestamp(this.#deps.clock.now());
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
