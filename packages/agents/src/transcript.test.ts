import { describe, expect, it } from "vitest";

import type { AgentEvent } from "./agent-event.ts";
import { agentLimits } from "./limits.ts";
import { bootstrapPreface, transcriptOf } from "./transcript.ts";

describe("transcriptOf", () => {
  it("keeps what was said and what was done", () => {
    const events: AgentEvent[] = [
      { type: "turn.started", turnId: "turn-1", prompt: "build it" },
      { type: "text.delta", messageId: "m", text: "I " },
      { type: "message.done", messageId: "m", text: "I build.", isTruncated: false },
      { type: "tool.started", toolCallId: "t", kind: "command", title: "make" },
      { type: "tool.updated", toolCallId: "t", kind: "command", title: "make all" },
      { type: "tool.ended", toolCallId: "t", status: "failed" },
      { type: "turn.steered", turnId: "turn-1", prompt: "not like that" },
      { type: "turn.started", turnId: "turn-2" },
    ];

    expect(transcriptOf(events)).toEqual([
      { role: "user", text: "build it" },
      { role: "agent", text: "I build." },
      { role: "tool", text: "make all: failed" },
      { role: "user", text: "not like that" },
    ]);
  });
});

describe("bootstrapPreface", () => {
  const limits = agentLimits({ "transcript.length": 200, "transcript.entryLength": 60 });

  it("has nothing to tell of nothing", () => {
    expect(bootstrapPreface([], limits)).toBeUndefined();
  });

  it("tells all of a short conversation, in order", () => {
    const preface = bootstrapPreface(
      [
        { role: "user", text: "one" },
        { role: "agent", text: "two" },
      ],
      limits,
    );

    expect(preface).toContain("<user>\none\n</user>\n<agent>\ntwo\n</agent>");
    expect(preface).toMatch(/Now go on with this:\n$/);
  });

  it("keeps the task and the end of a long one, and the ends of long words", () => {
    const long = Array.from({ length: 50 }, (_, index) => ({ role: "agent" as const, text: `step ${index}` }));
    const task = { role: "user" as const, text: `begin${"x".repeat(200)}end` };

    const preface = bootstrapPreface([task, ...long], limits) ?? "";

    expect(preface).toMatch(/begin.*\[… left out …\].*end/);
    expect(preface).toContain("step 49");
    expect(preface).not.toContain("step 20");
    expect(preface.length).toBeLessThan(200 + 500);
  });
});
