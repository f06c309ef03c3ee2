import type { Message } from "./message.ts";

/** A handler or filter that threw or rejected. Nobody else is hurt by it: not the sender, not another handler. */
export interface ListenerFailure {
  /** What was thrown; whatever it is. */
  readonly error: unknown;
  /** What the handler was given; absent where a subscription itself was refused by the other side. */
  readonly message?: Message | undefined;
  /** Whose handler it is. */
  readonly pluginId: string;
  /** The pattern that it subscribed to, canonical. */
  readonly pattern: string;
}

/** Is told of every failure of a handler. What it throws itself is dropped. */
export type ListenerErrorHook = (failure: ListenerFailure) => void;

const PAUSE_MS = 1_000;

/**
 * The default hook: a process warning (`process.on("warning", …)`, by default printed to standard error) of type
 * `SignalboxListenerWarning`, for each plugin and pattern at most one a second, with the number of those left out.
 */
export const warnOfListenerFailure: ListenerErrorHook = ({ error, pluginId, pattern }) => {
  const key = `${pluginId} ${pattern}`;
  const now = performance.now();
  const last = told.get(key);
  if (last && now - last.atMs < PAUSE_MS) {
    last.leftOut++;
    return;
  }
  if (told.size >= MOST_TOLD) told.clear();
  told.set(key, { atMs: now, leftOut: 0 });
  const more = last?.leftOut ? ` (and ${last.leftOut} times before that)` : "";
  process.emitWarning(`a handler of plugin ${pluginId} for ${pattern} failed${more}: ${describe(error)}`, {
    type: "SignalboxListenerWarning",
    code: "LISTENER_FAILED",
    ...(error instanceof Error && error.stack ? { detail: error.stack } : {}),
  });
};

const MOST_TOLD = 1_000;
const told = new Map<string, { readonly atMs: number; leftOut: number }>();

/** The message of whatever was thrown; never throws itself. */
export function describe(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return "something that cannot be shown";
  }
}
