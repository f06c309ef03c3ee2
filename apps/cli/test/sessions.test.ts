import { codexAdapter, type AgentEvent } from "@signalbox/agents";
import type { EventRecord } from "@signalbox/protocol";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "vitest";

import { approval, details, run, session, sessionEvent } from "./_support/canned.ts";
import { fakeApi, outputStream, refusal, type Answer } from "./_support/fake-api.ts";
import { signalbox, startSignalbox } from "./_support/run-signalbox.ts";
import { soon } from "./_support/soon.ts";
import { hasScript, openTerminal } from "./_support/terminal.ts";

const COMPLETED = session({
  state: "COMPLETED",
  reason: "finished",
  isWorking: false,
  usage: { inputTokens: 1_200, outputTokens: 80, cachedTokens: 1_000 },
});
const ASKED = sessionEvent(2, "approval.requested", { approvalId: "apr_1" });

const WORDS: AgentEvent[] = [
  { type: "text.delta", messageId: "m1", text: "I will do \u001b[31mit" },
  { type: "text.delta", messageId: "m1", text: ".\u202e\n" },
  { type: "tool.started", toolCallId: "c1", kind: "command", title: "Run", command: "npm\u001b[2J test" },
  { type: "tool.output", toolCallId: "c1", text: "1 passed\n\u001b]0;title\u0007", isTruncated: false },
  { type: "tool.ended", toolCallId: "c1", status: "failed", exitCode: 7 },
  { type: "plan", entries: [{ text: "Write", status: "completed" }] },
  {
    type: "turn.ended",
    turnId: "t1",
    status: "failed",
    error: { code: "overloaded", message: "busy", isRetryable: true },
  },
];

function says(events: readonly AgentEvent[]): Answer {
  return outputStream([
    { step: "session", stream: "agent", text: events.map((event) => `${JSON.stringify(event)}\n`).join("") },
  ]);
}

/** An API with one session: what its log tells, and at once or held open. */
function aSession(
  events: readonly EventRecord[],
  { words = [] as readonly AgentEvent[], state = COMPLETED, more = {} as Record<string, Answer> } = {},
) {
  const streams: ServerResponse[] = [];
  const send = (event: EventRecord): void => {
    for (const response of streams) response.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  return fakeApi({
    "POST /sessions": () => session(),
    "GET /sessions": () => ({ items: [state], total: 21, page: 1, pageSize: 20, hasMore: true }),
    "GET /sessions/:id": () => state,
    "GET /sessions/:id/stream": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      streams.push(response);
      for (const event of events) send(event);
    },
    "GET /runs/:id/output": says(words),
    "GET /runs/:id": () => details({ run: run({ status: "succeeded" }) }),
    "GET /approvals/:id": () => approval(),
    "POST /approvals/:id/resolve": ({ body }) => {
      const { decision } = body as { decision: string };
      const resolved = decision === "allow" ? "allowed" : "denied";
      send(sessionEvent(3, "approval.resolved", { approvalId: "apr_1", state: resolved }));
      send(sessionEvent(4, "session.completed", { reason: "finished" }));
      return approval({ state: resolved });
    },
    ...more,
  });
}

const words = (line: string): string[] => line.split(" ");
const DONE = [sessionEvent(1, "session.created"), sessionEvent(2, "session.completed", { reason: "finished" })];

describe("signalbox session new", () => {
  it("opens a session, follows it to its end, and lets nothing of it act on the terminal", async () => {
    await using api = await aSession(DONE, { words: WORDS });

    const { code, stdout, stderr } = await signalbox([
      ...words("session new --provider codex --model gpt-x --budget-tokens 500 --title T --interactive"),
      ...words("--approval-timeout 15m --label gpu=yes Write a greeting --server"),
      api.url,
    ]);

    expect(api.heard[0]?.body).toEqual({
      providerId: "codex",
      task: "Write a greeting",
      mode: "interactive",
      terminal: { columns: 80, rows: 24 },
      model: "gpt-x",
      title: "T",
      budget: { tokens: 500 },
      requires: { labels: { gpu: "yes" } },
      approvalTimeoutMinutes: 15,
    });
    expect(stderr).toContain("ses_1.0: Write a greeting");
    expect(stdout).toContain("I will do [31mit.\\u{202e}\n");
    expect(stdout).toContain("● npm test\n  1 passed\n");
    expect(stdout).toContain("failed: npm test (exit code 7)");
    expect(stdout).toContain("the turn was not finished: busy");
    expect(stdout).toMatch(/ses_1\.0 completed.*\(finished\)\n1200 tokens in \(1000 cached\), 80 out\n$/);
    // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
    expect(stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(code).toBe(0);
  });

  it("fails with the session", async () => {
    const failed = session({ state: "FAILED", reason: "agent_crashed", message: "exit code 1", isWorking: false });
    await using api = await aSession([sessionEvent(1, "session.failed", { reason: "agent_crashed" })], {
      state: failed,
    });

    const { code, stdout } = await signalbox(["session", "new", "-p", "codex", "x", "--server", api.url]);

    expect([code, stdout]).toEqual([1, "ses_1.0 failed (agent_crashed: exit code 1)\n"]);
  });

  it("says that somebody stopped it, and not that all is done", async () => {
    const stopped = session({ state: "COMPLETED", reason: "stopped", message: "enough", isWorking: false });
    await using api = await aSession([sessionEvent(1, "session.completed", { reason: "stopped" })], { state: stopped });

    const { code, stdout } = await signalbox(["session", "new", "-p", "codex", "x", "--server", api.url]);

    expect([code, stdout]).toEqual([3, "ses_1.0 completed (stopped: enough)\n"]);
  });

  it("tells programs everything as JSON, a line each", async () => {
    await using api = await aSession(DONE, { words: WORDS.slice(0, 1) });

    const { stdout } = await signalbox(["session", "new", "-p", "codex", "x", "--json", "--server", api.url]);

    const documents = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents).toHaveLength(4);
    expect(documents).toContainEqual({ agent: WORDS[0] });
    expect(documents).toContainEqual({ event: DONE[1] });
    expect(documents.at(-1)).toMatchObject({ success: true, data: { state: "COMPLETED" } });
  });

  it("only opens it with --detach", async () => {
    await using api = await aSession([]);

    const { code, stdout, stderr } = await signalbox(["session", "new", "-p", "codex", "-d", "x", "--server", api.url]);

    expect([code, stdout]).toEqual([0, "ses_1.0\n"]);
    expect(stderr).toContain("signalbox session watch ses_1.0");
    expect(api.heard).toHaveLength(1);
  });

  it("leaves a session running on Ctrl-C, and says how to come back", async () => {
    await using api = await aSession([sessionEvent(1, "session.created")], { words: WORDS.slice(0, 2) });
    const { child, ended, printed } = startSignalbox(["session", "new", "-p", "codex", "x", "--server", api.url]);
    await soon(printed).toContain("I will do");

    child.kill("SIGINT");
    const { code, stderr } = await ended;

    expect(code).toBe(130);
    expect(stderr).toContain("ses_1.0 goes on; come back with `signalbox session watch ses_1.0`");
    expect(api.heard.filter(({ method }) => method === "POST")).toHaveLength(1);
  });

  it.each([
    [["session", "new", "x"], "required option '-p, --provider <name>' not specified"],
    [["session", "new", "-p", "codex"], "missing required argument 'task'"],
    [["session", "new", "-p", "codex", "-b", "main", "x"], "--branch goes with --repo only"],
    [["session", "new", "-p", "codex", "--budget-usd", "0", "x"], "must be an amount such as 2.50"],
  ])("refuses %j before it asks anybody", async (args, words) => {
    const { code, stderr } = await signalbox([...args, "--server", "http://127.0.0.1:1"]);

    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });

  it("tells of a provider that nobody knows", async () => {
    await using api = await fakeApi({
      "POST /sessions": () => refusal(400, "INVALID_PROVIDER", 'there is no provider "gpt"'),
    });

    const { code, stderr } = await signalbox(["session", "new", "-p", "gpt", "x", "--server", api.url]);

    expect([code, stderr]).toEqual([
      2,
      'signalbox: there is no provider "gpt"\n  `signalbox runners` shows which machines have which agents\n',
    ]);
  });
});

describe("what a session asks", () => {
  it("is shown to whoever cannot answer here, with how to answer", async () => {
    await using api = await aSession([ASKED]);
    const { child, ended, printed } = startSignalbox(["session", "watch", "ses_1.0", "--server", api.url]);

    await soon(printed).toContain("signalbox approvals allow apr_1, or deny");
    child.kill("SIGINT");
    await ended;

    expect(printed()).toContain(`hash     ${approval().contentHash}`);
  });

  it.skipIf(!hasScript).each([
    ["y", "allow"],
    ["n", "deny"],
  ])("is answered at a terminal: %s", async (key, decision) => {
    await using api = await aSession([ASKED]);
    await using terminal = await openTerminal(["session", "watch", "ses_1.0", "--server", api.url]);
    await soon(() => terminal.text()).toContain("allow this? y or n");

    terminal.type("what\r");
    terminal.type(`${key}\r`);

    expect(await terminal.ended).toBe(0);
    const [answered, ...others] = api.heard.filter(({ method }) => method === "POST");
    expect(answered?.body).toEqual({ decision, contentHash: approval().contentHash });
    expect(others).toEqual([]);
  });

  it.skipIf(!hasScript)("with a question is answered by a number or in words", async () => {
    const questions = [
      {
        id: "q1",
        text: "Which?",
        options: [{ label: "red" }, { label: "blue" }],
        allowsMany: false,
        allowsText: false,
      },
      { id: "q2", text: "Why?", options: [], allowsMany: false, allowsText: true },
    ];
    await using api = await aSession([ASKED], {
      more: { "GET /approvals/:id": () => approval({ kind: "question", questions }) },
    });
    await using terminal = await openTerminal(["session", "watch", "ses_1.0", "--server", api.url]);
    await soon(() => terminal.text()).toContain("2  blue");

    terminal.type("2\r");
    await soon(() => terminal.text()).toContain("Why?");
    terminal.type("because\r");

    expect(await terminal.ended).toBe(0);
    const answered = api.heard.find(({ method }) => method === "POST");
    expect(answered?.body).toMatchObject({ decision: "allow", answers: { q1: ["blue"], q2: ["because"] } });
  });

  it.skipIf(!hasScript)("lets whoever sits there speak to an agent that listens", async () => {
    await using api = await aSession([sessionEvent(1, "session.created")], {
      state: session({ mode: "interactive" }),
      more: { "POST /sessions/:id/inputs": () => ({ ...session(), inputId: "inp_1" }) },
    });
    await using terminal = await openTerminal(["session", "watch", "ses_1.0", "--server", api.url]);
    await soon(() => terminal.text()).toContain("type to speak to the agent");

    terminal.type("and now?\r");
    await soon(() => api.heard.some(({ method }) => method === "POST")).toBe(true);
    terminal.type("\u0003");

    expect(await terminal.ended).toBe(130);
    expect(api.heard.find(({ method }) => method === "POST")?.body).toEqual({ text: "and now?" });
  });
});

describe("signalbox sessions", () => {
  it("lists sessions, and says when there are more", async () => {
    await using api = await aSession([]);

    const { stdout, stderr } = await signalbox(["sessions", "--state", "COMPLETED", "--server", api.url]);

    expect(stdout).toMatch(/^SESSION .*\nses_1\.0 {2}COMPLETED {2}codex .* 1 {6}Write a greeting\n$/);
    expect(stderr).toContain("21 in all; more: --page 2");
    expect(api.heard[0]?.query.get("state")).toBe("COMPLETED");
  });
});

describe("signalbox session", () => {
  it("shows what waits, and what it waits for", async () => {
    const queue = [
      {
        inputId: "inp_2",
        text: "more\u001b[2J",
        state: "queued" as const,
        delivery: "queue" as const,
        queuedAt: "2026-11-21T08:00:00.000Z",
      },
    ];
    await using api = await aSession([], { state: session({ queue, pendingApprovals: [approval()] }) });

    const { stdout } = await signalbox(["session", "show", "ses_1.0", "--server", api.url]);

    expect(stdout).toContain("RUNNING, at work");
    expect(stdout).toContain("  inp_2   more\n");
    expect(stdout).toContain("  signalbox approvals allow apr_1   npm publish\n");
  });

  it.each([
    [{ resumed: "fresh" as const }, undefined],
    [{ resumed: "loaded" as const }, "the conversation was loaded"],
    [
      { resumed: "bootstrapped" as const, resumeFailure: "not loaded: it is\u001b[2J gone" },
      "the agent was told what was said before (not loaded: it is gone)",
    ],
    [
      { resumed: "fresh" as const, resumeFailure: "not loaded: gone; not told of it: nothing of it is on record" },
      "the agent begins anew (not loaded: gone; not told of it: nothing of it is on record)",
    ],
  ])("shows how the agent stands to what was said before its start: %j", async (more, told) => {
    await using api = await aSession([], { state: session(more) });

    const { stdout } = await signalbox(["session", "show", "ses_1.0", "--server", api.url]);

    expect(/^resumed +(.*)$/m.exec(stdout)?.[1]).toBe(told);
  });

  it("tells whoever watches how the agent stands to what was said before, and that words wait again", async () => {
    const ready: AgentEvent = {
      type: "session.ready",
      provider: "codex",
      nativeSessionId: "n1",
      resumed: "fresh",
      capabilities: codexAdapter.capabilities("0.169.0"),
    };
    const again: AgentEvent = { ...ready, resumed: "bootstrapped", resumeFailure: "not loaded: gone" };
    const returned = sessionEvent(1, "input.returned", { inputId: "inp_1" });
    await using api = await aSession([returned, sessionEvent(2, "session.completed", { reason: "finished" })], {
      words: [ready, again],
    });

    const { stdout } = await signalbox(["session", "watch", "ses_1.0", "--server", api.url]);

    expect(stdout).toContain("the agent is ready\n");
    expect(stdout).toContain("the agent is ready; the agent was told what was said before (not loaded: gone)\n");
    expect(stdout).toContain(
      "the agent was lost before it did anything about what it was told; it will be told again\n",
    );
  });

  it.each([
    [["say", "ses_1.0", "one", "two"], "POST /sessions/ses_1.0/inputs", { text: "one two", delivery: "queue" }],
    [["say", "ses_1.0", "now", "--steer"], "POST /sessions/ses_1.0/inputs", { text: "now", delivery: "steer" }],
    [["stop", "ses_1.0", "--reason", "enough"], "POST /sessions/ses_1.0/stop", { reason: "enough" }],
    [["pause", "ses_1.0"], "POST /sessions/ses_1.0/pause", {}],
    [["resume", "ses_1.0"], "POST /sessions/ses_1.0/resume", {}],
    [["interrupt", "ses_1.0"], "POST /sessions/ses_1.0/interrupt", {}],
  ])("%j asks the server for it", async (args, asked, body) => {
    const answer = () => ({ ...session(), inputId: "inp_1" });
    await using api = await fakeApi({ "POST /sessions/:id/*": answer });

    const { code, stdout } = await signalbox(["session", ...args, "--server", api.url]);

    expect(code).toBe(0);
    expect(stdout).not.toBe("");
    expect(api.heard.map(({ method, path }) => `${method} ${path}`)).toEqual([asked]);
    expect(api.heard[0]?.body).toEqual(body);
  });

  it("tells of a session that is not there", async () => {
    await using api = await fakeApi({
      "GET /sessions/:id": () => refusal(404, "SESSION_NOT_FOUND", "there is no session x"),
    });

    const { code, stderr } = await signalbox(["session", "show", "x", "--server", api.url]);

    expect([code, stderr]).toEqual([
      1,
      "signalbox: there is no session x\n  `signalbox sessions` lists what is there\n",
    ]);
  });
});
