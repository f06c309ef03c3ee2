import type { Client } from "@signalbox/client";
import type { Gate, Run, Scope, StepInput } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage } from "../_support/find-damage.ts";
import { runCli } from "../_support/run-cli.ts";

const SCOPES: Scope[] = ["runs:read", "runs:write", "sessions:read", "sessions:write", "gates:decide"];

/** Somebody with a token of their own. */
interface Person {
  readonly id: string;
  readonly token: string;
  readonly client: Client;
}

async function newPerson({ client, server }: DevEnv, name: string): Promise<Person> {
  const { id, token } = await client.tokens.create({ name, scopes: SCOPES });
  return { id, token, client: server.client({ token }) };
}

const STEPS: StepInput[] = [
  { name: "ask", tool: "gate:manual" },
  { name: "deploy", tool: "command", needs: ["ask"], inputs: { shell: "echo deployed" } },
];

async function begin({ client }: Person, projectId: string): Promise<{ run: Run; gate: Gate }> {
  const run = await client.runs.create({ projectId, plan: { goal: "ship it", steps: STEPS } });
  const { gates } = await client.runs.get(run.id);
  return { run, gate: gates[0]! };
}

/** How the API answers to a yes: its status and code. */
async function yes({ url }: { url: string }, { token }: Person, path: string, body: object): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const { code, error } = (await answer.json()) as { code?: string; error?: { code: string } };
  return `${answer.status} ${code ?? error?.code ?? "taken"}`;
}

describe("a project that wants another to say yes than who asked", () => {
  let env: DevEnv;
  let ann: Person;
  let bob: Person;
  beforeAll(async () => {
    env = await startDevEnv();
    ann = await newPerson(env, "ann");
    bob = await newPerson(env, "bob");
    await runCli(env.server, ["projects", "set", "shop", "--self-approval", "refused"]);
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("refuses who asked over every face, shows them why, and takes the yes of another", async () => {
    const { run, gate } = await begin(ann, "shop");
    const { url } = env.server;

    const refusals = [
      await yes(env.server, ann, `/api/v1/gates/${gate.id}/approve`, {}),
      await yes(env.server, ann, `/api/v1/approvals/${gate.id}/resolve`, { decision: "allow" }),
      await yes(env.server, ann, `/gates/${gate.id}/approve`, {}),
    ];
    const shown = await runCli({ url, token: ann.token }, ["approvals", "show", gate.id]);
    await bob.client.gates.approve(gate.id, { contentHash: gate.contentHash });
    const { run: ended } = await env.client.runs.wait(run.id);

    expect(refusals).toEqual(["403 SELF_APPROVAL", "403 SELF_APPROVAL", "403 SELF_APPROVAL"]);
    expect(shown).toContain(`anybody who may decide, but not ${ann.id}, who asked for it`);
    expect(ended.status).toBe("succeeded");
  });

  it("lets who asked take it back", async () => {
    const { run, gate } = await begin(ann, "shop");

    await ann.client.gates.reject(gate.id, { contentHash: gate.contentHash });

    expect((await env.client.runs.wait(run.id)).run).toMatchObject({ status: "failed", reason: "gate_denied" });
  });

  it("holds to that for what is asked in a session, and leaves the questions of its agent to who works with it", async () => {
    const script = JSON.stringify({
      turns: [
        {
          steps: [
            { do: "write", path: "hello.txt", text: "hi" },
            { do: "say", text: "Done." },
          ],
        },
      ],
    });
    const talk: StepInput = {
      name: "talk",
      tool: "agent:scripted",
      inputs: { task: "Go", mode: "interactive", script },
    };
    await ann.client.runs.create({ projectId: "shop", plan: { goal: "talk", steps: [talk] } });
    const asked = await eventually(
      async () => (await ann.client.approvals.list({ state: "pending" })).items[0] ?? false,
    );
    const { sessionId = "" } = asked;
    await ann.client.approvals.resolve(asked.approvalId, { decision: "allow", contentHash: asked.contentHash });
    const leave = await bob.client.sessions.requestApproval(sessionId, { action: "merge" });
    const path = `/api/v1/approvals/${leave.approvalId}/resolve`;
    const body = { decision: "allow", contentHash: leave.contentHash };

    const answers = [await yes(env.server, ann, path, body), await yes(env.server, bob, path, body)];
    const admin = await env.client.approvals.resolve(leave.approvalId, { decision: "allow" });

    expect(asked).not.toHaveProperty("selfApproval");
    expect(answers).toEqual(["403 SELF_APPROVAL", "403 SELF_APPROVAL"]);
    expect(admin.state).toBe("allowed");
    await env.client.sessions.stop(sessionId);
  });

  it("leaves other projects as they were", async () => {
    const { run, gate } = await begin(ann, "garden");

    await ann.client.gates.approve(gate.id);

    expect((await env.client.runs.wait(run.id)).run.status).toBe("succeeded");
  });
});

describe("whoever said yes", () => {
  it("has said nothing once their token is revoked: what they let through is asked again, also over a kill", async () => {
    await using env = await startDevEnv({ runners: 0 });
    const [ann, bob] = [await newPerson(env, "ann"), await newPerson(env, "bob")];
    const { run, gate } = await begin(ann, "shop");
    await bob.client.gates.approve(gate.id, { contentHash: gate.contentHash });
    await env.client.tokens.revoke(bob.id);
    await env.server.kill();
    await env.server.start();

    await env.addRunner();
    const again = await eventually(
      async () => (await env.client.runs.get(run.id)).gates.find(({ status }) => status === "pending") ?? false,
      { timeoutMs: 20_000 },
    );
    const held = await env.client.runs.get(run.id);
    const waiting = await env.client.runs.waiting(run.id);
    await env.client.gates.approve(again.id, { contentHash: again.contentHash });
    const { run: ended } = await env.client.runs.wait(run.id);

    expect(again).toMatchObject({ step: "ask", content: { guards: gate.content.guards } });
    expect(again.contentHash).not.toBe(gate.contentHash);
    expect(held.steps[1]).toMatchObject({ status: "ready", attempts: [] });
    expect(waiting).toMatchObject([{ step: "deploy", reason: "gate" }]);
    expect(ended.status).toBe("succeeded");
    expect(await findDamage(env.server)).toEqual([]);
  });
});
