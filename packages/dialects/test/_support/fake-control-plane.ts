import { createHash } from "node:crypto";

import {
  ApprovalHandler,
  GateHandler,
  PublishHandler,
  SessionHandler,
  standaloneSessionDeps,
  standaloneWebhooks,
  type Content,
  type ControlPlane,
  type RequestContext,
} from "@signalbox/control-plane";
import {
  ApprovePluginRequestSchema,
  CancelRunRequestSchema,
  CreateEnrolmentTokenRequestSchema,
  CreatePluginTokenRequestSchema,
  CreateRunRequestSchema,
  CreateTokenRequestSchema,
  DispatchPluginRequestSchema,
  EnrolRunnerRequestSchema,
  FINAL_RUN_EVENTS,
  isFinal,
  limitsWith,
  page,
  PaginationParamsSchema,
  ProjectIdSchema,
  PutProjectRequestSchema,
  PutSecretRequestSchema,
  refuse,
  RegisterPluginRequestSchema,
  ResolveGateRequestSchema,
  RevokePluginRequestSchema,
  RoutePluginRequestSchema,
  RUN_TRANSITIONS,
  SCOPES,
  succeed,
  type ApiRefusal,
  type ApiResponse,
  type Artifact,
  type ErrorCode,
  type EventRecord,
  type Gate,
  type OutputChunk,
  type Plugin,
  type Principal,
  type Project,
  type Run,
  type Runner,
  type Scope,
  type StepDetails,
  type Token,
} from "@signalbox/protocol";
import type * as z from "zod";

import { KeptDiffs } from "./kept-diffs.ts";

/** What can be called, without what is private to the real class. */
type Shape<T> = {
  readonly [Key in keyof T]: T[Key] extends (...args: never[]) => unknown
    ? T[Key]
    : T[Key] extends object
      ? object
      : T[Key];
};

type RunnerMethod =
  | "registerRunner"
  | "handleHeartbeat"
  | "getRunner"
  | "listRunners"
  | "drainRunner"
  | "resumeRunner"
  | "deregisterRunner"
  | "createEnrolmentToken"
  | "enrolRunner";

type PluginMethod =
  | "listPlugins"
  | "getPlugin"
  | "registerPlugin"
  | "approvePlugin"
  | "revokePlugin"
  | "startPlugin"
  | "stopPlugin"
  | "restartPlugin"
  | "readLog"
  | "createToken"
  | "routeRequest"
  | "dispatchRequest";

const AT = "2026-11-21T08:00:00.000Z";

const LOG_LINE = { at: AT, stream: "stdout", text: "ready" } as const;

/** A control plane in memory, for the faces' own tests: shapes and refusals as the real one has them, and no work done. */
export class FakeControlPlane implements Shape<
  Omit<ControlPlane, "attach" | "runPlugins" | "pluginLink" | "sessionSocket">
> {
  readonly limits = limitsWith();
  readonly calls: { method: string; context: RequestContext | undefined }[] = [];
  readonly #runs = new Map<string, FakeRun>();
  readonly #gates = new Map<string, Gate>();
  readonly #projects = new Map<string, Project>();
  readonly #runners = new Map<string, Runner>();
  readonly #plugins = new Map<string, Plugin>();
  readonly #tokens = new Map<string, { token: Token; secret: string }>();
  readonly #tickets = new Map<string, { runId: string; principal: Principal }>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #sessionDeps = standaloneSessionDeps();
  /** The real ones, on a store in memory. */
  readonly sessions = new SessionHandler({ maxSessionsPerOrg: 1_000 }, this.#sessionDeps);
  readonly approvals = new ApprovalHandler({ ...this.#sessionDeps, gates: new GateHandler(this.#sessionDeps) });
  readonly diffs = new KeptDiffs({ ...this.#sessionDeps, limits: this.limits });
  readonly publishing = new PublishHandler({ ...this.#sessionDeps, diffs: this.diffs });
  readonly webhooks = standaloneWebhooks(this.#sessionDeps);
  #made = 0;
  /** For who wants the real thing: the faces use only what is here. */
  get controlPlane(): ControlPlane {
    return this as unknown as ControlPlane;
  }

  isWritable = true;
  isDrained = false;

  /** A run without a request, with this many events; a place to put more. */
  addRun(options: { status?: Run["status"]; steps?: string[]; projectId?: string } = {}): FakeRun {
    const id = this.#id("run");
    const run = new FakeRun(id, options.projectId ?? "default", options.steps ?? ["hello"]);
    run.status = options.status ?? "running";
    this.#runs.set(id, run);
    run.append("run.created", { goal: "Hello World" });
    return run;
  }

  addGate(runId: string): Gate {
    const id = this.#id("gate");
    const content = {
      v: 1 as const,
      orgId: "default",
      projectId: "default",
      runId,
      step: "ask",
      description: "Deploy?",
      approvers: [],
      expiresAt: AT,
      guards: [],
    };
    const gate: Gate = {
      id,
      runId,
      step: "ask",
      status: "pending",
      content,
      contentHash: "0".repeat(64),
      requestedAt: AT,
      expiresAt: AT,
    };
    this.#gates.set(id, gate);
    return gate;
  }

  addRunner(): Runner {
    const id = this.#id("rnr");
    const capabilities = { providers: [], features: [], maxConcurrentSessions: 5 };
    const runner: Runner = {
      id,
      orgId: "default",
      hostname: "box",
      status: "online",
      connected: true,
      capabilities,
      labels: {},
      metadata: {},
      runtimeVersions: {},
      activeAttempts: 0,
      registeredAt: AT,
    };
    this.#runners.set(id, runner);
    return runner;
  }

  addPlugin(name: string): Plugin {
    const plugin: Plugin = {
      id: this.#id("plg"),
      orgId: "default",
      name,
      version: "1.0.0",
      state: "pending",
      origin: "folder",
      manifestHash: "0".repeat(64),
      connected: false,
      breaker: "closed",
      process: { state: "stopped", restarts: 0 },
      registeredAt: AT,
      updatedAt: AT,
    };
    this.#plugins.set(name, plugin);
    return plugin;
  }

  /** A webhook with a delivery that has arrived. */
  async addDelivery(): Promise<{ webhookId: string; deliveryId: string }> {
    const { store, clock } = this.#sessionDeps;
    const made = await this.webhooks.createWebhook({ url: "https://hooks.example/" });
    const webhookId = made.data?.id ?? "";
    const deliveryId = (await this.webhooks.testWebhook(webhookId)).data?.id ?? "";
    // Later than any claim of the handler's own worker, whose try then no longer counts.
    const now = clock.now() + 60_000;
    const wanted = [{ webhookId, count: 1 }];
    const { claimed } = await store.run("claimDeliveries", { wanted, now, leaseUntil: now + 60_000 });
    const verdict = { kind: "accepted", status: 200 } as const;
    await store.run("recordTry", { deliveryId, attempt: claimed[0]?.row.attempts ?? 0, verdict, now });
    return { webhookId, deliveryId };
  }

  /** A token with these scopes; what to send as bearer. */
  addToken(scopes: readonly Scope[] = ["admin"], orgId = "default"): string {
    const id = this.#id("tok");
    const secret = `sbx_${id}_secret`;
    this.#tokens.set(id, { secret, token: { id, orgId, name: "test", scopes: [...scopes], createdAt: AT } });
    return secret;
  }

  revoke(secret: string): void {
    for (const [id, entry] of this.#tokens) if (entry.secret === secret) this.#tokens.delete(id);
  }

  readonly runs: Shape<ControlPlane["runs"]> = {
    createRun: async (request, context) => {
      this.#note("createRun", context);
      return checked(CreateRunRequestSchema, request, (wanted) => {
        const steps = wanted.plan?.steps.map((step) => step.name) ?? ["work"];
        const run = this.addRun({ status: "queued", steps, projectId: wanted.projectId });
        run.goal = wanted.plan?.goal ?? wanted.standard?.prompt ?? wanted.instructions ?? "run a command";
        return run.run;
      });
    },
    getRun: async (runId, context) => this.#withRun("getRun", runId, context, (run) => run.details),
    listRuns: async (query, context) => {
      this.#note("listRuns", context);
      const runs = [...this.#runs.values()].map(({ run }) => run).toReversed();
      return succeed({
        items: runs
          .filter((run) => query?.projectId === undefined || run.projectId === query.projectId)
          .slice(0, query?.limit ?? 50),
      });
    },
    cancelRun: async (runId, request, context) => {
      this.#note("cancelRun", context);
      return checked(CancelRunRequestSchema, request ?? {}, () => {
        const run = this.#runs.get(runId);
        if (!run) return missing("RUN_NOT_FOUND");
        if (isFinal(RUN_TRANSITIONS, run.status)) return no("INVALID_STATE", `run ${runId} is ${run.status}`);
        run.end("cancelled");
        return run.run;
      });
    },
    getStep: async (runId, step, context) =>
      this.#withRun(
        "getStep",
        runId,
        context,
        (run) => run.steps.find(({ name }) => name === step) ?? missing("STEP_NOT_FOUND"),
      ),
    explainRun: async (runId, context) =>
      this.#withRun("explainRun", runId, context, () => [
        { step: "hello", reason: "no_runner" as const, message: "there is no runner" },
      ]),
    listEvents: async (runId, query, context) =>
      this.#withRun("listEvents", runId, context, (run) => ({
        events: run.events.filter(({ seq }) => seq > (query?.after ?? 0)).slice(0, query?.limit ?? 500),
        lastSeq: run.events.length,
      })),
    followEvents: async (runId, { after = 0, signal }, context) =>
      this.#withRun("followEvents", runId, context, (run) => run.follow(run.batches, after, signal)),
    followOutput: async (runId, { after = 0, step, follow = true, signal }, context) =>
      this.#withRun("followOutput", runId, context, (run) =>
        filterStep(run.follow(run.output, after, signal, follow), step),
      ),
    getArtifact: async (artifactId, context) => {
      this.#note("getArtifact", context);
      for (const run of this.#runs.values()) {
        const artifact = run.artifacts.find(({ id }) => id === artifactId);
        if (artifact)
          return succeed({
            artifact,
            content: contentOf(artifact.path, run.files.get(artifact.path) ?? Buffer.alloc(0)),
          });
      }
      return missing("ARTIFACT_NOT_FOUND");
    },
    listFiles: async (runId, context) =>
      this.#withRun("listFiles", runId, context, (run) => ({
        runId,
        files: [...run.files].map(([path, bytes]) => ({
          path,
          bytes: bytes.length,
          type: "text",
          sha256: sha256(bytes),
        })),
      })),
    getFile: async (runId, path, context) =>
      this.#withRun("getFile", runId, context, (run) => {
        const bytes = run.files.get(path);
        return bytes ? contentOf(path, bytes) : missing("FILE_NOT_FOUND");
      }),
  };

  readonly gates: Shape<ControlPlane["gates"]> = {
    getGate: async (gateId, context) => this.#withGate("getGate", gateId, context, (gate) => gate),
    listGates: async (query, context) => {
      this.#note("listGates", context);
      return succeed({
        items: [...this.#gates.values()].filter((gate) => query?.status === undefined || gate.status === query.status),
      });
    },
    approveGate: async (gateId, request, context) => this.#decide("approveGate", gateId, request, context, "approved"),
    rejectGate: async (gateId, request, context) => this.#decide("rejectGate", gateId, request, context, "denied"),
  };

  readonly projects: Shape<ControlPlane["projects"]> = {
    putProject: async (projectId, request, context) => {
      this.#note("putProject", context);
      if (!ProjectIdSchema.safeParse(projectId).success) return no("VALIDATION_ERROR", "id: not a project id");
      return checked(PutProjectRequestSchema, request, ({ name = projectId, approvals }) => {
        const created = !this.#projects.has(projectId);
        const project: Project = {
          id: projectId,
          orgId: "default",
          name,
          env: {},
          commands: {},
          approvals: { selfApproval: approvals?.selfApproval ?? "allowed", approvers: approvals?.approvers ?? [] },
          secrets: {},
          createdAt: AT,
          updatedAt: AT,
        };
        this.#projects.set(projectId, project);
        return { ...project, created };
      });
    },
    getProject: async (projectId, context) => {
      this.#note("getProject", context);
      const project = this.#projects.get(projectId);
      return project ? succeed(project) : missing("PROJECT_NOT_FOUND");
    },
    listProjects: async (params, context) => {
      this.#note("listProjects", context);
      return checked(PaginationParamsSchema, params ?? {}, (wanted) =>
        page([...this.#projects.values()], this.#projects.size, wanted),
      );
    },
    putSecret: async (_projectId, scope, name, request, context) => {
      this.#note("putSecret", context);
      return checked(PutSecretRequestSchema, request, () => ({ scope, name }));
    },
    deleteSecret: async (_projectId, scope, name, context) => {
      this.#note("deleteSecret", context);
      return succeed({ scope, name });
    },
  };

  readonly runners: Pick<ControlPlane["runners"], RunnerMethod> = {
    registerRunner: async () => no("FORBIDDEN", "not in the fake"),
    handleHeartbeat: async () => no("FORBIDDEN", "not in the fake"),
    getRunner: async (runnerId, context) => this.#withRunner("getRunner", runnerId, context, (runner) => runner),
    listRunners: async (params, context) => {
      this.#note("listRunners", context);
      return checked(PaginationParamsSchema, params ?? {}, (wanted) =>
        page([...this.#runners.values()], this.#runners.size, wanted),
      );
    },
    drainRunner: async (runnerId, context) =>
      this.#withRunner("drainRunner", runnerId, context, (runner) => ({ ...runner, status: "draining" as const })),
    resumeRunner: async (runnerId, context) => this.#withRunner("resumeRunner", runnerId, context, (runner) => runner),
    deregisterRunner: async (runnerId, _reason, context) =>
      this.#withRunner("deregisterRunner", runnerId, context, (runner) => ({ ...runner, status: "retired" as const })),
    createEnrolmentToken: async (request, context) => {
      this.#note("createEnrolmentToken", context);
      return checked(CreateEnrolmentTokenRequestSchema, request ?? {}, () => ({ token: "enr_token", expiresAt: AT }));
    },
    enrolRunner: async (request) =>
      checked(EnrolRunnerRequestSchema, request, () => ({ runnerId: this.addRunner().id, orgId: "default" })),
  };

  readonly plugins: Pick<ControlPlane["plugins"], PluginMethod> = {
    listPlugins: async (context) => {
      this.#note("listPlugins", context);
      return succeed({ items: [...this.#plugins.values()], problems: [] });
    },
    getPlugin: async (name, context) =>
      this.#withPlugin("getPlugin", name, context, (plugin) => ({
        ...plugin,
        manifest: { name },
        access: { publish: [], subscribe: [], request: [], call: [], serve: false },
        log: [LOG_LINE],
      })),
    registerPlugin: async (request, context) => {
      this.#note("registerPlugin", context);
      return checked(RegisterPluginRequestSchema, request, ({ manifest }) => this.addPlugin(String(manifest["name"])));
    },
    approvePlugin: async (name, request, context) =>
      checked(ApprovePluginRequestSchema, request, () =>
        this.#withPlugin("approvePlugin", name, context, (plugin) => ({ ...plugin, state: "approved" as const })),
      ),
    revokePlugin: async (name, request, context) =>
      checked(RevokePluginRequestSchema, request ?? {}, () =>
        this.#withPlugin("revokePlugin", name, context, (plugin) => ({ ...plugin, state: "revoked" as const })),
      ),
    startPlugin: async (name, context) => this.#withPlugin("startPlugin", name, context, (plugin) => plugin),
    stopPlugin: async (name, context) => this.#withPlugin("stopPlugin", name, context, (plugin) => plugin),
    restartPlugin: async (name, context) => this.#withPlugin("restartPlugin", name, context, (plugin) => plugin),
    readLog: async (name, context) =>
      this.#withPlugin("readLog", name, context, () => ({ plugin: name, lines: [LOG_LINE] })),
    createToken: async (name, request, context) =>
      checked(CreatePluginTokenRequestSchema, request ?? {}, () =>
        this.#withPlugin("createToken", name, context, () => ({ id: "tok", plugin: name, token: "sbp_tok_secret" })),
      ),
    routeRequest: async (request, context) => {
      this.#note("routeRequest", context);
      return checked(RoutePluginRequestSchema, request, () => ({ requestId: "req", candidates: [], leftOut: [] }));
    },
    dispatchRequest: async (request, context) => {
      this.#note("dispatchRequest", context);
      const route = { requestId: "req", candidates: [], leftOut: [] };
      return checked(DispatchPluginRequestSchema, request, ({ payload }) => ({
        requestId: "req",
        plugin: "crier",
        response: payload,
        route,
      }));
    },
  };

  readonly tokens: Shape<Omit<ControlPlane["tokens"], "flush">> = {
    createToken: async (request, context) => {
      this.#note("createToken", context);
      return checked(CreateTokenRequestSchema, request, ({ scopes }) => {
        const secret = this.addToken(scopes);
        const entry = [...this.#tokens.values()].find((other) => other.secret === secret);
        return entry ? { ...entry.token, token: secret } : missing("TOKEN_NOT_FOUND");
      });
    },
    listTokens: async (context) => {
      this.#note("listTokens", context);
      return succeed({ items: [...this.#tokens.values()].map(({ token }) => token) });
    },
    revokeToken: async (tokenId, context) => {
      this.#note("revokeToken", context);
      const entry = this.#tokens.get(tokenId);
      if (!entry) return missing("TOKEN_NOT_FOUND");
      this.#tokens.delete(tokenId);
      return succeed({ ...entry.token, revokedAt: AT });
    },
    authenticate: async (bearer) => {
      const entry = [...this.#tokens.values()].find(({ secret }) => secret === bearer);
      return (
        entry && { kind: "token", id: entry.token.id, orgId: entry.token.orgId, scopes: new Set(entry.token.scopes) }
      );
    },
    isStillGood: async (principal) => principal.kind === "local" || this.#tokens.has(principal.id),
    createTicket: async (runId, context) =>
      this.#withRun("createTicket", runId, context, () => {
        const ticket = this.#id("tkt");
        this.#tickets.set(ticket, { runId, principal: context?.principal ?? LOCAL_ADMIN });
        return { ticket, expiresAt: AT };
      }),
    redeemTicket: (ticket, runId) => {
      const found = this.#tickets.get(ticket);
      this.#tickets.delete(ticket);
      return found?.runId === runId ? found.principal : undefined;
    },
    createSocketTicket: async (context) => {
      this.#note("createSocketTicket", context);
      return succeed({ ticket: this.#id("tkt"), expiresAt: AT });
    },
    redeemSocketTicket: () => undefined,
  };

  readonly link: Shape<Omit<ControlPlane["link"], "retire" | "stop" | "terminate" | "openOutput">> = {
    handleUpgrade: (_request, socket) => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
      return true;
    },
    authenticateConnection: (token) =>
      token === "connection-token" ? { runnerId: "rnr_1", orgId: "default" } : undefined,
    putBlob: async (name, source) => {
      const bytes = await gather(source);
      if (sha256(bytes) !== name) return no("VALIDATION_ERROR", "the bytes have another sha256");
      this.#blobs.set(name, bytes);
      return succeed({ sha256: name, bytes: bytes.length });
    },
    getBlob: async (name) => {
      const bytes = this.#blobs.get(name);
      return bytes ? succeed(contentOf(name, bytes)) : missing("FILE_NOT_FOUND");
    },
  };

  readonly records: Shape<ControlPlane["records"]> = {
    open: async ({ attemptId, epoch }) => {
      async function* lines() {
        yield Buffer.from(`{"attempt":"${attemptId}",`);
        yield Buffer.from(`"epoch":${epoch}}\n`);
      }
      return attemptId === "att_none" ? missing("ATTEMPT_NOT_FOUND") : succeed(lines());
    },
  };

  stats(): ReturnType<ControlPlane["stats"]> {
    return {
      writable: this.isWritable,
      runsActive: 1,
      stepsReady: 0,
      runnersOnline: 0,
      attemptsLive: 0,
      streamsOpen: 0,
      pluginsConnected: 0,
      counters: { runs_created_total: 1 },
    };
  }

  async drain(): Promise<void> {
    this.isDrained = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  #id(prefix: string): string {
    return `${prefix}_${++this.#made}`;
  }

  #note(method: string, context: RequestContext | undefined): void {
    this.calls.push({ method, context });
  }

  #withRun<T>(
    method: string,
    runId: string,
    context: RequestContext | undefined,
    read: (run: FakeRun) => T | ApiRefusal,
  ): ApiResponse<T> {
    this.#note(method, context);
    return found(this.#runs.get(runId), "RUN_NOT_FOUND", read);
  }

  #withGate<T>(
    method: string,
    gateId: string,
    context: RequestContext | undefined,
    read: (gate: Gate) => T | ApiRefusal,
  ): ApiResponse<T> {
    this.#note(method, context);
    return found(this.#gates.get(gateId), "GATE_NOT_FOUND", read);
  }

  #withRunner<T>(
    method: string,
    runnerId: string,
    context: RequestContext | undefined,
    read: (runner: Runner) => T | ApiRefusal,
  ): ApiResponse<T> {
    this.#note(method, context);
    return found(this.#runners.get(runnerId), "RUNNER_NOT_FOUND", read);
  }

  #withPlugin<T>(
    method: string,
    name: string,
    context: RequestContext | undefined,
    read: (plugin: Plugin) => T | ApiRefusal,
  ): ApiResponse<T> {
    this.#note(method, context);
    return found(this.#plugins.get(name), "PLUGIN_NOT_FOUND", read);
  }

  #decide(
    method: string,
    gateId: string,
    request: unknown,
    context: RequestContext | undefined,
    status: "approved" | "denied",
  ): ApiResponse<Gate> {
    return checked(ResolveGateRequestSchema, request ?? {}, ({ note }) =>
      this.#withGate(method, gateId, context, (gate) => {
        if (gate.status !== "pending") return no("INVALID_STATE", `gate ${gateId} is ${gate.status}`);
        const decided: Gate = { ...gate, status, decidedAt: AT, ...(note ? { note } : {}) };
        this.#gates.set(gateId, decided);
        return decided;
      }),
    );
  }
}

const LOCAL_ADMIN: Principal = { kind: "local", id: "local", orgId: "default", scopes: new Set(SCOPES) };

/** A run whose events and output a test appends; followers get each batch as one and the same array. */
export class FakeRun {
  readonly id: string;
  readonly projectId: string;
  readonly steps: StepDetails[];
  readonly artifacts: Artifact[] = [];
  readonly files = new Map<string, Buffer>();
  readonly batches: (readonly EventRecord[])[] = [];
  readonly output: (readonly OutputChunk[])[] = [];
  status: Run["status"] = "running";
  goal = "Hello World";
  #wake = Promise.withResolvers<void>();

  constructor(id: string, projectId: string, steps: string[]) {
    this.id = id;
    this.projectId = projectId;
    this.steps = steps.map((name, index) => ({
      id: `stp_${id}_${index}`,
      runId: id,
      index,
      name,
      tool: "command",
      key: `key-${name}`,
      needs: [],
      inputs: {},
      status: "pending",
      attempts: [],
    }));
  }

  get events(): EventRecord[] {
    return this.batches.flat();
  }

  get run(): Run {
    const { id, projectId, goal, status } = this;
    return {
      id,
      orgId: "default",
      projectId,
      goal,
      source: "plan",
      status,
      progress: 0,
      lastSeq: this.events.length,
      createdAt: AT,
      updatedAt: AT,
    };
  }

  get details() {
    return { run: this.run, steps: this.steps, gates: [], artifacts: this.artifacts, summary: null };
  }

  append(type: string, ...data: Record<string, unknown>[]): void {
    const before = this.events.length;
    const stream = this.id;
    this.batches.push(
      data.map((item, index) => ({
        stream,
        seq: before + index + 1,
        type,
        schemaVersion: 1,
        at: AT,
        actor: { kind: "system", id: "system" },
        data: item,
      })),
    );
    this.#tell();
  }

  print(bytes: Uint8Array | string, more: Partial<OutputChunk> = {}): void {
    const held = Buffer.from(bytes as Uint8Array);
    const seq = this.output.flat().length + 1;
    this.output.push([
      {
        runId: this.id,
        seq,
        step: this.steps[0]?.name ?? "",
        attemptId: "att_1",
        stream: "stdout",
        offset: 0,
        length: held.length,
        bytes: held,
        ...more,
      },
    ]);
    this.#tell();
  }

  addFile(path: string, text: string): Artifact {
    const bytes = Buffer.from(text);
    this.files.set(path, bytes);
    const artifact: Artifact = {
      id: `art_${this.id}_${this.artifacts.length}`,
      runId: this.id,
      step: "hello",
      type: "code",
      kind: "typescript",
      path,
      bytes: bytes.length,
      sha256: sha256(bytes),
      createdAt: AT,
    };
    this.artifacts.push(artifact);
    return artifact;
  }

  end(status: "succeeded" | "failed" | "cancelled"): void {
    this.status = status;
    this.append(`run.${status}`, { goal: this.goal, duration: 12, steps_count: this.steps.length, error: "it broke" });
  }

  async *follow<Item extends { seq: number }>(
    batches: readonly (readonly Item[])[],
    after: number,
    signal: AbortSignal,
    live = true,
  ): AsyncGenerator<readonly Item[]> {
    for (let at = 0; !signal.aborted;) {
      const batch = batches[at];
      if (batch) {
        at++;
        const fresh = (batch[0]?.seq ?? 0) > after ? batch : batch.filter(({ seq }) => seq > after);
        if (fresh.length > 0) yield fresh;
        if (batch.some((item) => "type" in item && FINAL_RUN_EVENTS.has(String(item.type)))) return;
      } else if (!live || (batches !== (this.batches as unknown) && isFinal(RUN_TRANSITIONS, this.status))) {
        return;
      } else {
        await Promise.race([this.#wake.promise, aborted(signal)]);
      }
    }
  }

  #tell(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}

async function* filterStep(
  batches: AsyncIterable<readonly OutputChunk[]>,
  step: string | undefined,
): AsyncIterable<readonly OutputChunk[]> {
  for await (const batch of batches) yield step === undefined ? batch : batch.filter((chunk) => chunk.step === step);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function contentOf(path: string, bytes: Buffer): Content {
  return {
    path,
    bytes: bytes.length,
    sha256: sha256(bytes),
    async *open(range) {
      const part = range ? bytes.subarray(range.start, range.end + 1) : bytes;
      for (let at = 0; at < part.length; at += 65_536) yield part.subarray(at, at + 65_536);
    },
  };
}

function checked<Schema extends z.ZodType, T>(
  schema: Schema,
  value: unknown,
  work: (value: z.output<Schema>) => T | ApiRefusal | ApiResponse<T>,
): ApiResponse<T> {
  const result = schema.safeParse(value);
  if (!result.success) {
    const issues = result.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
    return refuse({ code: "VALIDATION_ERROR", message: issues[0]?.message ?? "", details: { issues } });
  }
  return asAnswer(work(result.data));
}

function found<Noun, T>(noun: Noun | undefined, code: ErrorCode, read: (noun: Noun) => T | ApiRefusal): ApiResponse<T> {
  return noun === undefined ? missing(code) : asAnswer(read(noun));
}

function asAnswer<T>(result: T | ApiRefusal | ApiResponse<T>): ApiResponse<T> {
  return typeof result === "object" && result !== null && "success" in result
    ? (result as ApiResponse<T>)
    : succeed(result as T);
}

function missing(code: ErrorCode): ApiRefusal {
  return no(code, "there is no such thing");
}

function no(code: ErrorCode, message: string): ApiRefusal {
  return refuse({ code, message });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
