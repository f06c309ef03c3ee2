import { PluginError } from "../errors.ts";
import { explainRoute } from "./explain-route.ts";
import type { Route } from "./route-request.ts";

/** No plugin can be asked. `route` and the message say of each why not. Can help to try again when one was stopped or spared. */
export class NoPluginError extends PluginError {
  override readonly name = "NoPluginError";
  readonly route: Route;

  constructor(route: Route) {
    const passing = ["not-running", "breaker-open"];
    const isRetryable = route.leftOut.some(({ obstacles }) => obstacles.every(({ kind }) => passing.includes(kind)));
    super("NO_PLUGIN", `no plugin takes ${explainRoute(route)}`, { isRetryable });
    this.route = route;
  }
}

/** A plugin that was asked and failed. */
export interface FailedAttempt {
  readonly pluginId: string;
  /** How it failed in the end, after its retries. */
  readonly error: Error;
}

/** Every plugin that can be asked was asked, and each failed. What was asked of them may have happened. */
export class AllPluginsFailedError extends PluginError {
  override readonly name = "AllPluginsFailedError";
  readonly route: Route;
  /** In the order of asking. */
  readonly attempts: readonly FailedAttempt[];

  constructor(route: Route, attempts: readonly FailedAttempt[]) {
    const told = attempts.map(({ pluginId, error }) => `${pluginId}: ${error.message}`).join("; ");
    const message = `request ${route.requestId} was answered by none of ${attempts.length} plugins: ${told}`;
    super("ALL_PLUGINS_FAILED", message, { isRetryable: true, cause: attempts.at(-1)?.error });
    this.route = route;
    this.attempts = attempts;
  }
}
