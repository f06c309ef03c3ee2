import { describe, expect, it } from "vitest";

import { isWsMessage, isWsSubscribeSession, isWsTerminalInput, isWsUnsubscribeSession } from "./guards.ts";

const sent = { sessionId: "session-123", messageId: "m1", timestamp: "2026-01-01T00:00:00.000Z" };
const subscribe = { type: "subscribe_session", ...sent };
const unsubscribe = { type: "unsubscribe_session", ...sent };
const input = { type: "terminal_input", data: "ls -la\n", ...sent };

describe("the guards of the session socket", () => {
  it.each([[subscribe], [unsubscribe], [input]])("know the messages of seed 001: $type", (message) => {
    expect(isWsMessage(message)).toBe(true);
    expect([isWsSubscribeSession(message), isWsUnsubscribeSession(message), isWsTerminalInput(message)]).toEqual([
      message === subscribe,
      message === unsubscribe,
      message === input,
    ]);
  });

  it.each([
    [null],
    ["subscribe_session"],
    [[]],
    [{ ...subscribe, type: "subscribe" }],
    [{ ...subscribe, sessionId: "../etc" }],
    [{ ...input, data: 7 }],
    [{ ...input, data: "x".repeat(65_537) }],
    [JSON.parse('{"type":"subscribe_session","sessionId":"a","__proto__":{"x":1}}')],
  ])("refuse %j", (value) => {
    expect(isWsMessage(value)).toBe(false);
    expect(isWsTerminalInput(value)).toBe(false);
  });
});
