const PAUSE_MS = 1_000;
const MOST_REMEMBERED = 1_000;

const lastWarnings = new Map<string, number>();

/**
 * Tells of trouble that no listener takes: a process warning (`process.on("warning", …)`, by default printed to standard
 * error) of type `SignalboxStateWarning`, for each plugin and kind at most one a second.
 */
export function warn(pluginId: string, trouble: string, payload: object): void {
  const key = `${pluginId} ${trouble}`;
  const nowMs = performance.now();
  const last = lastWarnings.get(key);
  if (last !== undefined && nowMs - last < PAUSE_MS) return;
  if (lastWarnings.size >= MOST_REMEMBERED) lastWarnings.clear();
  lastWarnings.set(key, nowMs);
  const error = "error" in payload ? payload.error : undefined;
  process.emitWarning(`state of plugin ${pluginId}: ${trouble}: ${describe(payload)}`, {
    type: "SignalboxStateWarning",
    ...(error instanceof Error && error.stack ? { detail: error.stack } : {}),
  });
}

/** What happened, in words; never throws. */
function describe(payload: object): string {
  try {
    if (!("error" in payload)) return JSON.stringify(payload);
    return payload.error instanceof Error ? payload.error.message : String(payload.error);
  } catch {
    return "something that cannot be shown";
  }
}
