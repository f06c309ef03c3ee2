/**
 * The life of a plugin in its host: each state, and where each event takes it. No arrow, no move. `waiting` waits to be started
 * again after a crash.
 */
export const HOST_TRANSITIONS = {
  discovered: { approve: "approved", refuse: "unapproved", fail: "failed" },
  unapproved: { approve: "approved", fail: "failed" },
  approved: { refuse: "unapproved", start: "starting", fail: "failed" },
  starting: { ready: "running", crash: "waiting", stop: "stopping", fail: "failed" },
  running: { crash: "waiting", stop: "stopping", fail: "failed" },
  waiting: { start: "starting", crash: "waiting", stop: "stopped", refuse: "unapproved", fail: "failed" },
  stopping: { end: "stopped", fail: "failed" },
  stopped: { refuse: "unapproved", start: "starting", fail: "failed" },
  failed: { refuse: "unapproved", start: "starting", fail: "failed" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Where a plugin is in its life. */
export type HostState = keyof typeof HOST_TRANSITIONS;

/** What can happen to a plugin. */
export type HostMove = { [State in HostState]: keyof (typeof HOST_TRANSITIONS)[State] }[HostState];

/** Where an event takes a plugin; undefined where the table has no arrow. */
export function nextHostState(state: HostState, move: HostMove): HostState | undefined {
  const moves: Partial<Record<HostMove, HostState>> = HOST_TRANSITIONS[state];
  return moves[move];
}
