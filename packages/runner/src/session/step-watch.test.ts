import type { AgentEvent, AgentEventOf } from "@signalbox/agents";
import { describe, expect, it } from "vitest";

import { createRedactor } from "../redaction/redactor.ts";
import { StepNarrator } from "./step-narrator.ts";
import { StepWatch } from "./step-watch.ts";
import { ToolPermissions } from "./tool-permissions.ts";
import { WrittenFiles } from "./written-files.ts";

const ASKED: AgentEventOf<"approval.requested"> = {
  type: "approval.requested",
  requestId: "r1",
  kind: "command",
  title: "Run it",
  canEditInput: false,
  options: [],
};
const GIVEN_UP: AgentEvent = { type: "turn.ended", turnId: "t", status: "cancelled" };

/** A watch of a step that allows writing only, and what it told. */
function watching(secrets: { name: string; value: string }[] = []) {
  const told: string[] = [];
  const progress: (number | string | undefined)[] = [];
  const redactor = createRedactor(secrets);
  const narrator = new StepNarrator({
    say: async (text, stream = "stderr") => void told.push(`${stream}: ${String(text)}`),
    progress: (percent, message) => void progress.push(percent, message),
    redaction: () => redactor.stream(),
  });
  const permissions = new ToolPermissions({ toolsAllowed: ["write_file"], permissions: "all" });
  const watch = new StepWatch({ permissions, files: new WrittenFiles("/work"), narrator });
  return { watch, told, progress };
}

describe("the watch over a step", () => {
  it("takes a turn that the agent gave up after a no for one that failed", () => {
    const { watch } = watching();

    watch.decide(ASKED);

    expect(watch.seen(GIVEN_UP)).toMatchObject({
      status: "failed",
      error: { code: "refused", message: "the agent gave up its turn: the step does not allow run_command" },
    });
  });

  it("leaves a turn that somebody cancelled what it is, also when one before had a no", async () => {
    const { watch } = watching();
    expect(watch.seen(GIVEN_UP)).toBe(GIVEN_UP);

    watch.decide(ASKED);
    await watch.note({ type: "turn.started", turnId: "t2" });

    expect(watch.seen(GIVEN_UP)).toBe(GIVEN_UP);
  });

  it("remembers the first thing that was done against the step's word, and why the last turn failed", async () => {
    const { watch } = watching();
    const error = { code: "agent_error", message: "no", isRetryable: false } as const;

    for (const title of ["first", "second"]) {
      await watch.note({ type: "tool.started", toolCallId: title, kind: "command", title });
      await watch.note({ type: "tool.ended", toolCallId: title, status: "ok" });
    }
    await watch.note({ type: "turn.ended", turnId: "t", status: "failed", error });

    expect([watch.violation, watch.failure]).toEqual(["run_command: first", error]);
  });

  it("tells those who watch the run: words, calls, what they print, the plan as progress", async () => {
    const { watch, told, progress } = watching();
    const events: AgentEvent[] = [
      { type: "message.done", messageId: "m", text: "I begin.\n", isTruncated: false },
      { type: "tool.started", toolCallId: "c", kind: "command", title: "ls \u001b[31m" },
      { type: "tool.output", toolCallId: "c", text: "a.txt\n", isTruncated: false },
      { type: "tool.ended", toolCallId: "c", status: "denied", message: "not here" },
      {
        type: "plan",
        entries: [
          { text: "one", status: "completed" },
          { text: "two", status: "in_progress" },
          { text: "three", status: "pending" },
        ],
      },
      { type: "plan", entries: [] },
    ];

    for (const event of events) await watch.note(event);

    expect(told).toEqual([
      "stdout: I begin.\n",
      "stderr: signalbox: ls \\u{1b}[31m\n",
      "stdout: a.txt\n",
      "stderr: signalbox: not allowed: not here\n",
    ]);
    expect(progress).toEqual([33, "two"]);
  });

  it("tells no secret that is cut between two pieces of what a call prints", async () => {
    const { watch, told } = watching([{ name: "KEY", value: "hunter2-of-the-project" }]);

    for (const text of ["the key is hunter2-of", "-the-project, really"])
      await watch.note({ type: "tool.output", toolCallId: "c", text, isTruncated: false });
    await watch.note({ type: "tool.ended", toolCallId: "c", status: "ok" });

    expect(told.map((line) => line.replace("stdout: ", "")).join("")).toBe("the key is [redacted:KEY], really");
  });
});
