import { BUS_LIMITS } from "./limits.ts";
import type { Message } from "./message.ts";

/** A handler or filter that threw or rejected. Nobody else is hurt by it: not the sender, not another handler. */
export interface ListenerFailure {
  /** What was thrown; whatever it is. */
  readonly error: unknown;
  /** What the handler was given; absent where the other side has refused a subscription or RPC itself. */
  readonly message?: Message | undefined;
  /** Whose handler it is. */
  readonly pluginId: string;
  /** The pattern that it subscribed to, canonical; or the endpoint where RPC was refused. */
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
  process.emitWarning(
    `a handler of plugin ${pluginId} for ${pattern} failed${more}: ${describe(error).slice(0, MOST_CHARACTERS)}`,
    {
      type: "SignalboxListenerWarning",
      code: "LISTENER_FAILED",
      detail: stackOf(error).slice(0, MOST_CHARACTERS),
    },
  );
};

const MOST_TOLD = 1_000;
const MOST_CHARACTERS = BUS_LIMITS["error.messageLength"].value;
const told = new Map<string, { readonly atMs: number; leftOut: number }>();

/** Empty where there is none; never throws itself. */
function stackOf(error: unknown): string {
  try {
    return error instanceof Error ? String(error.stack) : "";
  } catch {
    return "";
  }
}

/** The message of whatever was thrown; never throws itself. */
export function describe(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return "something that cannot be shown";
  }
}
