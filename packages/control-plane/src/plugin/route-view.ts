import { BusError } from "@signalbox/messagebus";
import { AllPluginsFailedError, InvalidRouteRequestError, NoPluginError, type Route } from "@signalbox/plugins";
import type { PluginRoute } from "@signalbox/protocol";

import { ControlPlaneError } from "../errors.ts";

/** A route as callers see it. */
export function toRoute({ requestId, candidates, leftOut }: Route): PluginRoute {
  const [primary] = candidates;
  return {
    requestId,
    ...(primary === undefined ? {} : { primaryPlugin: primary.pluginId }),
    candidates: candidates.map(({ pluginId, score, priority, matches }) => ({
      plugin: pluginId,
      score,
      priority,
      matches: [...matches],
    })),
    leftOut: leftOut.map(({ pluginId, obstacles, matches }) => ({
      plugin: pluginId,
      obstacles: [...obstacles],
      matches: [...matches],
    })),
  };
}

/** What stands in the way of a request, as a refusal; anything else as it is. */
export function toRefusal(error: unknown): unknown {
  if (error instanceof NoPluginError) {
    const { leftOut } = toRoute(error.route);
    const details = { requestId: error.route.requestId, leftOut };
    return error.isRetryable
      ? new ControlPlaneError("PLUGIN_UNAVAILABLE", "every plugin that fits is away or spared by its breaker", details)
      : new ControlPlaneError("NO_PLUGIN_FITS", "no plugin takes this request; `details.leftOut` says why", details);
  }
  if (error instanceof AllPluginsFailedError) {
    const attempts = error.attempts.map(({ pluginId, error: { message } }) => ({ plugin: pluginId, message }));
    return new ControlPlaneError("PLUGIN_FAILED", error.message, { requestId: error.route.requestId, attempts });
  }
  if (error instanceof InvalidRouteRequestError) return new ControlPlaneError("VALIDATION_ERROR", error.message);
  if (error instanceof BusError && error.code === "INVALID_MESSAGE")
    return new ControlPlaneError("VALIDATION_ERROR", `payload: ${error.message}`);
  return error;
}
