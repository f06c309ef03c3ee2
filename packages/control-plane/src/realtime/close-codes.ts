/** Close codes of the session socket. */
export const CLOSE_CODES = {
  goingAway: 1001,
  unauthorized: 4001,
  revoked: 4003,
  slowConsumer: 4008,
  tooMany: 4029,
} as const;
