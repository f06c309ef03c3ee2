/**
 * The codes with which a broker closes, beside those of the WebSocket standard. After one that is final the plugin does
 * not come back by itself; after any other, and after every loss of the connection, it does.
 */
export const CLOSE_CODES = {
  4001: { name: "revoked", isFinal: true, meaning: "the plugin may not take part any more" },
  4002: { name: "replaced", isFinal: true, meaning: "a newer connection of the same plugin has taken its place" },
  4003: { name: "slow reader", isFinal: false, meaning: "more waited to be read by the plugin than is kept for it" },
  4004: { name: "bad frames", isFinal: false, meaning: "the plugin sent too much that is not of this protocol" },
} as const satisfies Record<number, { readonly name: string; readonly isFinal: boolean; readonly meaning: string }>;

/** The code of a reason. */
export const CLOSE = {
  revoked: 4001,
  replaced: 4002,
  slowReader: 4003,
  badFrames: 4004,
  tooBig: 1009,
  away: 1012,
} as const;

/** Whether a plugin stays away after its connection was closed with a code. */
export function isFinalClose(code: number): boolean {
  return Object.hasOwn(CLOSE_CODES, code) && CLOSE_CODES[code as keyof typeof CLOSE_CODES].isFinal;
}
