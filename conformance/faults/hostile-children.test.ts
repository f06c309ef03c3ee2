import { eventually } from "@signalbox/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { startDevEnv, type DevEnv } from "../dev-env.ts";
import { findDamage, readOutput } from "../_support/find-damage.ts";
import { processesOf } from "../_support/processes.ts";

const DEAF = "trap '' TERM INT HUP; ";
/** A daemon as old as Unix: a child of a child, in a session of its own, deaf to what is polite. */
const DAEMON = `(setsid sh -c "${DEAF}sleep 300" & )`;
const KEPT_BYTES = 1_000_000;

// Seen red: with signals to the first process only, instead of its whole tree, the deaf ones ran to the end of the test and
// the daemons were left behind.
describe.each(["none", "auto"] as const)("F4: children that do not behave, in sandbox %s", (sandbox) => {
  let env: DevEnv;
  beforeAll(async () => {
    env = await startDevEnv({ runner: { sandbox }, limits: { "cancel.graceMs": 500, "step.outputBytes": KEPT_BYTES } });
  });
  afterAll(() => env[Symbol.asyncDispose]());

  it("dies with all its children when it does not listen to a cancel", async () => {
    const { id } = await env.client.runs.create({
      command: `${DEAF}${DAEMON}; sleep 300 & echo ready; sleep 300; sleep 300`,
    });
    await eventually(async () => textOf(await readOutput(env.client, id)) === "ready\n");

    const startedMs = performance.now();
    await env.client.runs.cancel(id);
    const { run } = await env.client.runs.wait(id);
    const afterMs = performance.now() - startedMs;

    expect(run).toMatchObject({ status: "cancelled", reason: "cancelled" });
    expect(afterMs).toBeLessThan(500 + 4_000);
    await nothingIsLeft(id);
  });

  it("is ended by its time limit when it listens to nothing", async () => {
    const steps = [
      {
        name: "deaf",
        tool: "command",
        inputs: { shell: `${DEAF}${DAEMON}; while true; do sleep 1; done` },
        timeoutMs: 500,
      },
    ];
    const { id } = await env.client.runs.create({ plan: { goal: "end", steps } });
    const { run } = await env.client.runs.wait(id);

    expect(run).toMatchObject({ status: "failed", reason: "timeout" });
    await nothingIsLeft(id);
  });

  it("is over when it exits, though a daemon holds its pipe open", async () => {
    const { id } = await env.client.runs.create({ command: `${DAEMON}; sleep 300 & echo bye; exit 0` });
    const { run } = await env.client.runs.wait(id);

    expect(run.status).toBe("succeeded");
    expect(textOf(await readOutput(env.client, id))).toBe("bye\n");
    await nothingIsLeft(id);
  });

  it("is waited for when it closes its output and works on", async () => {
    const { id } = await env.client.runs.create({ command: "echo before; exec >&- 2>&-; sleep 1; exit 7" });
    const { run, steps } = await env.client.runs.wait(id);

    expect(run).toMatchObject({ status: "failed", reason: "tool_failure" });
    expect(steps[0]?.attempts[0]?.exitCode).toBe(7);
    expect(textOf(await readOutput(env.client, id))).toBe("before\n");
  });

  it("may flood: what is kept is the beginning, and the rest is a gap that is told", async () => {
    const { id } = await env.client.runs.create({ command: "yes 'a line that says nothing' | head -c 30000000" });
    const { run } = await env.client.runs.wait(id);
    const chunks = await readOutput(env.client, id);

    expect(run.status).toBe("succeeded");
    expect(textOf(chunks).length).toBeLessThanOrEqual(KEPT_BYTES);
    expect(textOf(chunks).length).toBeGreaterThan(KEPT_BYTES / 4);
    expect(chunks.filter(({ gap }) => gap !== undefined)).not.toEqual([]);
    expect(chunks.reduce((sum, { length }) => sum + length, 0)).toBe(30_000_000);
    expect(await findDamage(env.server)).toEqual([]);
  });
});

async function nothingIsLeft(runId: string): Promise<void> {
  await eventually(async () => (await processesOf(runId)).length === 0);
}

function textOf(chunks: Awaited<ReturnType<typeof readOutput>>): string {
  return Buffer.concat(chunks.map(({ bytes }) => bytes)).toString();
}
