export { answer, check, refusalOf } from "./answer.ts";
export { TokenHandler } from "./access/token-handler.ts";
export { systemClock, type Clock, type Timer } from "./clock.ts";
export {
  createControlPlane,
  type ControlPlane,
  type ControlPlaneOptions,
  type ControlPlaneStats,
  type WebhookSettings,
} from "./control-plane.ts";
export { ControlPlaneError, InvalidRequestError, NotFoundError, type RequestIssue } from "./errors.ts";
export { silentLogger, type Logger } from "./logger.ts";
export { ProjectHandler } from "./project/project-handler.ts";
export { LOCAL_CONTEXT, type RequestContext } from "./request-context.ts";
export type { Content } from "./run/content.ts";
export { GateHandler } from "./run/gate-handler.ts";
export { RunHandler } from "./run/run-handler.ts";
export type { ConnectedRunner, RunnerChannel } from "./runner/fleet.ts";
export { RunnerHandler, type RunnerHandlerConfig, type RunnerHandlerEvents } from "./runner/runner-handler.ts";
export { CLOSE_CODES } from "./realtime/close-codes.ts";
export { SessionSocket } from "./realtime/session-socket.ts";
export {
  WebSocketServerManager,
  type SessionUse,
  type WebSocketServerConfig,
  type WebSocketServerDeps,
  type WebSocketServerEvents,
} from "./realtime/websocket-server-manager.ts";
export { PublishHandler } from "./session/publish-handler.ts";
export { DiffHandler, type KeptDiff } from "./session/diff-handler.ts";
export { ApprovalHandler, type ListApprovalsQuery } from "./session/approval-handler.ts";
export { standaloneSessionDeps } from "./session/standalone.ts";
export { SessionHandler, type SessionHandlerConfig } from "./session/session-handler.ts";
export { SessionRecords, type RecordBounds } from "./session/session-records.ts";
export type { SessionHandlerEvents } from "./session/session-announcements.ts";
export { PluginHandler, type PluginEvent, type PluginHandlerEvents } from "./plugin/plugin-handler.ts";
export { PluginLinkServer, type AdmitStranger } from "./plugin/plugin-link-server.ts";
export type { PluginFolderSettings } from "./plugin/plugin-processes.ts";
export { RunnerLinkServer } from "./runner/runner-link-server.ts";
export type { RunnerSession } from "./runner/runner-session.ts";

// The schemas and guards that this package's users check with, from the protocol.
export {
  CreateSessionRequestSchema,
  isWsMessage,
  isWsSubscribeSession,
  isWsTerminalInput,
  isWsUnsubscribeSession,
  OrgRuntimeConfigRequestSchema,
  PaginationParamsSchema,
  RegisterRunnerRequestSchema,
  ResolveApprovalRequestSchema,
  RunnerHeartbeatSchema,
  type ApiResponse,
} from "@signalbox/protocol";
export { standaloneWebhooks } from "./webhook/standalone.ts";
export type { DeclaredWebhook } from "./webhook/declared-webhook.ts";
export type { DeliveryPage, ListDeliveriesQuery } from "./webhook/delivery-page.ts";
export { WebhookHandler } from "./webhook/webhook-handler.ts";
export type { TryOutcome, WebhookCounts, WebhookStats } from "./webhook/webhook-stats.ts";
