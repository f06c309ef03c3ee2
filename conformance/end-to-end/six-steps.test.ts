import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { PlanInput } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { Child } from "../_support/child.ts";
import { findDamage } from "../_support/find-damage.ts";
import { makeGitRepository } from "../_support/git-repository.ts";

const CLI = join(import.meta.dirname, "../../apps/cli/src/main.ts");
const NAMES = ["write", "build", "test", "review", "deploy", "report"];

const PLAN: PlanInput = {
  goal: "Greet the world in production",
  steps: [
    {
      name: "write",
      tool: "codegen",
      inputs: {
        prompt: "Write a greeting",
        script: [
          { do: "say", text: "thinking of a greeting" },
          { do: "write", path: "src/greeting.js", text: "export const greeting = 'hello, world';\n" },
          { do: "plan", entries: [{ text: "Write it", status: "completed" }] },
        ],
      },
    },
    {
      name: "build",
      tool: "command",
      inputs: { shell: "mkdir -p dist && cp src/greeting.js dist/ && echo built $(git rev-parse --abbrev-ref HEAD)" },
      artifacts: ["dist/greeting.js"],
    },
    { name: "test", tool: "gate:test" },
    { name: "review", tool: "gate:manual", inputs: { description: "Is this a greeting for the world?" } },
    { name: "deploy", tool: "deploy:production", inputs: { version: "1.2.3" } },
    { name: "report", tool: "command", inputs: { shell: "echo '# It is live' > REPORT.md" }, artifacts: ["REPORT.md"] },
  ],
};

const PROJECT_FILES = {
  "package.json": JSON.stringify({ name: "greeter", type: "module", scripts: { test: "node check.js" } }),
  "check.js":
    "import { greeting } from './src/greeting.js';\nif (!greeting.includes('world')) process.exit(1);\nconsole.log('1 check passed');\n",
  "README.md": "# greeter\n",
};

describe("a plan of six steps with a gate, on a git repository", () => {
  let env: DevEnv;
  beforeAll(async () => {
    env = await startDevEnv({ runner: { sandbox: "auto" } });
    const url = await makeGitRepository(env.dir.file("repository"), PROJECT_FILES);
    await env.client.projects.put("greeter", {
      repo: { url, branch: "main" },
      commands: { "deploy:production": { shell: 'echo "live: $SIGNALBOX_INPUT_VERSION" | tee deployed.txt' } },
    });
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("is watched by curl and approved over HTTP", async () => {
    const { id } = await env.client.runs.create({ projectId: "greeter", plan: PLAN });
    await using curl = new Child(
      [
        "curl",
        "--silent",
        "--no-buffer",
        "-H",
        `Authorization: Bearer ${env.server.token}`,
        `${env.server.url}/runs/${id}/stream`,
      ],
      { env: {} },
    );
    await curl.says("gate.pending");
    const [gate] = (await env.client.gates.list({ runId: id })).items;
    const approval = await env.server.post(`/gates/${gate?.id}/approve`, { note: "fine" });
    const curlEnd = await curl.ended;
    const { run, steps, artifacts } = await env.client.runs.wait(id);

    expect(approval.status).toBe(200);
    expect(curlEnd.code).toBe(0);
    const messages = readMessages(curl.said);
    expect(messages[0]?.event).toBe("init");
    expect(new Set(messages.slice(1).map(({ event }) => event))).toEqual(new Set(["append"]));
    const types = messages.flatMap(({ items }) => items.map(({ event_type }) => event_type));
    expect(types.at(0)).toBe("run.created");
    expect(types.at(-1)).toBe("run.succeeded");
    expect(types).toHaveLength(run.lastSeq);
    expect(run.status).toBe("succeeded");
    expect(steps.map(({ name, status }) => `${name} ${status}`)).toEqual(NAMES.map((name) => `${name} succeeded`));
    expect(artifacts.map(({ path }) => path).sort()).toEqual(["REPORT.md", "dist/greeting.js", "src/greeting.js"]);
    expect(await findDamage(env.server)).toEqual([]);
  });

  it("is started, watched and approved by the CLI", async () => {
    const plan = env.dir.file("plan.yaml");
    await writeFile(plan, stringify(PLAN));
    const cliEnv = { HOME: env.dir.path, SIGNALBOX_URL: env.server.url, SIGNALBOX_TOKEN: env.server.token };
    const cli = (...args: string[]) => new Child([process.execPath, CLI, ...args], { env: cliEnv });

    await using watching = cli("run", plan, "--project", "greeter");
    await watching.says("waits for a decision");
    const gateId = /signalbox approve (gate_[\w.]+)/.exec(watching.said)?.[1] ?? "";
    const { contentHash } = await env.client.gates.get(gateId);
    await using approving = cli("approve", gateId, "--yes", "--hash", contentHash, "--note", "fine");
    const ends = await Promise.all([watching.ended, approving.ended]);

    expect(ends.map(({ code }) => code)).toEqual([0, 0]);
    for (const name of NAMES) expect(watching.said).toMatch(new RegExp(`^${name}: succeeded|^${name}: approved`, "m"));
    expect(watching.said).toContain("deploy | live: 1.2.3");
    expect(watching.said).toContain("thinking of a greeting");
  });

  it("keeps files and artifacts after its runner is gone, and hands them to a run made from it", async () => {
    const { id } = await env.client.runs.create({
      projectId: "greeter",
      plan: { ...PLAN, steps: PLAN.steps.filter(({ name }) => name !== "review") },
    });
    const { run, artifacts } = await env.client.runs.wait(id);
    await env.runner.kill();

    const files = await env.client.files.list(id);
    const deployed = await (await env.server.fetch(`/api/v1/runs/${id}/files/deployed.txt`)).text();
    const report = artifacts.find(({ path }) => path === "REPORT.md");
    const content = await (await env.server.fetch(`/api/v1/artifacts/${report?.id}/content`)).text();
    await env.addRunner();
    const clone = await env.client.runs.create({
      projectId: "greeter",
      fromRunId: id,
      command: "cat deployed.txt src/greeting.js && ls check.js",
    });
    const cloned = await env.client.runs.wait(clone.id);

    expect(run.status).toBe("succeeded");
    expect(files.files.map(({ path }) => path)).toEqual(
      expect.arrayContaining(["REPORT.md", "deployed.txt", "dist/greeting.js", "src/greeting.js"]),
    );
    expect(deployed).toBe("live: 1.2.3\n");
    expect(content).toBe("# It is live\n");
    expect(cloned.run.status).toBe("succeeded");
    const output = await eventually(async () =>
      (await env.server.fetch(`/api/v1/runs/${clone.id}/output?format=raw`)).text(),
    );
    expect(output).toContain("live: 1.2.3");
    expect(output).toContain("hello, world");
  });

  it("ends when somebody says no", async () => {
    const { id } = await env.client.runs.create({
      projectId: "greeter",
      plan: { ...PLAN, steps: PLAN.steps.slice(3, 5) },
    });
    const gate = await eventually(async () => (await env.client.gates.list({ runId: id })).items[0]);
    await env.client.gates.reject(gate.id, { note: "not yet", contentHash: gate.contentHash });
    const { run, steps } = await env.client.runs.wait(id);

    expect(run).toMatchObject({ status: "failed", reason: "gate_denied" });
    expect(steps.map(({ status }) => status)).toEqual(["failed", "skipped"]);
  });
});

interface Message {
  readonly event: string;
  readonly items: readonly { readonly event_type: string }[];
}

/** The messages of an event stream, as a browser would take them apart. */
function readMessages(text: string): Message[] {
  const blocks = text.split("\n\n").filter((block) => block.includes("event: "));
  return blocks.map((block) => {
    const lines = block.split("\n");
    const data = lines
      .filter((line) => line.startsWith("data: "))
      .map((line) => line.slice(6))
      .join("\n");
    const event = lines.find((line) => line.startsWith("event: "))?.slice(7) ?? "";
    return { event, items: JSON.parse(data) as Message["items"] };
  });
}
