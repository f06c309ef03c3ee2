import type { StateOf, TransitionTable } from "../transition-table.ts";

/**
 * The life of a plugin's approval. Only `approved` may run and connect, and only what was approved: another manifest
 * is another plugin, so `change` takes the approval away. One that was revoked stays so until a person approves it again.
 */
export const PLUGIN_TRANSITIONS = {
  pending: { approve: "approved", change: "pending", revoke: "revoked" },
  approved: { change: "pending", revoke: "revoked" },
  revoked: { approve: "approved", change: "revoked" },
} as const satisfies TransitionTable;
export type PluginState = StateOf<typeof PLUGIN_TRANSITIONS>;
