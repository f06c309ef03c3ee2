export { ActorSchema, actorText, parseActor, SYSTEM_ACTOR, type Actor } from "./actor.ts";
export {
  ApiErrorSchema,
  ApiMetaSchema,
  refuse,
  succeed,
  type ApiError,
  type ApiMeta,
  type ApiRefusal,
  type ApiResponse,
  type ApiSuccess,
} from "./api-response.ts";
export { canonicalJson } from "./canonical-json.ts";
export { ERROR_CODES, isErrorCode, type ErrorCode } from "./error-codes.ts";
export { EventRecordSchema, type EventDefinition, type EventRecord } from "./event.ts";
export {
  AttemptIdSchema,
  createIdSource,
  DEFAULT_ORG,
  GateIdSchema,
  ID_PREFIXES,
  OpaqueIdSchema,
  OrgIdSchema,
  RunIdSchema,
  RunnerIdSchema,
  type AttemptId,
  type GateId,
  type IdKind,
  type IdSource,
  type OrgId,
  type RunId,
  type RunnerId,
} from "./ids.ts";
export { LimitOverridesSchema, limitsWith, type LimitLookup, type LimitOverrides } from "./limit-overrides.ts";
export { limit, LIMITS, type LimitName } from "./limits.ts";
export { page, pageSchema, PaginationParamsSchema, type Page, type PaginationParams } from "./pagination.ts";
export { type KnownProvider, type ProviderId, ProviderIdSchema, PROVIDERS } from "./provider.ts";
export { TimestampSchema, toTimestamp, type Timestamp } from "./timestamp.ts";
export { isFinal, nextState, type MoveOf, type StateOf, type TransitionTable } from "./transition-table.ts";

export {
  ApprovalPolicySchema,
  DecisionRuleSchema,
  DEFAULT_APPROVAL_POLICY,
  narrowedApprovers,
  refusalOfDecision,
  SelfApprovalSchema,
  type ApprovalPolicy,
  type Decider,
  type DecisionRefusal,
  type DecisionRule,
  type PutApprovalPolicy,
  type SelfApproval,
} from "./access/decision-rule.ts";
export {
  CreateTokenRequestSchema,
  permits,
  SCOPES,
  ScopeSchema,
  TokenSchema,
  type CreateTokenRequest,
  type Principal,
  type Scope,
  type Token,
} from "./access/token.ts";
export { PLUGIN_EVENTS, type PluginEventData, type PluginEventType } from "./plugin/plugin-events.ts";
export { foldPlugin, type FoldedPlugin } from "./plugin/plugin-fold.ts";
export {
  DispatchPluginRequestSchema,
  PluginAnswerSchema,
  PluginRouteSchema,
  RoutePluginRequestSchema,
  type DispatchPluginInput,
  type DispatchPluginRequest,
  type PluginAnswer,
  type PluginRoute,
  type RoutePluginRequest,
} from "./plugin/plugin-request.ts";
export { PLUGIN_TRANSITIONS, type PluginState } from "./plugin/plugin-states.ts";
export {
  ApprovePluginRequestSchema,
  CreatePluginTokenRequestSchema,
  ManifestHashSchema,
  PLUGIN_LINK_PATH,
  PLUGIN_ORIGINS,
  PLUGIN_PROCESS_STATES,
  PluginAccessSchema,
  PluginDetailsSchema,
  PluginListSchema,
  PluginLogLineSchema,
  PluginLogSchema,
  PluginManifestSchema,
  PluginNameSchema,
  PluginOriginSchema,
  PluginProblemSchema,
  PluginSchema,
  PluginStateSchema,
  PluginTokenSchema,
  RegisterPluginRequestSchema,
  RevokePluginRequestSchema,
  type ApprovePluginRequest,
  type CreatePluginTokenRequest,
  type Plugin,
  type PluginAccess,
  type PluginDetails,
  type PluginList,
  type PluginLog,
  type PluginLogLine,
  type PluginManifestDocument,
  type PluginOrigin,
  type PluginProblem,
  type PluginToken,
  type RegisterPluginRequest,
  type RevokePluginRequest,
} from "./plugin/plugin.ts";

export {
  ProjectSchema,
  PutProjectRequestSchema,
  PutSecretRequestSchema,
  type Project,
  type PutProjectRequest,
  type PutSecretRequest,
} from "./project/project.ts";

export {
  artifactTypeOfKind,
  ArtifactSchema,
  kindOfPath,
  WorkspaceChangesSchema,
  WorkspaceEntrySchema,
  WorkspaceFileSchema,
  WorkspaceManifestSchema,
  type Artifact,
  type WorkspaceChanges,
  type WorkspaceEntry,
  type WorkspaceFile,
  type WorkspaceManifest,
} from "./run/artifact.ts";
export {
  CancelRunRequestSchema,
  CreateRunRequestSchema,
  ProjectIdSchema,
  StandardOptionsSchema,
  TASK_TYPES,
  TaskTypeSchema,
  type CancelRunRequest,
  type CreateRunInput,
  type CreateRunRequest,
  type StandardOptions,
  type TaskType,
} from "./run/create-run.ts";
export { ENVELOPE_HASH_PREFIX, EnvelopeSchema, type Envelope } from "./run/envelope.ts";
export { FAILURE_REASONS, FailureReasonSchema, type FailureReason } from "./run/failure-reasons.ts";
export {
  APPROVAL_HASH_PREFIX,
  GateContentSchema,
  GateSchema,
  GateStateSchema,
  ResolveGateRequestSchema,
  type Gate,
  type GateContent,
  type ResolveGateRequest,
} from "./run/gate.ts";
export {
  OUTPUT_STREAMS,
  OutputStreamSchema,
  PLAIN_STREAMS,
  type OutputChunk,
  type OutputStream,
} from "./run/output.ts";
export {
  PlanSchema,
  RequirementsSchema,
  RetryPolicySchema,
  SandboxModeSchema,
  StepNameSchema,
  StepSchema,
  type Plan,
  type PlanInput,
  type Requirements,
  type RetryPolicy,
  type SandboxMode,
  type Step,
  type StepInput,
} from "./run/plan.ts";
export { readSteps, type Readiness, type StepView } from "./run/readiness.ts";
export { GitRefSchema, RepositorySchema, RepositoryUrlSchema, type Repository } from "./run/repository.ts";
export {
  foldRun,
  RunFold,
  type FoldedAttempt,
  type FoldedEvent,
  type FoldedGate,
  type FoldedRun,
  type FoldedStep,
} from "./run/run-fold.ts";
export {
  ChangesOutputsSchema,
  GateDiffSchema,
  ShownChangesSchema,
  type ChangesOutputs,
  type GateDiff,
  type ShownChanges,
} from "./run/shown-changes.ts";
export { FINAL_RUN_EVENTS, RUN_EVENTS, type RunEventData, type RunEventType } from "./run/run-events.ts";
export {
  ATTEMPT_TRANSITIONS,
  GATE_TRANSITIONS,
  RUN_TRANSITIONS,
  STEP_TRANSITIONS,
  type AttemptState,
  type GateState,
  type RunState,
  type StepState,
} from "./run/run-states.ts";
export {
  AttemptSchema,
  AttemptStateSchema,
  MachineSummarySchema,
  RunDetailsSchema,
  RunSchema,
  RunStateSchema,
  StepDetailsSchema,
  StepStateSchema,
  WaitingReasonSchema,
  type Attempt,
  type MachineSummary,
  type Run,
  type RunDetails,
  type StepDetails,
  type WaitingReason,
} from "./run/run.ts";
export {
  AgentInputsSchema,
  agentProvider,
  CheckInputsSchema,
  CodegenInputsSchema,
  CommandSchema,
  ConfiguredInputsSchema,
  EnvironmentSchema,
  EnvNameSchema,
  findTool,
  isAgentTool,
  isConfiguredTool,
  ManualGateInputsSchema,
  PullRequestInputsSchema,
  TOOLS,
  type AgentInputs,
  type CheckInputs,
  type CodegenInputs,
  type Command,
  type ConfiguredInputs,
  type Environment,
  type ManualGateInputs,
  type PullRequestInputs,
  type ToolDefinition,
} from "./run/tools.ts";
export { agentInputsOf, codegenProvider } from "./run/agent-work.ts";
export { WorkspacePathSchema } from "./run/workspace-path.ts";

export { decodeOutputFrame, encodeOutputFrame, type OutputFrame } from "./runner/output-frame.ts";
export { RUNNER_EVENTS, type RunnerEventData, type RunnerEventType } from "./runner/runner-events.ts";
export { foldRunner, type FoldedRunner } from "./runner/runner-fold.ts";
export {
  AttemptResultSchema,
  CONTROL_SUBPROTOCOL,
  ControlMessageSchema,
  OUTPUT_SUBPROTOCOL,
  OutputAnswerSchema,
  RECORD_LEFT_OUT,
  RUNNER_PATHS,
  RunnerMessageSchema,
  StartGrantSchema,
  type AttemptResult,
  type ControlMessage,
  type ControlMessageOf,
  type OutputAnswer,
  type RunnerMessage,
  type RunnerMessageOf,
  type SandboxReport,
  type StartGrant,
} from "./runner/runner-link.ts";
export {
  CapabilitiesSchema,
  CreateEnrolmentTokenRequestSchema,
  enrolmentPreimage,
  EnrolRunnerRequestSchema,
  helloPreimage,
  RegisterRunnerRequestSchema,
  RunnerHeartbeatSchema,
  RunnerLoadSchema,
  RunnerSchema,
  RunnerStateSchema,
  RuntimeVersionsSchema,
  type Capabilities,
  type CreateEnrolmentTokenRequest,
  type EnrolRunnerInput,
  type EnrolRunnerRequest,
  type RegisterRunnerInput,
  type RegisterRunnerRequest,
  type Runner,
  type RunnerHeartbeat,
  type RunnerLoad,
} from "./runner/runner.ts";
export { RUNNER_TRANSITIONS, type RunnerState } from "./runner/runner-states.ts";

export {
  ANSWER_REFUSALS,
  APPROVAL_KINDS,
  APPROVAL_SCOPES,
  ApprovalContentSchema,
  ApprovalKindSchema,
  ApprovalSchema,
  ApprovalStateSchema,
  QuestionSchema,
  RequestApprovalRequestSchema,
  ResolveApprovalRequestSchema,
  type AnswerRefusal,
  type Approval,
  type ApprovalContent,
  type ApprovalKind,
  type Question,
  type RequestApprovalRequest,
  type ResolveApprovalInput,
  type ResolveApprovalRequest,
} from "./session/approval.ts";
export { SESSION_END_REASONS, SessionEndReasonSchema, type SessionEndReason } from "./session/end-reasons.ts";
export {
  SessionCommandSchema,
  TerminalCommandSchema,
  type SessionCommand,
  type TerminalCommand,
} from "./session/session-command.ts";
export { TerminalSizeSchema, type TerminalSize } from "./session/terminal-size.ts";
export { SessionFactSchema, type SessionFact, type SessionFactOf } from "./session/session-fact.ts";
export { ModelNameSchema, PERMISSION_MODES, SESSION_MODES } from "./session/session-modes.ts";
export {
  FINAL_SESSION_EVENTS,
  SESSION_EVENTS,
  type SessionEventData,
  type SessionEventType,
} from "./session/session-events.ts";
export { foldSession, type FoldedSession } from "./session/session-fold.ts";
export {
  APPROVAL_TRANSITIONS,
  INPUT_TRANSITIONS,
  SESSION_TRANSITIONS,
  type ApprovalState,
  type InputState,
  type SessionState,
} from "./session/session-states.ts";
export {
  CreateSessionRequestSchema,
  InputStateSchema,
  ReorderInputsRequestSchema,
  SendInputRequestSchema,
  SessionInputSchema,
  SessionSchema,
  SessionStateSchema,
  StopSessionRequestSchema,
  type CreateSessionInput,
  type CreateSessionRequest,
  type ReorderInputsRequest,
  type SendInputRequest,
  type Session,
  type SessionInput,
  type StopSessionRequest,
} from "./session/session.ts";
export {
  DiffDocumentSchema,
  DiffFileSchema,
  DiffStatsSchema,
  GitObjectSchema,
  SessionDiffSchema,
  SnapshotSchema,
  type DiffDocument,
  type DiffFile,
  type DiffStats,
  type SessionDiff,
  type Snapshot,
} from "./session/session-diff.ts";
export {
  PUBLISH_FEATURE,
  PUBLICATION_STATES,
  PublicationReportSchema,
  PublicationSchema,
  PublishInputsSchema,
  PublishOutputsSchema,
  PublishSessionRequestSchema,
  PullRequestSchema,
  type Publication,
  type PublicationReport,
  type PublishInputs,
  type PublishOutputs,
  type PublishSessionInput,
  type PublishSessionRequest,
  type PullRequest,
} from "./session/publication.ts";
export {
  addUsage,
  BUDGET_COUNTS,
  BudgetQuestionSchema,
  BudgetSchema,
  countOf,
  extended,
  GrantedBudgetSchema,
  NO_USAGE,
  shareUsed,
  UsageSchema,
  usageSince,
  type Budget,
  type BudgetQuestion,
  type Usage,
} from "./session/usage.ts";

export {
  WsAuthenticateSchema,
  WsClientMessageSchema,
  WsSubscribeSessionSchema,
  WsTerminalControlSchema,
  WsTerminalInputSchema,
  WsTerminalResizeSchema,
  WsUnsubscribeSessionSchema,
  type WsAuthenticate,
  type WsClientMessage,
  type WsSubscribeSession,
  type WsTerminalControl,
  type WsTerminalInput,
  type WsTerminalResize,
  type WsUnsubscribeSession,
} from "./realtime/client-messages.ts";
export { SESSION_SOCKET_PATH } from "./realtime/session-socket.ts";
export { isWsMessage, isWsSubscribeSession, isWsTerminalInput, isWsUnsubscribeSession } from "./realtime/guards.ts";
export {
  WsApprovalSchema,
  WsServerMessageSchema,
  type WsApproval,
  type WsServerMessage,
  type WsServerMessageOf,
} from "./realtime/server-messages.ts";
export {
  ChannelSchema,
  OrgRuntimeConfigRequestSchema,
  type OrgRuntimeConfigRequest,
} from "./update/org-runtime-config.ts";

export { meaningOf, messageOf } from "./event-message.ts";
export { toldPayload, toldStep } from "./told-event.ts";
export {
  DEFAULT_WEBHOOK_FILTERS,
  wantsEvent,
  WEBHOOK_EVENT_TYPES,
  WEBHOOK_TEST_EVENT,
  WebhookFilterSchema,
} from "./webhook/webhook-filter.ts";
export { readPortRange } from "./webhook/port-range.ts";
export { WEBHOOK_EVENTS, type WebhookEventData, type WebhookEventType } from "./webhook/webhook-events.ts";
export { foldWebhook, type FoldedWebhook } from "./webhook/webhook-fold.ts";
export { WebhookMessageSchema, type WebhookMessage } from "./webhook/webhook-message.ts";
export {
  DELIVERY_TRANSITIONS,
  WEBHOOK_TRANSITIONS,
  type DeliveryState,
  type WebhookState,
} from "./webhook/webhook-states.ts";
export {
  CreateWebhookRequestSchema,
  DELIVERY_ERRORS,
  DeliveryStateSchema,
  RedeliveredSchema,
  RedeliverFailedRequestSchema,
  RotateWebhookSecretRequestSchema,
  SECRET_PREFIX,
  UpdateWebhookRequestSchema,
  WebhookDeliveryDetailsSchema,
  WebhookDeliverySchema,
  webhookKey,
  WebhookSchema,
  WebhookWithSecretSchema,
  type CreateWebhookInput,
  type CreateWebhookRequest,
  type DeliveryError,
  type Redelivered,
  type RedeliverFailedRequest,
  type RotateWebhookSecretRequest,
  type UpdateWebhookRequest,
  type Webhook,
  type WebhookDelivery,
  type WebhookDeliveryDetails,
  type WebhookOrigin,
  type WebhookWithSecret,
} from "./webhook/webhook.ts";
