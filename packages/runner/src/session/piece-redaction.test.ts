import type { AgentEvent } from "@signalbox/agents";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createRedactor } from "../redaction/redactor.ts";
import { PieceRedaction } from "./piece-redaction.ts";

const SECRET = "hunter2-ünïcode-🙂-secret";
const redactor = createRedactor([{ name: "KEY", value: SECRET }]);
const make = () => new PieceRedaction(() => redactor.stream());

const delta = (text: string, messageId = "m1"): AgentEvent => ({ type: "text.delta", messageId, text });
const done = (messageId = "m1"): AgentEvent => ({ type: "message.done", messageId, text: "", isTruncated: false });

function wordsOf(events: readonly AgentEvent[]): string {
  return events.map((event) => ("text" in event && event.type !== "message.done" ? event.text : "")).join("");
}

describe("words that come in pieces", () => {
  it("lose a secret wherever it is cut, and nothing else", () => {
    const characters = Array.from(`before ${SECRET} after ${SECRET}`);
    const cuts = fc.array(fc.integer({ min: 1, max: characters.length - 1 }), { maxLength: 12 });

    fc.assert(
      fc.property(cuts, (at) => {
        const edges = [0, ...at.toSorted((one, other) => one - other), characters.length];
        const pieces = edges.slice(1).map((edge, index) => characters.slice(edges[index], edge).join(""));
        const redaction = make();

        const told = [...pieces.map((piece) => delta(piece)), done()].flatMap((event) => redaction.pass(event));

        expect(wordsOf(told)).toBe("before [redacted:KEY] after [redacted:KEY]");
        expect(told.at(-1)).toEqual(done());
      }),
    );
  });

  it("are not held back where no secret begins", () => {
    expect(make().pass(delta("plain words "))).toEqual([delta("plain words ")]);
  });

  it("of two messages do not make a secret together, and each has its own rest", () => {
    const redaction = make();
    const first = redaction.pass(delta("hunter2-", "m1"));
    const second = redaction.pass(delta("ünïcode-🙂-secret", "m2"));
    const end = redaction.pass({ type: "turn.ended", turnId: "t1", status: "completed" });

    expect(first).toEqual([]);
    expect(wordsOf([...second, ...end])).toContain("hunter2-");
    expect(end.at(-1)?.type).toBe("turn.ended");
  });

  it("are also what tools print", () => {
    const redaction = make();
    const output = (text: string): AgentEvent => ({
      type: "tool.output",
      toolCallId: "c1",
      text,
      isTruncated: false,
    });

    const told = [output("key=hunter2-"), output("ünïcode-🙂-secret\n")].flatMap((event) => redaction.pass(event));

    expect(wordsOf(told)).toBe("key=[redacted:KEY]\n");
  });
});
