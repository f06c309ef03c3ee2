import {
  PLUGIN_EVENTS,
  RUN_EVENTS,
  RUNNER_EVENTS,
  SESSION_EVENTS,
  WEBHOOK_EVENT_TYPES,
  wantsEvent,
  type Scope,
} from "@signalbox/protocol";

const SCOPES = [
  [RUN_EVENTS, "runs:read"],
  [SESSION_EVENTS, "sessions:read"],
  [RUNNER_EVENTS, "runners:read"],
  [PLUGIN_EVENTS, "plugins:read"],
] as const satisfies readonly (readonly [object, Scope])[];

/** What somebody must be allowed to read who wants to be told of events: a webhook is another way of reading them. */
export function requiredScopes(filters: readonly string[]): readonly Scope[] {
  const types = [...WEBHOOK_EVENT_TYPES].filter((type) => wantsEvent(filters, type));
  return SCOPES.flatMap(([events, scope]) => (types.some((type) => Object.hasOwn(events, type)) ? [scope] : []));
}
