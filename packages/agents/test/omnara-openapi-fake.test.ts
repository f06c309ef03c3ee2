import { eventually, listen } from "@signalbox/testkit";
import { describe, expect, it, onTestFinished } from "vitest";

import type { AgentEvent, AgentStartSpec } from "../src/index.ts";
import { AgentEventSchema, omnaraAdapter } from "../src/index.ts";
import { allow, Conversation, eventsOf, textOf } from "./support/conversation.ts";
import { CONFIG, OmnaraFake, ORG, PROJECT } from "../src/omnara-fake/index.ts";
import type { FakeAgent } from "../src/omnara-fake/index.ts";

// The other side of every test here is a fake that was made from Omnara's published OpenAPI, and never a live Omnara.

const KEY = "omnara_org_v1_testfakekey";
const PERMISSION = {
  title: "Permission requested for run_command",
  context: [{ label: "Command", value: "rm -rf ./build" }],
  questions: [{ prompt: "Allow this tool call?", options: [{ label: "Allow" }, { label: "Deny", allows_text: true }] }],
};
const QUESTION = {
  title: "Which colour?",
  questions: [
    { prompt: "Pick one", options: [{ label: "red" }, { label: "blue" }, { label: "other", allows_text: true }] },
    { prompt: "And how many?", multiple: true, options: [{ label: "one" }, { label: "two" }, { label: "three" }] },
  ],
};

async function fakeOmnara(onTurn?: (agent: FakeAgent, text: string) => void | Promise<void>): Promise<OmnaraFake> {
  const fake = await OmnaraFake.start(KEY);
  onTestFinished(() => fake[Symbol.asyncDispose]());
  if (onTurn) fake.onTurn = onTurn;
  return fake;
}

/** A spec with short pauses; nothing in it is waited for. */
function specOf(fake: { readonly baseUrl: string }, more: Partial<AgentStartSpec> = {}): AgentStartSpec {
  return {
    sessionId: "ses_1",
    program: { argv: ["omnara"], version: "unknown" },
    workspace: "/nowhere/workspace",
    home: "/nowhere/home",
    tmpDir: "/nowhere/tmp",
    path: "/usr/bin",
    endpoint: { baseUrl: fake.baseUrl, apiKey: KEY },
    options: { org: ORG, project: PROJECT, config: CONFIG },
    raw: "all",
    ...more,
    limits: { "remote.retryMs": 5, "remote.pauseMs": 20, "remote.lookMs": 20, "call.timeoutMs": 2_000, ...more.limits },
  };
}

async function conversationWith(fake: OmnaraFake, more: Partial<AgentStartSpec> = {}): Promise<Conversation> {
  const conversation = new Conversation(await omnaraAdapter.start(specOf(fake, more)));
  onTestFinished(async () => {
    await conversation.close({ graceMs: 0 });
    // Whatever a test is about: the key is in a header, and nowhere else.
    expect(JSON.stringify(conversation.events)).not.toContain(KEY);
    expect(JSON.stringify(fake.requests.map(({ path, body }) => [path, body]))).not.toContain(KEY);
    for (const event of conversation.events) AgentEventSchema.parse(event);
  });
  return conversation;
}

const typesOf = (events: readonly AgentEvent[]): string[] =>
  events.map(({ type }) => type).filter((type) => type !== "raw");

describe("a session with an agent of Omnara's, played by a fake made from its OpenAPI", () => {
  it("launches an agent, tells it a prompt, and says what it says, thinks, does and uses", async () => {
    const fake = await fakeOmnara((agent) => {
      agent.delta({ kind: "block_start", block_index: 0, block: { kind: "thinking" } });
      agent.delta({ kind: "thinking_delta", block_index: 0, delta: "Hm." });
      agent.preview("I ", "look.");
      agent.delta({
        kind: "message_stop",
        stop: {
          reason: "tool_use",
          usage: { input_tokens_total: 100, output_tokens_total: 20, cache_read_input_tokens: 7 },
        },
      });
      const call = agent.call("run_command", { command: "ls", cwd: "/repo" }, "I look.");
      agent.result(call, "succeeded", "a.txt");
      agent.delta({ kind: "message_stop", stop: { reason: "end_turn", usage: { input_tokens_total: 50 } } });
      agent.say("There is a.txt.");
    });
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("What is there?");

    expect(conversation.events[0]).toMatchObject({
      type: "session.ready",
      nativeSessionId: fake.agent.id,
      resumed: "fresh",
      model: "fake-model",
      capabilities: { workspace: "own", terminal: "none", plan: false, turnDiff: false, steer: true },
    });
    expect(typesOf(turn)).toEqual([
      "turn.started",
      "thought.delta",
      "text.delta",
      "text.delta",
      "usage",
      "message.done",
      "tool.started",
      "tool.output",
      "tool.ended",
      "usage",
      "text.delta",
      "message.done",
      "turn.ended",
    ]);
    expect(textOf(turn)).toBe("I look.There is a.txt.");
    expect(eventsOf(turn, "tool.started")).toMatchObject([
      { kind: "command", command: "ls", cwd: "/repo", title: "ls" },
    ]);
    expect(eventsOf(turn, "tool.ended")).toMatchObject([{ status: "ok" }]);
    expect(eventsOf(turn, "usage").at(-1)?.total).toMatchObject({
      inputTokens: 150,
      outputTokens: 20,
      cachedTokens: 7,
    });
    expect(eventsOf(turn, "turn.ended")).toMatchObject([{ status: "completed" }]);
    const [create] = fake.requests;
    expect(create).toMatchObject({ operation: "createAgent", body: { config: CONFIG, name: "Signalbox ses_1" } });
    expect(create?.headers["authorization"]).toBe(`Bearer ${KEY}`);
  });

  it("asks before what Omnara asks for, with all that the form shows, and goes on after a yes", async () => {
    const fake = await fakeOmnara(async (agent) => {
      const call = agent.call("run_command", { command: "rm -rf ./build" });
      const asked = agent.ask("permission", PERMISSION);
      await eventually(() => asked.state === "resolved");
      agent.result(call, "succeeded", "gone");
      agent.say("Done.");
    });
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Clean up.", allow);

    const [asked] = eventsOf(turn, "approval.requested");
    expect(asked).toMatchObject({ kind: "tool", reason: "Allow this tool call?", canEditInput: false });
    expect(asked?.title).toContain("Command: rm -rf ./build");
    expect(asked?.options.map(({ effect }) => effect)).toEqual(["allow", "deny"]);
    expect(fake.agent.interactions[0]?.answers).toEqual([{ option_indices: [0] }]);
    expect(eventsOf(turn, "turn.ended")).toMatchObject([{ status: "completed" }]);
  });

  it("brings a no with its reason, after which the agent goes on", async () => {
    const fake = await fakeOmnara(async (agent) => {
      const call = agent.call("run_command", { command: "rm -rf ./build" });
      const asked = agent.ask("permission", PERMISSION);
      await eventually(() => asked.state === "resolved");
      agent.result(call, "denied", "not on a Friday");
      agent.say("Then not.");
    });
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Clean up.", () => ({ decision: "deny", reason: "not on a Friday" }));

    expect(fake.agent.interactions[0]?.answers).toEqual([{ option_indices: [1], text: "not on a Friday" }]);
    expect(eventsOf(turn, "tool.ended")).toMatchObject([{ status: "denied" }]);
    expect(textOf(turn)).toBe("Then not.");
  });

  it("asks an agent's questions, one answer each, with words of one's own where an option takes them", async () => {
    const fake = await fakeOmnara(async (agent) => {
      const asked = agent.ask("question", QUESTION);
      await eventually(() => asked.state === "resolved");
      agent.say("Thanks.");
    });
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Paint it.", () => ({ answers: { "0": ["green"], "1": ["one", "three"] } }));

    const [asked] = eventsOf(turn, "question.requested");
    expect(asked?.questions).toMatchObject([
      { id: "0", text: "Which colour?\nPick one", allowsMany: false, allowsText: true },
      { id: "1", text: "And how many?", allowsMany: true, allowsText: false },
    ]);
    expect(fake.agent.interactions[0]?.answers).toEqual([
      { option_indices: [2], text: "green" },
      { option_indices: [0, 2] },
    ]);
  });

  it("withdraws a question that somebody declines, and says so to the agent", async () => {
    const fake = await fakeOmnara(async (agent) => {
      const asked = agent.ask("question", QUESTION);
      await eventually(() => asked.state === "canceled");
      agent.say("As you wish.");
    });
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Paint it.", () => ({ decision: "deny", reason: "ask later" }));

    expect(eventsOf(turn, "question.resolved")).toMatchObject([{ outcome: "declined" }]);
    const steered = fake.requests.findLast(({ operation }) => operation === "createAgentInput");
    expect(steered?.body).toMatchObject({ delivery_mode: "steering", cancel_open_interactions: true });
    expect(JSON.stringify(steered?.body)).toContain("ask later");
  });

  it("shows a permission form of another shape as the question that it is, and never takes it for a yes or no", async () => {
    const request = { title: "Allow?", questions: [{ prompt: "p", options: [{ label: "Deny" }, { label: "Allow" }] }] };
    const fake = await fakeOmnara((agent) => void agent.ask("permission", request));
    const conversation = await conversationWith(fake, { permissions: "all" });

    await conversation.session.prompt("Go.");
    const asked = await conversation.until("question.requested");

    expect(asked.questions).toMatchObject([{ options: [{ label: "Deny" }, { label: "Allow" }] }]);
    expect(fake.agent.interactions[0]?.state).toBe("open");
  });

  it("finds what the agent waits for though nobody announced it", async () => {
    const fake = await fakeOmnara((agent) => {
      agent.isAnnouncing = false;
      agent.call("run_command", { command: "ls" });
      agent.ask("permission", PERMISSION);
    });
    const conversation = await conversationWith(fake);

    await conversation.session.prompt("Go.");

    expect(await conversation.until("approval.requested")).toMatchObject({ kind: "tool" });
  });

  it("tells of what was answered at Omnara itself", async () => {
    const fake = await fakeOmnara((agent) => {
      agent.call("run_command", { command: "ls" });
      agent.ask("permission", PERMISSION);
    });
    const conversation = await conversationWith(fake);
    await conversation.session.prompt("Go.");
    const asked = await conversation.until("approval.requested");
    const { agent } = fake;

    agent.resolve(agent.interactions[0]?.id ?? "", [{ option_indices: [1] }]);

    expect(await conversation.until("approval.resolved")).toMatchObject({ outcome: "cancelled", by: "agent" });
    const late = conversation.session.answer(asked.requestId, { decision: "allow" });
    await expect(late).rejects.toMatchObject({ code: "UNKNOWN_REQUEST" });
  });

  it("asks again what could not be answered, and lets the first answer at Omnara stand", async () => {
    const fake = await fakeOmnara((agent) => {
      agent.call("run_command", { command: "ls" });
      agent.ask("permission", PERMISSION);
    });
    const conversation = await conversationWith(fake, { limits: { "remote.retries": 1 } });
    await conversation.session.prompt("Go.");
    const asked = await conversation.until("approval.requested");
    fake.fail("resolveAgentInteraction", 503, 503);

    const answering = conversation.session.answer(asked.requestId, { decision: "allow" });

    await expect(answering).rejects.toMatchObject({ code: "CALL_FAILED" });
    const again = await eventually(() => conversation.all("approval.requested")[1]);
    const { agent } = fake;
    agent.resolve(agent.interactions[0]?.id ?? "", [{ option_indices: [1] }]);
    const second = conversation.session.answer(again.requestId, { decision: "allow" });
    // Whether that was seen here before the answer came, or Omnara refused it.
    await expect(second).rejects.toMatchObject({
      code: expect.stringMatching(/CALL_FAILED|UNKNOWN_REQUEST/) as string,
    });
    expect(agent.interactions[0]?.answers).toEqual([{ option_indices: [1] }]);
  });

  it("steers the turn that goes on", async () => {
    const fake = await fakeOmnara((agent) => agent.preview("I begin"));
    const conversation = await conversationWith(fake);
    await conversation.session.prompt("Go.");
    await conversation.until("text.delta");

    await conversation.session.steer("The other way.");
    fake.agent.say("I begin the other way.");
    await conversation.until("turn.ended");

    expect(fake.requests.findLast(({ operation }) => operation === "createAgentInput")?.body).toMatchObject({
      delivery_mode: "steering",
      content_blocks: [{ type: "text", text: "The other way." }],
    });
    expect(textOf(conversation.events)).toBe("I begin the other way.");
    expect(conversation.all("turn.started")).toHaveLength(1);
  });

  it("stops in the middle of a turn, and takes another prompt after", async () => {
    const fake = await fakeOmnara((agent, text) => (text === "slow" ? agent.preview("one") : agent.say("back again")));
    const conversation = await conversationWith(fake);
    await conversation.session.prompt("slow");
    await conversation.until("text.delta");

    await conversation.session.interrupt();

    expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
    expect(fake.operations).toContain("cancelAgent");
    expect(textOf(await conversation.turn("more"))).toBe("back again");
  });

  it("takes back a prompt that the agent has not begun with", async () => {
    const fake = await fakeOmnara((agent) => agent.say("never"));
    fake.isBusy = true;
    const conversation = await conversationWith(fake);

    const prompting = conversation.session.prompt("wait");
    await Promise.all([prompting, conversation.session.interrupt()]);
    fake.admit(fake.agent);

    expect(conversation.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
    expect(fake.operations).toContain("cancelQueuedBacklogInput");
    expect(fake.agent.events).toEqual([]);
  });

  it("stops while it waits for leave, which is then not asked any more", async () => {
    const fake = await fakeOmnara((agent) => void agent.ask("permission", PERMISSION));
    const conversation = await conversationWith(fake);
    await conversation.session.prompt("Go.");
    await conversation.until("approval.requested");

    await conversation.session.interrupt();

    expect(conversation.all("approval.resolved")).toMatchObject([{ outcome: "cancelled", by: "interrupt" }]);
    expect(fake.agent.interactions[0]?.state).toBe("canceled");
  });

  it("does not end its turn with somebody else's, and tells of theirs", async () => {
    const fake = await fakeOmnara((agent) => agent.say("mine"));
    const conversation = await conversationWith(fake);
    await conversation.turn("first");
    const from = conversation.events.length;

    fake.agent.spokenTo("hello from the console");
    await conversation.until("turn.started", from);
    fake.agent.say("theirs");
    await conversation.until("turn.ended", from);

    expect(eventsOf(conversation.events.slice(from), "turn.started")[0]).not.toHaveProperty("prompt");
    expect(textOf(conversation.events.slice(from))).toBe("theirs");
  });

  it("goes on where a broken stream broke: nothing is lost, and nothing told twice", async () => {
    const fake = await fakeOmnara((agent) => agent.preview("One"));
    const conversation = await conversationWith(fake);
    await conversation.session.prompt("Count.");
    await conversation.until("text.delta");
    const { agent } = fake;

    agent.cut();
    const call = agent.call("web_search", { query: "two" }, "One, two.");
    agent.result(call, "succeeded", "found");
    agent.cut();
    agent.say("Three.");
    await conversation.until("turn.ended");

    expect(textOf(conversation.events)).toBe("One, two.Three.");
    expect(conversation.all("tool.ended")).toHaveLength(1);
    const streams = fake.requests.filter(({ operation }) => operation === "streamEvents");
    expect(streams.length).toBeGreaterThan(1);
    expect(Number(streams.at(-1)?.headers["last-event-id"])).toBeGreaterThan(0);
  });

  it.each([
    ["after a gap", 1, "One two three.", "One two three."],
    ["that was another text", 0, "Quite different.", "One threeQuite different."],
  ])("brings the whole answer where its preview is one %s", async (_, skips, whole, said) => {
    const fake = await fakeOmnara((agent) => {
      agent.preview("One");
      agent.delta({ kind: "text_delta", block_index: 0, delta: " three" }, { skips });
      agent.say(whole);
    });
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Count.");

    expect(textOf(turn)).toBe(said);
    expect(eventsOf(turn, "message.done").at(-1)?.text).toBe(whole);
  });

  it.each([
    ["max_tokens", "output_limit"],
    ["refusal", "refused"],
    ["content_filter", "refused"],
    ["error", "agent_error"],
  ])("ends a turn that stopped for %s as failed (%s)", async (stop, code) => {
    const fake = await fakeOmnara((agent) => agent.output(stop, [{ type: "error", text: "the model's words" }]));
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Go.");

    expect(eventsOf(turn, "turn.ended")).toMatchObject([
      { status: "failed", error: { code, message: "the model's words" } },
    ]);
  });
});

describe("calls to Omnara, played by a fake made from its OpenAPI", () => {
  it("are made again where that can help, and do nothing twice", async () => {
    const fake = await fakeOmnara((agent) => agent.say("once"));
    fake.fail("createAgent", 503, "reset");
    fake.fail("createAgentInput", 429, 500);
    const conversation = await conversationWith(fake);

    const turn = await conversation.turn("Go.");

    expect(textOf(turn)).toBe("once");
    expect(fake.agents.size).toBe(1);
    for (const operation of ["createAgent", "createAgentInput"]) {
      const keys = fake.requests
        .filter((each) => each.operation === operation)
        .map(({ headers }) => headers["idempotency-key"]);
      expect(keys).toHaveLength(3);
      expect(new Set(keys).size).toBe(1);
    }
  });

  it.each([
    [401, "authentication", false, 1],
    [403, "authentication", false, 1],
    [429, "rate_limited", true, 2],
    [503, "overloaded", true, 2],
    [400, "invalid_request", false, 1],
  ])(
    "that are refused with %i fail their turn as %s, and the session goes on",
    async (status, code, isRetryable, tries) => {
      const fake = await fakeOmnara((agent) => agent.say("and on"));
      const conversation = await conversationWith(fake, { limits: { "remote.retries": 1 } });
      fake.fail("createAgentInput", ...Array.from({ length: tries }, () => status));

      const turn = await conversation.turn("Go.");

      expect(eventsOf(turn, "turn.ended")).toMatchObject([
        { status: "failed", error: { code, isRetryable, httpStatus: status } },
      ]);
      expect(textOf(await conversation.turn("Again."))).toBe("and on");
    },
  );

  it("that are not answered are given up in time", async () => {
    const fake = await fakeOmnara();
    const conversation = await conversationWith(fake, { limits: { "remote.retries": 1, "call.timeoutMs": 50 } });
    fake.fail("createAgentInput", "hang", "hang");

    const turn = await conversation.turn("Go.");

    expect(eventsOf(turn, "turn.ended")).toMatchObject([
      {
        status: "failed",
        error: { code: "connection", message: expect.stringContaining("no answer in 50 ms") as string },
      },
    ]);
  });

  it("refuse a start in words that do not have the key, whatever Omnara says", async () => {
    const fake = await fakeOmnara();
    fake.faults.push({
      operation: "createAgent",
      status: 401,
      body: JSON.stringify({ error: `no ${KEY}!`, code: "unauthorized" }),
    });

    const starting = omnaraAdapter.start(specOf(fake));

    await expect(starting).rejects.toMatchObject({ code: "HANDSHAKE_FAILED" });
    await expect(starting).rejects.toThrow("omnara: createAgent was answered with 401: no [key]!");
  });

  it("follow nobody elsewhere with the key", async () => {
    const visited: string[] = [];
    await using elsewhere = await listen((request, response) => {
      visited.push(request.url ?? "");
      response.end("{}");
    });
    await using here = await listen((_, response) => response.writeHead(307, { location: elsewhere.url }).end());

    const starting = omnaraAdapter.start(specOf({ baseUrl: here.url }));

    await expect(starting).rejects.toThrow("sends elsewhere");
    expect(visited).toEqual([]);
  });

  it.each([
    ["is no JSON", "hello"],
    ["is not what the published API says", "{}"],
  ])("refuse a start where an answer %s", async (words, body) => {
    await using here = await listen((_, response) => response.end(body));

    await expect(omnaraAdapter.start(specOf({ baseUrl: here.url }))).rejects.toThrow(words);
  });

  it("leave no agent behind where the start fails after the launch", async () => {
    const fake = await fakeOmnara();
    fake.fail("streamEvents", 403);

    await expect(omnaraAdapter.start(specOf(fake))).rejects.toMatchObject({ code: "HANDSHAKE_FAILED" });

    expect(fake.agent.state).toBe("archived");
  });

  it("give a start up that takes too long", async () => {
    const fake = await fakeOmnara();
    fake.fail("createAgent", "hang");

    const starting = omnaraAdapter.start(specOf(fake, { limits: { "handshake.timeoutMs": 50 } }));

    await expect(starting).rejects.toMatchObject({ code: "HANDSHAKE_TIMEOUT" });
  });

  it.each<[string, Partial<AgentStartSpec>]>([
    ["needs an endpoint", { endpoint: undefined as never }],
    ["must be an id of Omnara's", { options: { org: "org_1", project: PROJECT, config: CONFIG } }],
    ["begins with aprf_", { options: { org: ORG, project: PROJECT, config: CONFIG, profile: "../../me" } }],
    ["stands in its agent configuration", { model: "gpt" }],
  ])("are not made for a spec that cannot be: %s", async (words, more) => {
    const fake = await fakeOmnara();

    const starting = omnaraAdapter.start(specOf(fake, more));

    await expect(starting).rejects.toMatchObject({ code: "INVALID_SPEC" });
    await expect(starting).rejects.toThrow(words);
    expect(fake.requests).toEqual([]);
  });
});

describe("the end of a session with Omnara, played by a fake made from its OpenAPI", () => {
  it("keeps the agent, so that the conversation can be gone on with; what it was at is stopped", async () => {
    const fake = await fakeOmnara((agent, text) => (text === "slow" ? agent.preview("one") : agent.say("hello again")));
    const first = await conversationWith(fake);
    await first.session.prompt("slow");
    await first.until("text.delta");
    const exit = await first.close();
    fake.agent.spokenTo("still at it");

    const second = await conversationWith(fake, { resume: { nativeSessionId: first.session.nativeSessionId } });
    const turn = await second.turn("Go on.");

    expect(exit).toMatchObject({ reason: "closed", survivors: [] });
    expect(first.all("turn.ended")).toMatchObject([{ status: "cancelled" }]);
    expect(second.events[0]).toMatchObject({
      type: "session.ready",
      resumed: "loaded",
      nativeSessionId: fake.agent.id,
    });
    expect(fake.operations.filter((operation) => operation === "cancelAgent")).toHaveLength(2);
    expect(textOf(turn)).toBe("hello again");
    expect(fake.agents.size).toBe(1);
  });

  it("gives the agent up when nobody goes on with it", async () => {
    const fake = await fakeOmnara((agent) => agent.say("bye"));
    const conversation = await conversationWith(fake);
    await conversation.turn("Go.");

    await conversation.session.close({ isForGood: true });

    expect(fake.agent.state).toBe("archived");
    await eventually(() => fake.agent.streams === 0);
  });

  it("stops what goes on there, also when it is killed", async () => {
    const fake = await fakeOmnara((agent) => agent.preview("one"));
    const conversation = await conversationWith(fake);
    await conversation.session.prompt("slow");
    await conversation.until("text.delta");

    await conversation.session.close({ graceMs: 0 });

    expect(fake.agent.turnId).toBeUndefined();
  });

  it.each([
    ["is archived", true],
    ["was answered with 404", false],
  ])("leads to a new agent that is told of it, where the old one %s", async (why, isThere) => {
    const fake = await fakeOmnara((agent) => agent.say("hello"));
    const old = await conversationWith(fake);
    if (isThere) fake.agent.archive();
    const nativeSessionId = isThere ? old.session.nativeSessionId : `agt_${"z".repeat(26)}`;

    const transcript = [{ role: "user" as const, text: "remember the blue one" }];
    const next = await conversationWith(fake, { resume: { nativeSessionId, transcript } });
    await next.turn("Go on.");

    expect(next.events[0]).toMatchObject({
      resumed: "bootstrapped",
      resumeFailure: expect.stringContaining(why) as string,
    });
    const said = fake.requests.findLast(({ operation }) => operation === "createAgentInput");
    expect(JSON.stringify(said?.body)).toContain("remember the blue one");
  });

  it("comes when Omnara is away for too long, in the middle of a turn, and says why", async () => {
    const fake = await fakeOmnara((agent) => agent.preview("one"));
    const conversation = await conversationWith(fake, { limits: { "remote.outageMs": 60 } });
    await conversation.session.prompt("slow");
    await conversation.until("text.delta");
    fake.fail("streamEvents", ...Array.from({ length: 1_000 }, () => 503));

    fake.agent.cut();
    const exit = await conversation.until("process.exited");

    expect(exit).toMatchObject({ reason: "crashed", code: 1 });
    expect(exit.stderr).toContain("streamEvents was answered with 503");
    expect(conversation.all("turn.ended")).toMatchObject([{ status: "failed", error: { code: "agent_exited" } }]);
  });

  it("comes at once when Omnara takes the key no more", async () => {
    const fake = await fakeOmnara();
    const conversation = await conversationWith(fake);
    fake.fail("streamEvents", 401);

    fake.agent.cut();

    expect(await conversation.until("process.exited")).toMatchObject({ reason: "crashed" });
  });

  it("does not come from a stream that is silent: it is opened again", async () => {
    const fake = await fakeOmnara();
    const conversation = await conversationWith(fake, { limits: { "remote.silenceMs": 30 } });

    const streams = await eventually(() => {
      const found = fake.requests.filter(({ operation }) => operation === "streamEvents");
      return found.length > 2 ? found : undefined;
    });

    expect(streams.length).toBeGreaterThan(2);
    expect(conversation.all("process.exited")).toEqual([]);
  });
});

describe("an Omnara that talks nonsense, played by a fake made from its OpenAPI", () => {
  it("is forgiven a little, which is told, and then left", async () => {
    const fake = await fakeOmnara();
    const conversation = await conversationWith(fake, { limits: { "line.garbage": 3 } });

    fake.agent.write("event: model_output\ndata: hello\n\n");
    fake.agent.write('event: model_output\ndata: {"turn_id":7}\n\n');
    fake.agent.write("event: tool_result\ndata: {}\n\n");

    expect(await conversation.until("process.exited")).toMatchObject({ reason: "protocol_error" });
    expect(conversation.all("protocol.error")).toHaveLength(3);
  });

  it("is not read on when one message has no end", async () => {
    const fake = await fakeOmnara();
    const conversation = await conversationWith(fake, { limits: { "line.bytes": 1_000, "remote.outageMs": 50 } });
    fake.fail("streamEvents", ...Array.from({ length: 100 }, () => 503));

    fake.agent.write(`data: ${"x".repeat(2_000)}`);

    expect((await conversation.until("process.exited")).stderr).toContain("503");
  });

  it("is held while nobody reads", async () => {
    const fake = await fakeOmnara();
    const session = await omnaraAdapter.start(specOf(fake, { limits: { "queue.events": 10, "queue.bytes": 10_000 } }));
    onTestFinished(() => session.close({ graceMs: 0 }).then(() => undefined));

    const flood = fake.agent.flood("x".repeat(100_000), 1_000);
    const looks: number[] = [];
    await eventually(() => looks.push(flood.said) > 20 && new Set(looks.slice(-20)).size === 1);

    expect(looks.at(-1)).toBeGreaterThan(10);
    expect(looks.at(-1)).toBeLessThan(500);
  });
});
