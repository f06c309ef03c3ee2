import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { playScript, startAgent } from "../../test/play-script.ts";
import type { AgentChild } from "../../test/play-script.ts";
import { scriptedAgentArgv } from "./index.ts";
import type { ScriptStepInput } from "@signalbox/protocol/agent-script";

describe("what the scripted agent should not do", () => {
  it("floods its reader with words", async () => {
    const bytes = 3_000_000;
    await using playing = await playScript(turn({ do: "flood", bytes }));
    const id = await playing.open();

    await ask(playing.agent, id);

    expect(playing.words()).toHaveLength(bytes);
  });

  it("prints one line of any length", async () => {
    await using dir = await tempDir();
    await using agent = await bare(
      { start: [{ do: "flood", bytes: 2_000_000, as: "line" }], turns: [{ steps: [] }] },
      dir,
    );

    const [line] = await lines(agent.child, 1);

    expect(line!.length).toBeGreaterThan(2_000_000);
    expect(JSON.parse(line!)).toMatchObject({ method: "flood" });
  });

  it("prints garbage, frames and errors between good frames", async () => {
    await using dir = await tempDir();
    const steps: ScriptStepInput[] = [
      { do: "garbage", text: "#!?", lines: 2 },
      { do: "frame", frame: { jsonrpc: "2.0", id: 99, result: {} } },
      { do: "stderr", text: "oh no\n" },
    ];
    await using agent = await bare({ ...turn(), start: steps }, dir);
    agent.child.stdin.write(
      `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } })}\n`,
    );

    const printed = await lines(agent.child, 4);

    expect(printed.slice(0, 3)).toEqual(["#!?", "#!?", '{"jsonrpc":"2.0","id":99,"result":{}}']);
    expect(JSON.parse(printed[3]!)).toMatchObject({
      id: 1,
      result: { agentInfo: { name: "signalbox-scripted-agent" } },
    });
    expect(agent.errors()).toBe("oh no\n");
  });

  it.each([
    { step: { do: "crash" }, code: 1, signal: null },
    { step: { do: "crash", exitCode: 7 }, code: 7, signal: null },
    { step: { do: "crash", signal: "SIGKILL" }, code: null, signal: "SIGKILL" },
  ] as const)("crashes: $step", async ({ step, code, signal }) => {
    await using playing = await playScript(turn({ do: "say", text: "before" }, step));
    const id = await playing.open();

    await expect(ask(playing.agent, id)).rejects.toThrow();

    expect(await playing.exited).toEqual({ code, signal });
    expect(playing.words()).toBe("before");
  });

  it("never says hello", async () => {
    await using dir = await tempDir();
    await using agent = await bare({ ...turn(), start: [{ do: "hang" }] }, dir);
    agent.child.stdin.end(
      `${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: { protocolVersion: 1 } })}\n`,
    );

    const first = await Promise.race([once(agent.child.stdout, "data"), once(agent.child, "exit"), afterMs(700)]);

    expect(first).toBe("nothing");
  });

  it("refuses to open a session", async () => {
    await using playing = await playScript({
      ...turn(),
      open: [{ do: "fail", message: "no more of these", code: -32000 }],
    });

    await expect(playing.open()).rejects.toMatchObject({ message: "no more of these", code: -32000 });
  });

  it("closes its output and goes on", async () => {
    await using playing = await playScript(turn({ do: "close_output" }, { do: "hang" }));
    const id = await playing.open();

    await expect(ask(playing.agent, id)).rejects.toThrow();

    expect(playing.child.exitCode).toBeNull();
  });

  it("ends with its input, and when it is asked to end", async () => {
    await using first = await playScript(turn());
    await using second = await playScript(turn());

    first.child.stdin.end();
    second.child.kill("SIGTERM");

    expect(await first.exited).toEqual({ code: 0, signal: null });
    expect(await second.exited).toEqual({ code: 143, signal: null });
  });

  it("ends the command that runs when it is asked to end", async () => {
    await using playing = await playScript(
      turn({ do: "run", argv: ["sh", "-c", "echo $$ > pid; sleep 60"], ask: false }),
    );
    const id = await playing.open();
    ask(playing.agent, id).catch(() => undefined);
    const pid = await pidIn(playing.dir.file("pid"));

    playing.child.kill("SIGTERM");

    await playing.exited;
    expect(await eventually(() => !isAlive(pid))).toBe(true);
  });

  it("goes on when it is asked to end, when the script says so", async () => {
    await using playing = await playScript(turn({ do: "ignore_end" }));
    const id = await playing.open();
    await ask(playing.agent, id);

    playing.child.stdin.end();
    playing.child.kill("SIGTERM");
    playing.child.kill("SIGINT");

    const first = await Promise.race([playing.exited, afterMs(500)]);
    expect(first).toBe("nothing");
  });

  it("leaves a process behind that is deaf and holds its output", async () => {
    await using dir = await tempDir();
    const pidFile = dir.file("stray.pid");
    const stray: ScriptStepInput = { do: "stray", forMs: 20_000, holdsOutput: true, clearsEnvironment: true, pidFile };
    await using agent = await bare({ ...turn(), start: [stray, { do: "crash", exitCode: 0 }] }, dir);
    const pid = await pidIn(pidFile);
    try {
      await agent.exited;
      process.kill(pid, "SIGTERM");

      const first = await Promise.race([once(agent.child, "close"), afterMs(500)]);

      expect(first).toBe("nothing");
      expect(isAlive(pid)).toBe(true);
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  it.runIf(existsSync("/proc/self/environ"))("leaves a process behind that cannot be recognised", async () => {
    await using dir = await tempDir();
    const pidFile = dir.file("stray.pid");
    const stray: ScriptStepInput = { do: "stray", forMs: 20_000, clearsEnvironment: true, pidFile };
    await using _agent = await bare({ ...turn(), start: [stray] }, dir);
    const pid = await pidIn(pidFile);
    try {
      const [environment, stat] = await Promise.all([
        eventually(async () => (await readFile(`/proc/${pid}/environ`, "utf8")) === ""),
        readFile(`/proc/${pid}/stat`, "utf8"),
      ]);

      expect(environment).toBe(true);
      // The sixth field is the session: its own.
      expect(stat.split(" ")[5]).toBe(String(pid));
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });
});

describe("a script that is none", () => {
  it.each([
    { what: "no file", text: undefined, says: "cannot be read" },
    { what: "no JSON", text: "{", says: "cannot be read" },
    { what: "no turns", text: '{"turns":[]}', says: "turns" },
    { what: "an unknown step", text: '{"turns":[{"steps":[{"do":"dance"}]}]}', says: "is no script" },
    {
      what: "words outside a turn",
      text: '{"start":[{"do":"say","text":"x"}],"turns":[{"steps":[]}]}',
      says: "belong into a turn",
    },
    { what: "a misspelt field", text: '{"turns":[{"steps":[{"do":"say","txt":"x"}]}]}', says: "txt" },
  ])("is refused before anything else: $what", async ({ text, says }) => {
    await using dir = await tempDir();
    if (text !== undefined) await writeFile(dir.file("script.json"), text);
    const [program, ...args] = scriptedAgentArgv({ script: dir.file("script.json") });

    const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
      execFile(program, args, { env: {} }, (error, stdout, stderr) => resolve({ code: error?.code, stdout, stderr })),
    );

    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^scripted-agent: /);
    expect(ended.stderr).toContain(says);
    expect(ended.stderr).not.toContain("    at ");
  });
});

function turn(...steps: ScriptStepInput[]): { turns: { steps: ScriptStepInput[] }[] } {
  return { turns: [{ steps }] };
}

function ask(agent: Awaited<ReturnType<typeof playScript>>["agent"], sessionId: string): Promise<unknown> {
  return agent.request("session/prompt", { sessionId, prompt: [{ type: "text", text: "go on" }] });
}

interface Bare extends AsyncDisposable {
  readonly child: AgentChild;
  readonly exited: Promise<unknown>;
  errors(): string;
}

/** The process, without a client. */
async function bare(...parameters: Parameters<typeof startAgent>): Promise<Bare> {
  const child = await startAgent(...parameters);
  const exited = once(child, "exit");
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return {
    child,
    exited,
    errors: () => errors,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** The first lines that it prints. */
async function lines(child: AgentChild, count: number): Promise<string[]> {
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (printed += text));
  return eventually(() => {
    const whole = printed.split("\n").slice(0, -1);
    return whole.length >= count && whole.slice(0, count);
  });
}

/** Silence cannot be awaited otherwise. */
function afterMs(ms: number): Promise<"nothing"> {
  return new Promise((resolve) => setTimeout(() => resolve("nothing"), ms));
}

function pidIn(file: string): Promise<number> {
  return eventually(async () => Number(await readFile(file, "utf8").catch(() => "0")));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
