import { nextState } from "../transition-table.ts";
import type { PluginEventType } from "./plugin-events.ts";
import { PLUGIN_TRANSITIONS, type PluginState } from "./plugin-states.ts";

/** What a plugin's events come to. */
export interface FoldedPlugin {
  readonly state: PluginState | undefined;
  /** Of the manifest that it has. */
  readonly manifestHash: string | undefined;
  /** Every move that the table does not have, and every approval of another manifest than the plugin's. */
  readonly illegal: readonly { readonly seq: number; readonly message: string }[];
}

interface FoldedEvent {
  readonly seq: number;
  readonly type: PluginEventType;
  readonly data: unknown;
}

/** Replays the events of one plugin, first to last, into the state and manifest that its row must have. */
export function foldPlugin(events: Iterable<FoldedEvent>): FoldedPlugin {
  const illegal: { seq: number; message: string }[] = [];
  let state: PluginState | undefined;
  let manifestHash: string | undefined;
  for (const { seq, type, data } of events) {
    const named = (data as { manifestHash?: string }).manifestHash;
    const to = stateAfter(state, type);
    if (to === undefined)
      illegal.push({ seq, message: `the plugin is ${state ?? "not registered"}; that leaves no way to ${type}` });
    else if (type === "plugin.approved" && named !== manifestHash)
      illegal.push({ seq, message: `${named} was approved; the plugin's manifest is ${manifestHash}` });
    if (type === "plugin.registered" || type === "plugin.changed") manifestHash = named;
    state = to ?? state;
  }
  return { state, manifestHash, illegal };
}

function stateAfter(state: PluginState | undefined, type: PluginEventType): PluginState | undefined {
  if (type === "plugin.registered") return state === undefined ? "pending" : undefined;
  if (state === undefined) return undefined;
  // A token is for what was approved; it moves nothing.
  if (type === "plugin.token_issued") return state === "approved" ? state : undefined;
  return nextState(PLUGIN_TRANSITIONS, state, MOVES[type]);
}

const MOVES = {
  "plugin.changed": "change",
  "plugin.approved": "approve",
  "plugin.revoked": "revoke",
} as const;
