import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { StepInput } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage, readOutput } from "../_support/find-damage.ts";

const SECRET = "correct-horse-battery-staple-7781";

describe("a run on a real server and runner", () => {
  let env: DevEnv;
  beforeAll(async () => {
    env = await startDevEnv();
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("does steps side by side that do not need each other, and then what needs both", async () => {
    const [left, right] = [env.dir.file("left"), env.dir.file("right")];
    const meet = (own: string, theirs: string) =>
      `touch ${own}; until [ -e ${theirs} ]; do sleep 0.02; done; echo met > $SIGNALBOX_STEP.txt`;
    const { run, steps } = await runOf([
      step("left", meet(left, right), { needs: [] }),
      step("right", meet(right, left), { needs: [] }),
      step("both", "cat left.txt right.txt", { needs: ["left", "right"] }),
    ]);

    expect(run.status).toBe("succeeded");
    expect(steps.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
    expect(await textOf(run.id, "both")).toBe("met\nmet\n");
  });

  it("tries a step again as often as the step says, and no more", async () => {
    const count = env.dir.file("count");
    const third = `echo x >> ${count}; [ $(wc -l < ${count}) -ge 3 ]`;
    const retry = { maxAttempts: 3, initialDelayMs: 10 };
    const lucky = await runOf([step("third", third, { retry })]);
    const unlucky = await runOf([step("never", "exit 3", { retry }), step("after", "true")]);

    expect(lucky.run.status).toBe("succeeded");
    expect(lucky.steps[0]?.attempts.map(({ status }) => status)).toEqual(["failed", "failed", "succeeded"]);
    expect(unlucky.run).toMatchObject({ status: "failed", reason: "tool_failure" });
    expect(unlucky.steps.map(({ status, attempts }) => [status, attempts.length])).toEqual([
      ["failed", 3],
      ["skipped", 0],
    ]);
  });

  it("ends a step at its time limit", async () => {
    const { run } = await runOf([step("slow", "sleep 60", { timeoutMs: 300 })]);

    expect(run).toMatchObject({ status: "failed", reason: "timeout" });
  });

  it("is cancelled within a second", async () => {
    const times: number[] = [];
    for (let tries = 0; tries < 3 && !(Math.min(...times) < 1_000); tries++) {
      const { id } = await env.client.runs.create({ command: "sleep 300" });
      await eventually(async () => (await env.client.runs.get(id)).steps[0]?.status === "running");
      const startedMs = performance.now();
      await env.client.runs.cancel(id);
      expect((await env.client.runs.wait(id)).run).toMatchObject({ status: "cancelled", reason: "cancelled" });
      times.push(performance.now() - startedMs);
    }

    expect(Math.min(...times)).toBeLessThan(1_000);
  });

  it("does one step at a time of those with the same concurrency key", async () => {
    const [busy, overlaps] = [env.dir.file("busy"), env.dir.file("overlaps")];
    const alone = step("alone", `mkdir ${busy} || echo x >> ${overlaps}; sleep 0.15; rmdir ${busy}`, {
      concurrencyKey: "the-one",
    });
    const runs = await Promise.all(Array.from({ length: 4 }, () => runOf([alone])));

    expect(runs.map(({ run }) => run.status)).toEqual(Array.from(runs, () => "succeeded"));
    expect(await readFile(overlaps, "utf8").catch(() => "")).toBe("");
  });

  it("shows a step the entries that it may see, and keeps secrets out of everything that is stored", async () => {
    await env.client.projects.put("vault", { env: { SEEN: "yes", HIDDEN: "no" } });
    await env.client.projects.putSecret("vault", { scope: "deploy", name: "DEPLOY_KEY" }, SECRET);
    const shell =
      'echo "seen=$SEEN hidden=$HIDDEN"; echo "key: $DEPLOY_KEY"; printf %s "$DEPLOY_KEY" | base64; [ ${#DEPLOY_KEY} -eq 33 ]';
    const { run } = await runOf([step("use", shell, { envAllowed: ["SEEN"], secretsScope: "deploy" })], "vault");
    const without = await runOf([step("look", 'echo "key=$DEPLOY_KEY."')], "vault");
    const text = await textOf(run.id, "use");

    expect(run.status).toBe("succeeded");
    expect(text).toContain("seen=yes hidden=\n");
    expect(await textOf(without.run.id, "look")).toBe("key=.\n");
    for (const form of [SECRET, Buffer.from(SECRET).toString("base64")]) {
      expect(text).not.toContain(form);
      expect(await filesWith(env.dir.path, form)).toEqual([]);
    }
  });

  it("waits while its runner is drained, and says so", async () => {
    await env.client.runners.drain(env.runner.id);
    const { id } = await env.client.runs.create({ command: "true" });
    const [reason] = await eventually(async () => {
      const reasons = await env.client.runs.waiting(id);
      return reasons.length > 0 && reasons;
    });
    await env.client.runners.resume(env.runner.id);
    const { run } = await env.client.runs.wait(id);

    expect(reason?.reason).toBe("runner_draining");
    expect(run.status).toBe("succeeded");
  });

  it("is for those who may: by scope, and not after a revocation", async () => {
    const { id, token } = await env.client.tokens.create({ name: "reader", scopes: ["runs:read"] });
    const as = (path: string, method = "GET", bearer = token) =>
      env.server.fetch(path, {
        method,
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        ...(method === "POST" ? { body: '{"command":"true"}' } : {}),
      });
    const statuses = [
      await as("/api/v1/runs"),
      await as("/api/v1/runs", "POST"),
      await as("/api/v1/tokens"),
      await as("/api/v1/runs", "GET", "sbx_nonsense"),
    ].map(({ status }) => status);
    await env.client.tokens.revoke(id);

    expect(statuses).toEqual([200, 403, 403, 401]);
    // Who a token is of may be remembered for five seconds.
    await eventually(async () => (await as("/api/v1/runs")).status === 401, { timeoutMs: 10_000 });
  });

  it("leaves nothing behind that is not as its log says", async () => {
    expect(await findDamage(env.server)).toEqual([]);
  });

  const runOf = async (steps: readonly StepInput[], projectId = "default") => {
    const { id } = await env.client.runs.create({ projectId, plan: { goal: "behave", steps } });
    return env.client.runs.wait(id);
  };

  const textOf = async (runId: string, name: string) => {
    const chunks = await readOutput(env.client, runId);
    return Buffer.concat(chunks.filter((chunk) => chunk.step === name).map(({ bytes }) => bytes)).toString();
  };
});

describe("a server without authentication", () => {
  it("answers everybody on this machine, and no page of another", async () => {
    await using env = await startDevEnv({ runners: 0, serverEnv: { SIGNALBOX_NO_AUTH: "1" } });
    const ask = (headers: Record<string, string>) => fetch(`${env.server.url}/api/v1/runs`, { headers });

    const answers = [
      await ask({}),
      await ask({ origin: "https://evil.example" }),
      await ask({ "sec-fetch-site": "cross-site" }),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 403, 403]);
    expect(env.server.said).toContain("authentication is off");
  });
});

function step(name: string, shell: string, change: Partial<StepInput> = {}): StepInput {
  return { name, tool: "command", inputs: { shell }, ...change };
}

/** Files below a folder that hold a text. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name));
  const hits = await Promise.all(
    paths.map(async (path) => ((await readFile(path).catch(() => Buffer.alloc(0))).includes(text) ? [path] : [])),
  );
  return hits.flat();
}
