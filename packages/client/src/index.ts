export { ApprovalsClient } from "./approvals.ts";
export { ArtifactsClient } from "./artifacts.ts";
export { createClient, type Client, type ClientSettings, type ServerLimit } from "./client.ts";
export type { Clock } from "./clock.ts";
export { Download } from "./download.ts";
export { ConnectionError, RequestRefusedError, UnexpectedAnswerError, type Refusal } from "./errors.ts";
export { FilesClient } from "./files.ts";
export type { FollowOptions } from "./follow.ts";
export { GatesClient, type ListGatesQuery } from "./gates.ts";
export { PluginsClient } from "./plugins.ts";
export { ProjectsClient, type SecretName } from "./projects.ts";
export type { CallOptions } from "./request.ts";
export { RunnersClient, type EnrolmentToken } from "./runners.ts";
export { RunsClient, type EventPage, type ListRunsQuery, type RunPage } from "./runs.ts";
export { SessionsClient, type OpenSession } from "./sessions.ts";
export { TokensClient, type NewToken } from "./tokens.ts";
export {
  verifyWebhook,
  WebhookVerificationError,
  type ReceivedWebhook,
  type VerifyWebhookOptions,
  type WebhookProblem,
} from "./verify-webhook.ts";
export { isGap, type Gap, type WatchOutputOptions } from "./watch.ts";
export { WebhooksClient, type DeliveryPage } from "./webhooks.ts";
