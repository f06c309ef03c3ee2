import type {
  ApiResponse, Artifact, CancelRunRequest, CreateEnrolmentTokenRequest, CreateRunInput, CreateTokenRequest, EnrolRunnerInput,
  EventRecord, Gate, GateState, OutputChunk, Page, PaginationParams, Principal, Project, PutProjectRequest,
  PutSecretRequest, RegisterRunnerInput, ResolveGateRequest, Run, RunDetails, Runner, RunnerHeartbeat, RunState,
  StepDetails, Token, WaitingReason, WorkspaceFile,
} from "@signalbox/protocol";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";

// Signatures of the handlers while they are being written; replaced by the classes of the same names.

/** Who asks, and how the request is told apart from its repetition. Every method takes one last; default: the local admin. */
export interface RequestContext {
  readonly principal: Principal;
  readonly requestId?: string;
  readonly traceparent?: string;
  readonly idempotency?: { readonly key: string; readonly route: string; readonly bodyHash: string };
}

/** Bytes with what a download needs. `open` may be called once. */
export interface Content {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  open(range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
}

export interface RunHandler {
  createRun(request: CreateRunInput, context?: RequestContext): Promise<ApiResponse<Run>>;
  getRun(runId: string, context?: RequestContext): Promise<ApiResponse<RunDetails>>;
  /** Newest first. `cursor` is the id of the last run of the page before. */
  listRuns(query: { projectId?: string; status?: RunState; limit?: number; cursor?: string }, context?: RequestContext): Promise<ApiResponse<{ items: Run[]; nextCursor?: string }>>;
  cancelRun(runId: string, request?: Partial<CancelRunRequest>, context?: RequestContext): Promise<ApiResponse<Run>>;
  getStep(runId: string, step: string, context?: RequestContext): Promise<ApiResponse<StepDetails>>;
  explainRun(runId: string, context?: RequestContext): Promise<ApiResponse<WaitingReason[]>>;
  listEvents(runId: string, query: { after?: number; limit?: number }, context?: RequestContext): Promise<ApiResponse<{ events: EventRecord[]; lastSeq: number; gap?: { earliest: number } }>>;
  /** Batches of events after `after`, live, ending after the batch with the final event. Refuses like `getRun`. */
  followEvents(runId: string, options: { after?: number; signal: AbortSignal }, context?: RequestContext): Promise<ApiResponse<AsyncIterable<readonly EventRecord[]>>>;
  /** Output of all steps in the order stored; with `follow`, live until the run has ended. */
  followOutput(runId: string, options: { after?: number; step?: string; attemptId?: string; follow?: boolean; signal: AbortSignal }, context?: RequestContext): Promise<ApiResponse<AsyncIterable<readonly OutputChunk[]>>>;
  getGate(gateId: string, context?: RequestContext): Promise<ApiResponse<Gate>>;
  listGates(query: { status?: GateState; runId?: string; limit?: number }, context?: RequestContext): Promise<ApiResponse<{ items: Gate[] }>>;
  approveGate(gateId: string, request?: ResolveGateRequest, context?: RequestContext): Promise<ApiResponse<Gate>>;
  rejectGate(gateId: string, request?: ResolveGateRequest, context?: RequestContext): Promise<ApiResponse<Gate>>;
  getArtifact(artifactId: string, context?: RequestContext): Promise<ApiResponse<{ artifact: Artifact; content: Content }>>;
  listFiles(runId: string, context?: RequestContext): Promise<ApiResponse<{ runId: string; files: WorkspaceFile[] }>>;
  getFile(runId: string, path: string, context?: RequestContext): Promise<ApiResponse<Content>>;
}

export interface ProjectHandler {
  putProject(projectId: string, request: PutProjectRequest, context?: RequestContext): Promise<ApiResponse<Project & { created: boolean }>>;
  getProject(projectId: string, context?: RequestContext): Promise<ApiResponse<Project>>;
  listProjects(params?: Partial<PaginationParams>, context?: RequestContext): Promise<ApiResponse<Page<Project>>>;
  putSecret(projectId: string, scope: string, name: string, request: PutSecretRequest, context?: RequestContext): Promise<ApiResponse<{ scope: string; name: string }>>;
  deleteSecret(projectId: string, scope: string, name: string, context?: RequestContext): Promise<ApiResponse<{ scope: string; name: string }>>;
}

export interface RunnerHandler {
  registerRunner(request: RegisterRunnerInput, context?: RequestContext): Promise<ApiResponse<Runner & { runnerId: string }>>;
  handleHeartbeat(heartbeat: RunnerHeartbeat, context?: RequestContext): Promise<ApiResponse<{ runnerId: string; status: string }>>;
  getRunner(runnerId: string, context?: RequestContext): Promise<ApiResponse<Runner>>;
  listRunners(params?: Partial<PaginationParams>, context?: RequestContext): Promise<ApiResponse<Page<Runner>>>;
  drainRunner(runnerId: string, context?: RequestContext): Promise<ApiResponse<Runner>>;
  resumeRunner(runnerId: string, context?: RequestContext): Promise<ApiResponse<Runner>>;
  deregisterRunner(runnerId: string, reason?: string, context?: RequestContext): Promise<ApiResponse<Runner>>;
  createEnrolmentToken(request?: Partial<CreateEnrolmentTokenRequest>, context?: RequestContext): Promise<ApiResponse<{ token: string; expiresAt: string }>>;
  /** No principal: the token in the request is the credential. */
  enrolRunner(request: EnrolRunnerInput): Promise<ApiResponse<{ runnerId: string; orgId: string }>>;
}

export interface TokenHandler {
  /** The `token` is shown this once. */
  createToken(request: CreateTokenRequest, context?: RequestContext): Promise<ApiResponse<Token & { token: string }>>;
  listTokens(context?: RequestContext): Promise<ApiResponse<{ items: Token[] }>>;
  revokeToken(tokenId: string, context?: RequestContext): Promise<ApiResponse<Token>>;
  /** Who a bearer token stands for; undefined for none. Cheap: answered from memory after the first time, for at most `revocation.ms`. */
  authenticate(bearer: string): Promise<Principal | undefined>;
  /** A single-use ticket for an event stream, valid for `ticket.ttlMs`, bound to the run and the principal. */
  createTicket(runId: string, context?: RequestContext): Promise<ApiResponse<{ ticket: string; expiresAt: string }>>;
  redeemTicket(ticket: string, runId: string): Principal | undefined;
}

/** The sockets and blobs of the fleet: what an app mounts under `RUNNER_PATHS`. */
export interface RunnerLinkServer {
  /** Takes an upgrade to the control or output path; the app has checked Host and Origin. False: not one of its paths. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Which runner a connection token belongs to while its connection lives. */
  authenticateConnection(token: string): { runnerId: string; orgId: string } | undefined;
  /** Blobs that a connected runner sends and fetches, by sha256. */
  putBlob(sha256: string, source: AsyncIterable<Uint8Array>, runner: { runnerId: string; orgId: string }): Promise<ApiResponse<{ sha256: string; bytes: number }>>;
  getBlob(sha256: string, runner: { runnerId: string; orgId: string }): Promise<ApiResponse<Content>>;
}

export interface ControlPlane extends AsyncDisposable {
  readonly runs: RunHandler;
  readonly projects: ProjectHandler;
  readonly runners: RunnerHandler;
  readonly tokens: TokenHandler;
  readonly link: RunnerLinkServer;
  /** Counts and gauges for `/metrics`, and whether the store takes writes, for `/health`. */
  stats(): { readonly writable: boolean; readonly runsActive: number; readonly stepsReady: number; readonly runnersOnline: number; readonly attemptsLive: number; readonly streamsOpen: number; readonly counters: Readonly<Record<string, number>> };
  /** Stops taking work and lets go of sockets in good order. */
  drain(options?: { timeoutMs?: number }): Promise<void>;
}
