export { PluginError, type PluginErrorCode } from "./errors.ts";
export type { BrokenPlugin, FoundPlugins } from "./host/find-plugins.ts";
export {
  HostClosedError,
  PluginFailedError,
  PluginNotApprovedError,
  PluginStoppedError,
  PluginStuckError,
  UnknownPluginError,
} from "./host/host-errors.ts";
export type { HostEvents } from "./host/host-events.ts";
export type { HostSettings, HostSettingsInput } from "./host/host-settings.ts";
export { HOST_TRANSITIONS, type HostMove, type HostState } from "./host/host-states.ts";
export type { PluginVitals } from "./host/hosted-plugin.ts";
export { inProcessLauncher } from "./host/in-process-launcher.ts";
export type { LaunchContext, LaunchedPlugin, PluginEnd, PluginLauncher } from "./host/launcher.ts";
export { formatLogLine, type LogBuffer, type LogLine, type LogStream } from "./host/log-buffer.ts";
export { PluginHost, type HostedPluginStatus, type PluginHostOptions, type StartResult } from "./host/plugin-host.ts";
export {
  processLauncher,
  type BusCredential,
  type CredentialRequest,
  type ProcessLauncherOptions,
} from "./host/process-launcher.ts";
export type { RestartPolicy } from "./host/restart-delay.ts";
export { limit, PLUGIN_LIMITS, type PluginLimitName } from "./limits.ts";
export { accessOf, usesBus } from "./manifest/access-of.ts";
export { loadManifest, type LoadedPlugin } from "./manifest/load-manifest.ts";
export { describeProblem, ManifestError, type ManifestProblem } from "./manifest/manifest-error.ts";
export { MANIFEST_FILE, ROUTING_CONFIG_FILE } from "./manifest/manifest-files.ts";
export { manifestHash } from "./manifest/manifest-hash.ts";
export {
  PluginIdSchema,
  PluginManifestSchema,
  RoutingConfigSchema,
  type BreakerSettings,
  type Capabilities,
  type PluginManifest,
  type RetryPolicy,
  type Routing,
  type RoutingConfig,
} from "./manifest/manifest.ts";
export { parseManifest } from "./manifest/parse-manifest.ts";
export { compileGlob, GlobError, readPath, type Glob, type ReadPath } from "./matching/glob.ts";
export { KeywordIndex, wordsOf } from "./matching/keywords.ts";
export { PluginRegistry, type PluginRegistryOptions } from "./registry/plugin-registry.ts";
export { explainRoute } from "./routing/explain-route.ts";
export type { Match } from "./routing/match-plugin.ts";
export {
  PluginRouter,
  type DispatchInput,
  type DispatchResult,
  type PluginRouterOptions,
} from "./routing/plugin-router.ts";
export { InvalidRouteRequestError, RouteRequestSchema, type RouteRequest } from "./routing/route-request-schema.ts";
export {
  OBSTACLES,
  routeRequest,
  type LeftOutPlugin,
  type Obstacle,
  type ObstacleKind,
  type RoutablePlugin,
  type Route,
  type RouteCandidate,
} from "./routing/route-request.ts";
export { DECISION_TOPIC, type DecisionReason, type RoutingDecision } from "./routing/routing-decision.ts";
export { AllPluginsFailedError, NoPluginError, type FailedAttempt } from "./routing/routing-errors.ts";
export { ROUTING_WEIGHTS, type MatchKind } from "./routing/weights.ts";
