import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { SseMessages } from "./sse-messages.ts";

describe("an event stream", () => {
  it("is the same messages, wherever it is cut", () => {
    const data = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, "_"));
    const message = fc.record({
      event: fc.constantFrom("a", "b"),
      id: fc.nat().map(String),
      data: fc.array(data, { minLength: 1 }),
    });
    const end = fc.constantFrom("\n", "\r\n", "\r");

    fc.assert(
      fc.property(fc.array(message), end, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (messages, eol, sizes) => {
        const lines = messages.flatMap(({ event, id, data: parts }) => [
          ": heartbeat",
          `id: ${id}`,
          `event: ${event}`,
          ...parts.map((part) => `data: ${part}`),
          "",
        ]);
        const bytes = Buffer.from(lines.map((line) => line + eol).join(""));
        const stream = new SseMessages(1_000_000);
        const read = [];
        for (let at = 0; at < bytes.length;) {
          const size = sizes.next().value;
          read.push(...stream.push(bytes.subarray(at, at + size)));
          at += size;
        }
        // A lone CR at the very end may be half of a CRLF; the message is told all the same.
        expect(read).toEqual(messages.map(({ data: parts, ...known }) => ({ ...known, data: parts.join("\n") })));
      }),
    );
  });

  it("refuses a message that is too long, in one line or in many", () => {
    expect(() => new SseMessages(10).push(Buffer.from(`data: ${"x".repeat(20)}`))).toThrow(RangeError);
    expect(() => new SseMessages(10).push(Buffer.from("data: xxxx\n".repeat(5)))).toThrow(RangeError);
  });
});
