/** The life of a connection to a broker: each state, and where each event takes it. No arrow, no move. */
export const CONNECTION_TRANSITIONS = {
  /** Nobody has joined yet. */
  idle: { dial: "connecting", end: "closed" },
  connecting: { welcome: "open", lose: "waiting", end: "closed" },
  open: { lose: "waiting", end: "closed" },
  /** Until the next try. */
  waiting: { dial: "connecting", end: "closed" },
  /** For good. */
  closed: {},
} as const;
/** Where a connection is. */
export type ConnectionState = keyof typeof CONNECTION_TRANSITIONS;

/** Where an event leads; undefined: nowhere. */
export function nextConnectionState(
  state: ConnectionState,
  event: "dial" | "welcome" | "lose" | "end",
): ConnectionState | undefined {
  const arrows: Partial<Record<typeof event, ConnectionState>> = CONNECTION_TRANSITIONS[state];
  return arrows[event];
}
