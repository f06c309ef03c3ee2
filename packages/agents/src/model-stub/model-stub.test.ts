import { once } from "node:events";
import { connect } from "node:net";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { askStub, DIALECTS, eventsOf, toldBy, TOOLS } from "../../test/ask-stub.ts";
import type { Asking } from "../../test/ask-stub.ts";
import type { DialectName } from "./dialect.ts";
import { startModelStub } from "./model-stub.ts";
import type { ModelStub } from "./model-stub.ts";
import { stubPrompt } from "./scenario.ts";
import type { ScenarioInput } from "./scenario.ts";

describe.each(DIALECTS)("the model stub, asked in the words of %s", (dialect) => {
  it("says a text in pieces, with what it used", async () => {
    await using stub = await startModelStub();

    const events = await ask(stub, dialect, { scenario: "text", text: "One two three" });

    const told = toldBy(dialect, events);
    expect(told).toMatchObject({ text: "One two three", thought: "", calls: [] });
    expect(events.filter(({ data }) => /One|two|three/.test(JSON.stringify(data))).length).toBeGreaterThanOrEqual(3);
    expect(told.usage).toEqual(USAGE[dialect]);
  });

  it("thinks before it speaks", async () => {
    await using stub = await startModelStub();

    const told = toldBy(dialect, await ask(stub, dialect, { scenario: "think", thought: "Hm.", text: "Yes." }));

    expect(told).toMatchObject({ thought: "Hm.", text: "Yes." });
  });

  it("writes a file with the tool that the agent has, and then tells what the tool answered", async () => {
    await using stub = await startModelStub();
    const scenario = { scenario: "write_file", path: "a.txt", content: "one\ntwo\n" } as const;

    const first = toldBy(dialect, await ask(stub, dialect, scenario));
    const results = [{ name: first.calls[0]!.name, text: "it was denied", isError: true }];
    const second = toldBy(dialect, await ask(stub, dialect, scenario, { results }));

    expect(first.calls).toEqual([WRITES[dialect]]);
    expect(second).toMatchObject({ text: "The tool answered: it was denied", calls: [] });
    expect(stub.requests.map(({ step }) => step)).toEqual([0, 1]);
    expect(stub.requests[1]?.toolResults).toMatchObject([{ text: "it was denied" }]);
  });

  it("runs a command", async () => {
    await using stub = await startModelStub();

    const told = toldBy(dialect, await ask(stub, dialect, { scenario: "run_command", command: "ls" }));

    expect(told.calls).toEqual([RUNS[dialect]]);
  });

  it("makes a plan, writes a file and completes the plan", async () => {
    await using stub = await startModelStub();
    const scenario = { scenario: "plan_and_write", path: "a.txt", content: "x" } as const;
    const results: { name: string; text: string }[] = [];
    const called: (string | undefined)[] = [];

    for (let step = 0; step < 4; step++) {
      const [call] = toldBy(dialect, await ask(stub, dialect, scenario, { results })).calls;
      called.push(call?.name);
      results.push({ name: call?.name ?? "", text: `done ${step}` });
    }

    expect(called).toEqual([PLANS[dialect], WRITES[dialect].name, PLANS[dialect], undefined]);
  });

  it("only writes the file when the agent has no tool for plans", async () => {
    await using stub = await startModelStub();
    const scenario = { scenario: "plan_and_write", path: "a.txt", content: "x" } as const;
    const tools = TOOLS[dialect].filter((name) => name !== PLANS[dialect]);

    const first = toldBy(dialect, await ask(stub, dialect, scenario, { tools }));
    const results = [{ name: "write", text: "ok" }];
    const second = toldBy(dialect, await ask(stub, dialect, scenario, { tools, results }));

    expect(first.calls.map(({ name }) => name)).toEqual([WRITES[dialect].name]);
    expect(second.calls).toEqual([]);
  });

  it("asks a question", async () => {
    await using stub = await startModelStub();

    const told = toldBy(
      dialect,
      await ask(stub, dialect, { scenario: "ask", question: "Tea?", options: ["yes", "no"] }),
    );

    expect(JSON.stringify(told.calls)).toMatch(/"question":"Tea\?".*"label":"yes".*"label":"no"/);
  });

  it("says so when the agent has no tool for what the scenario wants", async () => {
    await using stub = await startModelStub();

    const told = toldBy(dialect, await ask(stub, dialect, { scenario: "ask" }, { tools: ["other"] }));

    expect(told).toMatchObject({ text: "The agent offers no tool to ask; it offers other.", calls: [] });
    expect(stub.requests[0]?.problem).toContain("no tool to ask");
  });

  it("plays any course, with several calls at once", async () => {
    await using stub = await startModelStub();
    const scenario: ScenarioInput = {
      scenario: "steps",
      steps: [
        {
          think: "Two at once.",
          calls: [
            { tool: "run_command", command: "a" },
            { tool: "run_command", command: "b" },
          ],
        },
        { say: "{result}", calls: [{ tool: "native", name: TOOLS[dialect][0]!, input: { x: 1 } }] },
        { say: "the end" },
      ],
    };
    const results = (count: number) => Array.from({ length: count }, (_, index) => ({ name: "x", text: `r${index}` }));

    const answers = [];
    for (const count of [0, 1, 2, 3]) {
      answers.push(toldBy(dialect, await ask(stub, dialect, scenario, { results: results(count) })));
    }

    expect(answers.map(({ text }) => text)).toEqual(["", "r0", "r1", "the end"]);
    expect(answers.map(({ calls }) => calls.length)).toEqual([2, 1, 1, 0]);
    expect(stub.requests.map(({ step }) => step)).toEqual([0, 1, 1, 2]);
  });

  it("answers without a stream what it would have said in one", async () => {
    await using stub = await startModelStub();
    const scenario = { scenario: "write_file", path: "a.txt", content: "one\ntwo\n" } as const;

    const response = await askStub(stub.url, dialect, { prompt: stubPrompt(scenario), isStreaming: false });

    const body = JSON.stringify(await response.json());
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(body).toContain("I write a.txt.");
    expect(body).toContain(WRITES[dialect].name);
  });

  it.each([400, 401, 429, 500, 529])("refuses with %i", async (status) => {
    await using stub = await startModelStub();
    const scenario = { scenario: "error", status, retryAfterS: 7 } as const;

    const response = await askStub(stub.url, dialect, { prompt: stubPrompt(scenario) });

    expect(response.status).toBe(status);
    expect(response.headers.get("retry-after")).toBe("7");
    expect(await response.json()).toMatchObject(ERRORS[dialect]);
    expect(stub.requests[0]).toMatchObject({ status, outcome: "refused", problem: undefined });
  });

  it("cuts the connection in the middle of an answer", async () => {
    await using stub = await startModelStub();

    const response = await askStub(stub.url, dialect, { prompt: stubPrompt({ scenario: "cut", pieces: 3 }) });
    const { text, error } = await readUntilCut(response);

    expect(text.match(/"cut "/g)).toHaveLength(3);
    expect(error).toBeInstanceOf(Error);
    expect(stub.requests[0]?.outcome).toBe("cut");
  });

  it("notices that nobody listens to a slow answer any more", async () => {
    await using stub = await startModelStub();
    const leaving = new AbortController();
    const prompt = stubPrompt({ scenario: "slow", pieces: 1_000, intervalMs: 20 });
    const response = await askStub(stub.url, dialect, { prompt, signal: leaving.signal });
    const reader = response.body!.getReader();
    await reader.read();
    expect(stub.requests[0]?.outcome).toBe("open");

    leaving.abort();

    await eventually(() => stub.requests[0]?.outcome === "aborted");
    await expect(reader.closed).rejects.toThrow();
  });

  it("never answers when it is to be silent", async () => {
    await using stub = await startModelStub();
    const leaving = new AbortController();
    const asked = askStub(stub.url, dialect, { prompt: stubPrompt({ scenario: "silence" }), signal: leaving.signal });
    asked.catch(() => undefined);
    await eventually(() => stub.requests[0]?.scenario === "silence");

    leaving.abort();

    await expect(asked).rejects.toThrow();
    await eventually(() => stub.requests[0]?.outcome === "aborted");
  });

  it("tells how many messages came before, so that a resumed session shows", async () => {
    await using stub = await startModelStub();
    const earlier = [
      ["What is up?", "Not much."],
      ["And now?", "The same."],
    ] as const;

    const told = toldBy(dialect, await ask(stub, dialect, { scenario: "recall" }, { earlier }));

    expect(told.text).toBe("I was sent 4 earlier messages. The first was: What is up?");
    expect(stub.requests[0]?.earlierMessages).toBe(4);
  });

  it("says what the scenario wants it to have used", async () => {
    await using stub = await startModelStub();
    const usage = { input: 100, cached: 40, output: 9, reasoning: 2 };

    const told = toldBy(dialect, await ask(stub, dialect, { scenario: "text", usage }));

    const wires = { openai: usage, anthropic: { input: 60, cached: 40, output: 9 }, gemini: { ...usage, output: 7 } };
    expect(told.usage).toEqual(wires[dialect]);
  });

  it.each([
    { what: "no tools", asking: { prompt: stubPrompt({ scenario: "silence" }), tools: [] } },
    { what: "no scenario", asking: { prompt: "Think of a title" } },
  ])("answers a request with $what shortly, and calls nothing", async ({ asking }) => {
    await using stub = await startModelStub();

    const told = toldBy(dialect, await eventsOf(await askStub(stub.url, dialect, asking)));

    expect(told).toMatchObject({ text: "Model stub", calls: [] });
    expect(stub.requests[0]?.scenario).toBeUndefined();
  });

  it("refuses a scenario that cannot be read, and says why", async () => {
    await using stub = await startModelStub();

    const response = await askStub(stub.url, dialect, { prompt: '[[model-stub {"scenario":"dance"}]]' });

    expect(response.status).toBe(400);
    expect(stub.requests[0]?.problem).toContain("scenario");
  });

  it("records what it was sent, and no key", async () => {
    await using stub = await startModelStub({ apiKey: "sk-secret-key" });
    const prompt = stubPrompt({ scenario: "text" });

    await askStub(stub.url, dialect, { prompt, key: "sk-secret-key" });
    const refused = await askStub(stub.url, dialect, { prompt, key: "another-key" });

    const [let_in, kept_out] = stub.requests;
    expect(let_in).toMatchObject({
      method: "POST",
      userAgent: "agent/1.2.3",
      dialect,
      model: "some-model",
      tools: TOOLS[dialect],
      prompt,
      scenario: "text",
      status: 200,
    });
    expect(let_in?.credential).toMatch(/: sk-s… \(13 characters\)$/);
    expect(JSON.stringify(stub.requests)).not.toContain("secret-key");
    expect(refused.status).toBe(401);
    expect(kept_out).toMatchObject({ status: 401, outcome: "refused", scenario: undefined });
  });
});

describe("the model stub", () => {
  it("answers sessions at once, each as its own prompt says", async () => {
    await using stub = await startModelStub();

    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => {
        const dialect = DIALECTS[index % DIALECTS.length]!;
        return toldBy(dialect, await ask(stub, dialect, { scenario: "text", text: `I am ${index}` })).text;
      }),
    );

    expect(answers).toEqual(Array.from({ length: 60 }, (_, index) => `I am ${index}`));
  });

  it("takes tools that Claude Code names without describing", async () => {
    await using stub = await startModelStub();
    const told =
      "The following deferred tools are now available via ToolSearch. Load them first:\nTaskCreate\nTaskUpdate\n\nMore.";
    const scenario = { scenario: "plan_and_write", path: "a", content: "b" } as const;

    const response = await fetch(`${stub.url}/v1/messages`, {
      method: "POST",
      body: JSON.stringify({
        model: "m",
        stream: true,
        tools: [{ name: "Write" }],
        messages: [
          { role: "user", content: stubPrompt(scenario) },
          { role: "system", content: [{ type: "text", text: told }] },
        ],
      }),
    });

    const { calls } = toldBy("anthropic", await eventsOf(response));
    expect(calls.map(({ name }) => name)).toEqual(["TaskCreate", "TaskCreate"]);
  });

  it("answers a router of Gemini CLI with JSON", async () => {
    await using stub = await startModelStub();

    const response = await fetch(`${stub.url}/v1beta/models/m:generateContent`, {
      method: "POST",
      body: JSON.stringify({
        contents: [{ role: "user", parts: [{ text: "Which model?" }] }],
        generationConfig: { responseMimeType: "application/json" },
      }),
    });

    const { candidates } = (await response.json()) as { candidates: { content: { parts: { text: string }[] } }[] };
    expect(JSON.parse(candidates[0]!.content.parts[0]!.text)).toMatchObject({ model_choice: "flash" });
  });

  it.each([
    { path: "/v1/models", headers: {}, has: { data: [{ id: "stub-model" }] } },
    { path: "/v1/models", headers: { "anthropic-version": "2023-06-01" }, has: { data: [{ display_name: "Stub" }] } },
    { path: "/v1beta/models", headers: {}, has: { models: [{ name: "models/stub-model" }] } },
  ])("lists one model at $path", async ({ path, headers, has }) => {
    await using stub = await startModelStub();

    const response = await fetch(`${stub.url}${path}`, { headers });

    expect(await response.json()).toMatchObject(has);
  });

  it.each([
    { path: "/v1/messages/count_tokens", has: { input_tokens: 1234 } },
    { path: "/v1beta/models/m:countTokens", has: { totalTokens: 1234 } },
  ])("counts tokens at $path", async ({ path, has }) => {
    await using stub = await startModelStub();

    const response = await fetch(`${stub.url}${path}`, { method: "POST", body: "{}" });

    expect(await response.json()).toEqual(has);
  });

  it.each([
    { what: "an address that it does not have", path: "/v1/else", body: "{}", status: 404 },
    { what: "no JSON", path: "/v1/messages", body: "{", status: 400 },
    { what: "no request", path: "/v1/responses", body: '{"model":1}', status: 400 },
    {
      what: "a stream that is none",
      path: "/v1beta/models/m:streamGenerateContent",
      body: '{"contents":1}',
      status: 400,
    },
  ])("refuses $what", async ({ path, body, status }) => {
    await using stub = await startModelStub();

    const response = await fetch(`${stub.url}${path}`, { method: "POST", body });

    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty("error");
    expect(stub.requests[0]).toMatchObject({ status, outcome: "refused" });
  });

  it("refuses a body that it cannot read", async () => {
    await using stub = await startModelStub();

    const response = await fetch(`${stub.url}/v1/responses`, {
      method: "POST",
      headers: { "content-encoding": "zstd" },
      body: "xx",
    });

    expect(response.status).toBe(415);
  });

  it("refuses WebSockets, so that agents fall back to HTTP", async () => {
    await using stub = await startModelStub();
    const socket = connect(stub.port, "127.0.0.1");
    socket.write("GET /v1/responses HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");

    const [answer] = (await once(socket.setEncoding("utf8"), "data")) as [string];

    expect(answer).toMatch(/^HTTP\/1\.1 426 /);
  });

  it("hides a key that stands in the query", async () => {
    await using stub = await startModelStub();

    await fetch(`${stub.url}/v1beta/models?key=sk-secret-key`);

    expect(stub.requests[0]).toMatchObject({ credential: "query: sk-s… (13 characters)" });
    expect(stub.requests[0]?.path).not.toContain("secret");
  });

  it("keeps the last thousand requests", async () => {
    await using stub = await startModelStub();
    for (let index = 0; index < 1_005; index++) await fetch(`${stub.url}/${index}`);

    expect(stub.requests).toHaveLength(1_000);
    expect(stub.requests[0]?.path).toBe("/5");
  });

  it("is gone when it is disposed of, whatever is open", async () => {
    const stub = await startModelStub();
    const response = await askStub(stub.url, "openai", {
      prompt: stubPrompt({ scenario: "slow", intervalMs: 60_000 }),
    });

    await stub[Symbol.asyncDispose]();
    await stub[Symbol.asyncDispose]();

    await expect(response.text()).rejects.toThrow();
    await expect(fetch(stub.url)).rejects.toThrow();
  });
});

async function ask(stub: ModelStub, dialect: DialectName, scenario: ScenarioInput, asking: Partial<Asking> = {}) {
  const response = await askStub(stub.url, dialect, { prompt: stubPrompt(scenario), ...asking });
  expect(response.status).toBe(200);
  return eventsOf(response);
}

async function readUntilCut(response: Response): Promise<{ text: string; error: unknown }> {
  let text = "";
  const decoder = new TextDecoder();
  try {
    for await (const chunk of response.body!) text += decoder.decode(chunk, { stream: true });
  } catch (error) {
    return { text, error };
  }
  return { text, error: undefined };
}

/** The same tokens, as each wire counts them. */
const USAGE: Readonly<Record<DialectName, object>> = {
  openai: { input: 1234, cached: 1000, output: 56, reasoning: 7 },
  anthropic: { input: 234, cached: 1000, output: 56 },
  gemini: { input: 1234, cached: 1000, output: 49, reasoning: 7 },
};

const PATCH = "*** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** End Patch\n";
const WRITES: Readonly<Record<DialectName, { readonly name: string; readonly input: unknown }>> = {
  openai: { name: "apply_patch", input: PATCH },
  anthropic: { name: "Write", input: { file_path: "a.txt", content: "one\ntwo\n" } },
  gemini: { name: "write_file", input: { file_path: "a.txt", content: "one\ntwo\n" } },
};

const RUNS: Readonly<Record<DialectName, { readonly name: string; readonly input: unknown }>> = {
  openai: { name: "exec_command", input: { cmd: "ls" } },
  anthropic: { name: "Bash", input: { command: "ls", description: "Run a command" } },
  gemini: { name: "run_shell_command", input: { command: "ls", description: "Run a command" } },
};

const PLANS: Readonly<Record<DialectName, string>> = {
  openai: "update_plan",
  anthropic: "TodoWrite",
  gemini: "write_todos",
};

/** What each wire has for an error, as a pattern. */
const ERRORS: Readonly<Record<DialectName, object>> = {
  openai: { error: { type: expect.any(String), message: expect.any(String) } },
  anthropic: { type: "error", error: { type: expect.any(String), message: expect.any(String) } },
  gemini: { error: { code: expect.any(Number), status: expect.any(String), message: expect.any(String) } },
};
