import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import type { RequestPermissionResponse, SessionUpdate } from "@agentclientprotocol/sdk";
import { eventually, tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { playScript } from "../../test/play-script.ts";
import type { Playing } from "../../test/play-script.ts";
import type { ScriptStepInput } from "@signalbox/protocol/agent-script";

describe("the scripted agent", () => {
  it("introduces itself, and plays a script of its own when it is given none", async () => {
    await using playing = await playScript(undefined);

    const response = await prompt(playing, "describe the weather");

    expect(response.stopReason).toBe("end_turn");
    expect(await readFile(playing.dir.file("report-1.md"), "utf8")).toContain("describe the weather");
    expect(kinds(playing)).toContain("plan");
  });

  it("says what it says in pieces, and thinks", async () => {
    await using playing = await playScript(turn({ do: "think", text: "Hm." }, { do: "say", text: "One two three" }));

    await prompt(playing);

    expect(kinds(playing)).toEqual([
      "agent_thought_chunk",
      "agent_message_chunk",
      "agent_message_chunk",
      "agent_message_chunk",
    ]);
    expect(playing.words()).toBe("One two three");
  });

  it("fills in what was asked, how often, and where it is", async () => {
    await using playing = await playScript(
      turn({ do: "say", text: "{turn}. {prompt} in {cwd} after {earlier}; {other}" }),
    );
    const id = await playing.open();

    await prompt(playing, "first", id);
    await prompt(playing, "second", id);

    const { path } = playing.dir;
    expect(playing.words()).toBe(`1. first in ${path} after 0; {other}2. second in ${path} after 2; {other}`);
  });

  it("plays the turn whose words stand in the prompt, else one after the other, and the last again", async () => {
    const say = (text: string) => [{ do: "say" as const, text: `${text} ` }];
    await using playing = await playScript({
      turns: [{ steps: say("one") }, { when: "special", steps: say("special") }, { steps: say("two") }],
    });
    const id = await playing.open();

    for (const words of ["a", "something special", "b", "c"]) await prompt(playing, words, id);

    expect(playing.words()).toBe("one special two two ");
  });

  it("tells of its plan and of what was used", async () => {
    await using playing = await playScript(
      turn(
        { do: "plan", entries: [{ text: "look", status: "completed" }, { text: "leap" }] },
        { do: "usage", inputTokens: 10, outputTokens: 3, cachedInputTokens: 4, cost: 0.5, contextTokens: 13 },
      ),
    );

    const response = await prompt(playing);

    expect(response).toMatchObject({
      usage: { inputTokens: 10, outputTokens: 3, cachedReadTokens: 4, totalTokens: 13 },
    });
    expect(playing.updates).toMatchObject([
      {
        entries: [
          { content: "look", status: "completed" },
          { content: "leap", status: "pending" },
        ],
      },
      { used: 13, size: 200_000, cost: { amount: 0.5, currency: "USD" } },
    ]);
  });

  it.each(["refusal", "max_tokens", "max_turn_requests"] as const)("ends a turn with %s", async (reason) => {
    await using playing = await playScript(turn({ do: "end", reason }, { do: "say", text: "not this" }));

    expect(await prompt(playing)).toEqual({ stopReason: reason });
    expect(playing.words()).toBe("");
  });

  it("fails a turn, and takes the next", async () => {
    await using playing = await playScript({
      turns: [
        {
          steps: [{ do: "fail", message: "the model is overloaded", code: -32603, data: { errorKind: "overloaded" } }],
        },
        { steps: [{ do: "say", text: "fine" }] },
      ],
    });
    const id = await playing.open();

    await expect(prompt(playing, "a", id)).rejects.toMatchObject({
      message: "the model is overloaded",
      data: { errorKind: "overloaded" },
    });
    await prompt(playing, "b", id);

    expect(playing.words()).toBe("fine");
  });

  it("refuses a prompt while another is worked on, and one for a session that it does not know", async () => {
    await using playing = await playScript(turn({ do: "hang" }));
    const id = await playing.open();
    const first = prompt(playing, "a", id);

    await expect(prompt(playing, "b", id)).rejects.toMatchObject({ code: -32600 });
    await expect(prompt(playing, "b", "nobody")).rejects.toMatchObject({ code: -32002 });

    await playing.agent.notify("session/cancel", { sessionId: id });
    expect(await first).toEqual({ stopReason: "cancelled" });
  });

  it("has sessions beside each other", async () => {
    await using playing = await playScript(turn({ do: "wait", ms: 50 }, { do: "say", text: "{prompt} " }));
    const ids = await Promise.all(Array.from({ length: 5 }, () => playing.open()));

    await Promise.all(ids.map((id, index) => prompt(playing, String(index), id)));

    expect(playing.words().trim().split(" ").sort()).toEqual(["0", "1", "2", "3", "4"]);
  });
});

describe("the tools of the scripted agent", () => {
  it("asks with a diff before it writes a file", async () => {
    await using playing = await playScript(turn({ do: "write", path: "notes/a.txt", text: "new\n" }));

    await prompt(playing);

    const path = playing.dir.file("notes", "a.txt");
    expect(playing.permissions).toMatchObject([
      {
        toolCall: {
          title: "Write notes/a.txt",
          kind: "edit",
          content: [{ type: "diff", path, oldText: null, newText: "new\n" }],
        },
        options: [{ kind: "allow_once" }, { kind: "allow_always" }, { kind: "reject_once" }],
      },
    ]);
    expect(await readFile(path, "utf8")).toBe("new\n");
    expect(states(playing.updates)).toEqual(["pending", "in_progress", "completed"]);
  });

  it.each([
    { answer: "allow", words: "allowed", isThere: true, ended: "completed" },
    { answer: "reject", words: "denied", isThere: false, ended: "failed" },
    { answer: "not offered", words: "denied", isThere: false, ended: "failed" },
  ])("goes on by its script after $answer", async ({ answer, words, isThere, ended }) => {
    await using playing = await playScript(
      turn({
        do: "write",
        path: "a.txt",
        text: "x",
        allow: [{ do: "say", text: "allowed" }],
        deny: [{ do: "say", text: "denied" }],
      }),
      { permission: () => selected(answer) },
    );

    await prompt(playing);

    expect(playing.words()).toBe(words);
    expect(existsSync(playing.dir.file("a.txt"))).toBe(isThere);
    expect(states(playing.updates).at(-1)).toBe(ended);
  });

  it("does not ask again for what was always allowed, or always denied", async () => {
    const write = (path: string): ScriptStepInput => ({ do: "write", path, text: "x" });
    const remove: ScriptStepInput = { do: "delete", path: "a.txt", options: ["allow_once", "reject_always"] };
    const answers = ["allow_always", "reject_always"];
    await using playing = await playScript(turn(write("a.txt"), write("b.txt"), remove, remove), {
      permission: () => selected(answers.shift() ?? "none"),
    });

    await prompt(playing);

    expect(playing.permissions.map(({ toolCall }) => toolCall.title)).toEqual(["Write a.txt", "Delete a.txt"]);
    expect(existsSync(playing.dir.file("b.txt"))).toBe(true);
    expect(existsSync(playing.dir.file("a.txt"))).toBe(true);
  });

  it("runs a command and tells its output and how it ended", async () => {
    await using playing = await playScript(
      turn(
        { do: "run", argv: ["sh", "-c", "echo out; echo err >&2; pwd; exit 3"], ask: false },
        { do: "run", argv: ["/nowhere/at/all"], ask: false },
      ),
    );

    await prompt(playing);

    const [first, second] = playing.updates.filter((update) => "status" in update && update.status === "failed");
    expect(first).toMatchObject({ rawOutput: { exitCode: 3 } });
    expect(outputOf(first!)).toContain("out\n");
    expect(outputOf(first!)).toContain("err\n");
    expect(outputOf(first!)).toContain(playing.dir.path);
    expect(second).toMatchObject({ rawOutput: { exitCode: 127 } });
    expect(playing.permissions).toEqual([]);
  });

  it("tells the output of a command while it runs", async () => {
    await using playing = await playScript(turn({ do: "run", argv: ["sh", "-c", "echo begun; sleep 60"], ask: false }));
    const id = await playing.open();
    const asked = prompt(playing, "x", id);

    await eventually(() => playing.updates.some((update) => outputOf(update).includes("begun")));
    await playing.agent.notify("session/cancel", { sessionId: id });

    expect(await asked).toEqual({ stopReason: "cancelled" });
  });

  it("says why a change of files failed", async () => {
    await using playing = await playScript(turn({ do: "delete", path: "not-there.txt", ask: false }));

    await prompt(playing);

    expect(outputOf(playing.updates.at(-1)!)).toContain("ENOENT");
  });

  it("plays a tool that it does not have", async () => {
    await using playing = await playScript(
      turn(
        { do: "tool", kind: "fetch", title: "Fetch {prompt}", input: { url: "x" }, output: "a page", ask: false },
        { do: "tool", output: "no such page", fails: true, ask: false },
      ),
    );

    await prompt(playing, "a page");

    expect(playing.updates).toMatchObject([
      { title: "Fetch a page", kind: "fetch", rawInput: { url: "x" } },
      { status: "in_progress" },
      { status: "completed" },
      { kind: "other" },
      { status: "in_progress" },
      { status: "failed" },
    ]);
  });
});

describe("the questions of the scripted agent", () => {
  const question: ScriptStepInput = {
    do: "ask",
    question: "Which colour?",
    options: ["red", "blue"],
    cases: Object.fromEntries(
      ["blue", "declined", "cancelled", "unavailable"].map((name) => [name, [{ do: "say", text: `case ${name} ` }]]),
    ),
  };

  it.each([
    { what: "an answer", response: { action: "accept", content: { answer: "blue" } }, words: "case blue blue" },
    { what: "an answer without a case", response: { action: "accept", content: { answer: "red" } }, words: "red" },
    { what: "no answer", response: { action: "decline" }, words: "case declined declined" },
    { what: "a dismissal", response: { action: "cancel" }, words: "case cancelled cancelled" },
    { what: "nobody to ask", response: undefined, words: "case unavailable unavailable" },
  ])("go on by the script after $what", async ({ response, words }) => {
    const answering = response && { question: () => response };
    await using playing = await playScript(turn(question, { do: "say", text: "{answer}" }), answering ?? {});

    await prompt(playing);

    expect(playing.words()).toBe(words);
  });
});

describe("a cancel", () => {
  it("ends a turn in the middle of what it says, and keeps what was said", async () => {
    await using playing = await playScript(turn({ do: "say", text: "one two three", pauseMs: 60_000 }));
    const id = await playing.open();
    const asked = prompt(playing, "x", id);
    await eventually(() => playing.words() === "one ");

    await playing.agent.notify("session/cancel", { sessionId: id });

    expect(await asked).toEqual({ stopReason: "cancelled" });
  });

  it("ends a turn that waits for a permission, answered or not", async () => {
    const permission = Promise.withResolvers<RequestPermissionResponse>();
    await using playing = await playScript(turn({ do: "write", path: "a.txt", text: "x" }), {
      permission: () => permission.promise,
    });
    const id = await playing.open();
    const asked = prompt(playing, "x", id);
    await eventually(() => playing.permissions.length === 1);

    await playing.agent.notify("session/cancel", { sessionId: id });

    expect(await asked).toEqual({ stopReason: "cancelled" });
    permission.resolve({ outcome: { outcome: "cancelled" } });
  });

  it("ends a turn whose permission was answered with it", async () => {
    await using playing = await playScript(turn({ do: "write", path: "a.txt", text: "x" }), {
      permission: () => ({ outcome: { outcome: "cancelled" } }),
    });

    expect(await prompt(playing)).toEqual({ stopReason: "cancelled" });
    expect(existsSync(playing.dir.file("a.txt"))).toBe(false);
  });

  it("ends the command that runs", async () => {
    await using playing = await playScript(
      turn({ do: "run", argv: ["sh", "-c", "echo $$ > pid; sleep 60"], ask: false }),
    );
    const id = await playing.open();
    const asked = prompt(playing, "x", id);
    const pid = await eventually(async () => Number(await readFile(playing.dir.file("pid"), "utf8").catch(() => "0")));

    await playing.agent.notify("session/cancel", { sessionId: id });

    expect(await asked).toEqual({ stopReason: "cancelled" });
    await eventually(() => !isAlive(pid));
  });

  it("is not listened to when the script says so", async () => {
    await using playing = await playScript(
      turn({ do: "ignore_cancel" }, { do: "say", text: "a b c d e f", pauseMs: 20 }),
    );
    const id = await playing.open();
    const asked = prompt(playing, "x", id);
    await eventually(() => playing.words() !== "");

    await playing.agent.notify("session/cancel", { sessionId: id });

    expect(await asked).toEqual({ stopReason: "end_turn" });
    expect(playing.words()).toBe("a b c d e f");
  });
});

describe("a session that is opened again", () => {
  const script = {
    turns: [
      {
        steps: [
          { do: "say", text: "first answer" },
          { do: "write", path: "a.txt", text: "x" },
        ],
      },
      { steps: [{ do: "say", text: "second answer after {earlier}" }] },
    ],
  } satisfies Parameters<typeof playScript>[0];

  it("tells its history when it is loaded, and goes on where it was", async () => {
    await using dir = await tempDir();
    const id = await onePrompt(script, dir);
    await using playing = await playScript(script, { dir });

    await playing.agent.request("session/load", { sessionId: id, cwd: dir.path, mcpServers: [] });
    const history = [...playing.updates];
    await prompt(playing, "and then?", id);

    expect(history).toMatchObject([
      { sessionUpdate: "user_message_chunk", content: { text: "begin" } },
      { sessionUpdate: "agent_message_chunk", content: { text: "first answer" } },
      { sessionUpdate: "tool_call", status: "completed" },
    ]);
    expect(playing.words()).toBe("first answersecond answer after 2");
  });

  it("tells nothing when it is resumed, and goes on where it was", async () => {
    await using dir = await tempDir();
    const id = await onePrompt(script, dir);
    await using playing = await playScript(script, { dir });

    await playing.agent.request("session/resume", { sessionId: id, cwd: dir.path });
    await prompt(playing, "and then?", id);

    expect(playing.words()).toBe("second answer after 2");
  });

  it("is found after the agent was killed in the middle of a turn", async () => {
    await using dir = await tempDir();
    const killed = {
      turns: [
        {
          steps: [
            { do: "say", text: "done so far" },
            { do: "crash", signal: "SIGKILL" },
          ],
        },
      ],
    } as const;
    const first = await playScript({ turns: killed.turns.map(({ steps }) => ({ steps: [...steps] })) }, { dir });
    const id = await first.open();
    await expect(prompt(first, "begin", id)).rejects.toThrow();
    await first[Symbol.asyncDispose]();
    await using playing = await playScript(script, { dir });

    await playing.agent.request("session/load", { sessionId: id, cwd: dir.path, mcpServers: [] });

    expect(playing.words()).toBe("done so far");
  });

  it.each(["nobody", "../../etc/passwd", "00000000-0000-0000-0000-000000000000"])("refuses %s", async (sessionId) => {
    await using playing = await playScript(script);

    const loading = playing.agent.request("session/load", { sessionId, cwd: "/", mcpServers: [] });

    await expect(loading).rejects.toMatchObject({ code: -32002 });
  });

  it("comes back as the script says", async () => {
    await using playing = await playScript({ ...script, resume: "none" });
    const params = { sessionId: "x", cwd: "/", mcpServers: [] };

    await expect(playing.agent.request("session/load", params)).rejects.toMatchObject({ code: -32601 });
    await expect(playing.agent.request("session/resume", params)).rejects.toMatchObject({ code: -32601 });
  });

  it("is refused when the script refuses it", async () => {
    await using dir = await tempDir();
    const id = await onePrompt(script, dir);
    await using playing = await playScript({ ...script, reopen: [{ do: "fail", message: "forgotten" }] }, { dir });

    const loading = playing.agent.request("session/load", { sessionId: id, cwd: dir.path, mcpServers: [] });

    await expect(loading).rejects.toThrow("forgotten");
  });

  it("has lost no more than the line that was being written", async () => {
    await using dir = await tempDir();
    const id = await onePrompt(script, dir);
    const file = dir.file(".state", `${id}.jsonl`);
    await writeFile(file, (await readFile(file, "utf8")).slice(0, -20));
    await using playing = await playScript(script, { dir });

    await playing.agent.request("session/load", { sessionId: id, cwd: dir.path, mcpServers: [] });

    expect(kinds(playing)).toEqual(["user_message_chunk", "agent_message_chunk"]);
  });
});

function turn(...steps: ScriptStepInput[]): NonNullable<Parameters<typeof playScript>[0]> {
  return { turns: [{ steps }] };
}

async function prompt(playing: Playing, text = "go on", sessionId?: string) {
  const id = sessionId ?? (await playing.open());
  return playing.agent.request("session/prompt", { sessionId: id, prompt: [{ type: "text", text }] });
}

/** Plays one prompt in an agent of its own; answers the id of its session. */
async function onePrompt(script: Parameters<typeof playScript>[0], dir: Playing["dir"]): Promise<string> {
  await using playing = await playScript(script, { dir });
  const id = await playing.open();
  await prompt(playing, "begin", id);
  return id;
}

function selected(optionId: string): RequestPermissionResponse {
  return { outcome: { outcome: "selected", optionId } };
}

function kinds({ updates }: Playing): string[] {
  return updates.map(({ sessionUpdate }) => sessionUpdate);
}

function states(updates: readonly SessionUpdate[]): unknown[] {
  return updates.flatMap((update) => ("status" in update ? [update.status] : []));
}

/** The text of a tool's content. */
function outputOf(update: SessionUpdate): string {
  if (!("content" in update) || !Array.isArray(update.content)) return "";
  return update.content
    .map((part) => (part.type === "content" && part.content.type === "text" ? part.content.text : ""))
    .join("");
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
