import { readFileSync } from "node:fs";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { displayText, scriptedAdapter } from "../src/index.ts";
import type { AgentStartSpec } from "../src/index.ts";
import { SCRIPTED_AGENT_VERSION, scriptedAgentArgv } from "../src/scripted-agent/index.ts";
import type { AgentScriptInput, ScriptStepInput } from "../src/scripted-agent/index.ts";
import { agentLab, isAlive } from "./support/agent-lab.ts";
import type { AgentLab } from "./support/agent-lab.ts";
import { eventsOf, textOf } from "./support/conversation.ts";

const QUICK = { "close.graceMs": 400, "close.inputMs": 400, "exit.drainMs": 400 };

function hostileLab(): Promise<AgentLab> {
  return agentLab(scriptedAdapter, { program: { argv: scriptedAgentArgv(), version: SCRIPTED_AGENT_VERSION } });
}

/** A start with an agent that does this in its first turn, and says something in the next. */
function playing(
  steps: ScriptStepInput[],
  limits: AgentStartSpec["limits"] = {},
  more: Partial<AgentScriptInput> = {},
) {
  const script: AgentScriptInput = { turns: [{ steps }, { steps: [{ do: "say", text: "still here" }] }], ...more };
  return { options: { script: JSON.stringify(script) }, limits: { ...QUICK, ...limits } };
}

describe("an agent that is not ready", () => {
  it.each([
    ["before it speaks", { start: [{ do: "hang" }] }],
    ["when it opens a session", { open: [{ do: "hang" }] }],
  ] satisfies [string, Partial<AgentScriptInput>][])("because it hangs %s is given up", async (_, script) => {
    await using agent = await hostileLab();

    const starting = agent.open(playing([], { "handshake.timeoutMs": 1_000 }, script));

    await expect(starting).rejects.toMatchObject({ code: "HANDSHAKE_TIMEOUT", isRetryable: true });
    expect(await agent.living()).toEqual([]);
  });

  it("because it ends is given up, with its last words", async () => {
    await using agent = await hostileLab();
    const start: AgentScriptInput["start"] = [
      { do: "stderr", text: "no licence\n" },
      { do: "crash", exitCode: 3 },
    ];

    const starting = agent.open(playing([], {}, { start }));

    await expect(starting).rejects.toThrow(/exit code 3.*no licence/);
  });

  it("because it refuses a session is given up, with its reason", async () => {
    await using agent = await hostileLab();

    const starting = agent.open(playing([], {}, { open: [{ do: "fail", message: "log in first", code: -32_000 }] }));

    await expect(starting).rejects.toMatchObject({
      code: "HANDSHAKE_FAILED",
      message: expect.stringContaining("log in first") as string,
    });
    expect(await agent.living()).toEqual([]);
  });
});

describe("an agent that floods", () => {
  // Seen red: with a queue that is never full, the agent wrote all that it had.
  it("is held when nobody reads, and is gone when it is closed", async () => {
    await using agent = await hostileLab();
    const session = await agent.open(playing([{ do: "flood", bytes: 200_000_000 }], { "queue.events": 100 }));
    const before = process.memoryUsage().rss;

    await session.prompt("go");
    const pid = agent.started[0]?.process.pid ?? 0;
    let written = -1;
    await eventually(
      () => {
        const last = written;
        written = Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
        return written > 100_000 && written === last;
      },
      { everyMs: 200 },
    );

    expect(written).toBeLessThan(5_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(100_000_000);
    await session.close();
    expect(await agent.living()).toEqual([]);
  });

  it("loses not a word when it is read", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(
      playing([{ do: "flood", bytes: 5_000_000 }], { "queue.events": 10, "message.length": 1_000 }),
    );

    const turn = await conversation.turn("go");

    expect(textOf(turn)).toHaveLength(5_000_000);
    expect(eventsOf(turn, "message.done")[0]).toMatchObject({ isTruncated: true, text: expect.any(String) as string });
  });

  it("with one line that never ends loses the line, and goes on", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(
      playing([{ do: "flood", bytes: 30_000_000, as: "line" }], { "line.bytes": 1_000_000 }),
    );

    await conversation.turn("go");

    expect(conversation.all("protocol.error")).toMatchObject([{ kind: "oversized_line" }]);
    expect(textOf(await conversation.turn("and now?"))).toBe("still here");
  });

  it("its error output has only the end of it kept", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(
      playing(
        [
          { do: "flood", bytes: 20_000_000, as: "stderr" },
          { do: "stderr", text: "the end" },
        ],
        { "stderr.bytes": 1_000 },
      ),
    );

    await conversation.turn("go");
    const { stderr } = await conversation.close();

    expect(stderr).toHaveLength(1_000);
    expect(stderr).toMatch(/the end$/);
  });
});

describe("an agent that talks nonsense", () => {
  it("is forgiven a little", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(playing([{ do: "garbage", lines: 3 }]));

    await conversation.turn("go");

    expect(conversation.all("protocol.error")).toHaveLength(3);
    expect(textOf(await conversation.turn("and now?"))).toBe("still here");
  });

  it("without end is ended", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(
      playing([{ do: "garbage", lines: 100_000 }, { do: "hang" }], { "line.garbage": 20 }),
    );

    await conversation.turn("go");
    const exit = await conversation.until("process.exited");

    expect(conversation.all("protocol.error")).toHaveLength(20);
    expect(conversation.all("turn.ended")).toMatchObject([{ status: "failed", error: { code: "protocol_error" } }]);
    expect(exit).toMatchObject({ reason: "protocol_error", survivors: [] });
    expect(await agent.living()).toEqual([]);
  });

  it.each([
    [{ jsonrpc: "2.0", id: "x", method: "terminal/create", params: { command: "sh" } }, 0],
    [{ jsonrpc: "2.0", method: "made/up", params: 7 }, 0],
    [{ jsonrpc: "2.0", id: 12_345, result: {} }, 1],
    [{ jsonrpc: "1.0", method: "session/update" }, 1],
    [[{ jsonrpc: "2.0", method: "session/update" }], 1],
    [{ jsonrpc: "2.0", method: "session/update", params: { sessionId: 7 } }, 1],
    [null, 1],
  ])("by a frame that makes no sense goes on: %j", async (frame, complaints) => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(playing([{ do: "frame", frame: frame as never }]));

    const turn = await conversation.turn("go");

    expect(eventsOf(turn, "turn.ended")).toMatchObject([{ status: "completed" }]);
    expect(conversation.all("protocol.error")).toHaveLength(complaints);
    expect(textOf(await conversation.turn("and now?"))).toBe("still here");
  });

  it("to a terminal is quoted as it is, and shown harmlessly", async () => {
    await using agent = await hostileLab();
    const title = "ls\u001b[2K\u001b[1G\u001b]0;safe\u0007\u202e";
    await using conversation = await agent.start(playing([{ do: "run", argv: ["true"], title }]));

    const turn = await conversation.turn("go", () => ({ decision: "deny" }));

    const [asked] = eventsOf(turn, "approval.requested");
    expect(asked?.title).toBe(title);
    expect(displayText(asked?.title ?? "")).toBe("ls\\u{1b}[2K\\u{1b}[1G\\u{1b}]0;safe\\u{7}\\u{202e}");
  });
});

describe("an agent that does not end", () => {
  it("its turn when it is told to is ended itself", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(
      playing([{ do: "ignore_cancel" }, { do: "ignore_end" }, { do: "say", text: "la ".repeat(2_000), pauseMs: 20 }], {
        "interrupt.graceMs": 500,
      }),
    );
    await conversation.session.prompt("go");
    await conversation.until("text.delta");

    await conversation.session.interrupt();

    expect(await conversation.until("process.exited")).toMatchObject({
      reason: "interrupt_ignored",
      signal: "SIGKILL",
    });
    expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
    expect(await agent.living()).toEqual([]);
  });

  it("when it is closed is killed", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(playing([{ do: "ignore_end" }]));
    await conversation.turn("go");

    const exit = await conversation.close({ graceMs: 400 });

    expect(exit).toMatchObject({ reason: "closed", signal: "SIGKILL", survivors: [] });
    expect(await agent.living()).toEqual([]);
  });

  it("but closes its output is ended", async () => {
    await using agent = await hostileLab();
    await using conversation = await agent.start(
      playing([{ do: "ignore_end" }, { do: "close_output" }, { do: "hang" }]),
    );

    await conversation.turn("go");

    expect(await conversation.until("process.exited")).toMatchObject({ reason: "output_closed" });
    expect(conversation.all("turn.ended")).toMatchObject([{ status: "failed", error: { code: "agent_exited" } }]);
  });
});

describe("an agent that ends", () => {
  it.each([
    [
      { do: "crash", exitCode: 0 },
      { code: 0, signal: null },
    ],
    [
      { do: "crash", exitCode: 7 },
      { code: 7, signal: null },
    ],
    [
      { do: "crash", signal: "SIGSEGV" },
      { code: null, signal: "SIGSEGV" },
    ],
  ] satisfies [ScriptStepInput, unknown][])(
    "in the middle of a turn is a turn that failed: %j",
    async (step, ending) => {
      await using agent = await hostileLab();
      await using conversation = await agent.start(playing([{ do: "say", text: "last words" }, step]));

      const turn = await conversation.turn("go");

      expect(textOf(turn)).toBe("last words");
      expect(eventsOf(turn, "turn.ended")).toMatchObject([
        { status: "failed", error: { code: "agent_exited", isRetryable: true } },
      ]);
      expect(await conversation.until("process.exited")).toMatchObject({ reason: "crashed", ...(ending as object) });
    },
  );

  it("while something that it left holds the pipe is over, and what it left is gone", async () => {
    await using agent = await hostileLab();
    const pidFile = agent.file("pid");
    await using conversation = await agent.start(
      playing([{ do: "stray", holdsOutput: true, pidFile }, { do: "crash" }]),
    );

    await conversation.turn("go");
    await conversation.until("process.exited");

    expect(isAlive(readFileSync(pidFile, "utf8"))).toBe(false);
  });

  it("in good order leaves nothing, not even what wiped its environment", async () => {
    await using agent = await hostileLab();
    const pidFile = agent.file("pid");
    await using conversation = await agent.start(playing([{ do: "stray", clearsEnvironment: true, pidFile }]));
    await conversation.turn("go");

    const exit = await conversation.close();

    expect(exit).toMatchObject({ code: 0, survivors: [] });
    expect(isAlive(readFileSync(pidFile, "utf8"))).toBe(false);
  });
});
