import type { Client } from "@signalbox/client";
import type { WebhookMessage } from "@signalbox/protocol";
import { eventually } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { DevEnv } from "../dev-env.ts";
import { create, startWebhookEnv } from "../_support/webhook-env.ts";
import { WebhookReceiver } from "../_support/webhook-receiver.ts";

const LONG = { timeoutMs: 20_000 };

/** One event of a run as the NOFX guide has it. */
interface GuideEvent {
  readonly event_type: string;
  readonly run_id: string;
  readonly step_id?: string;
  readonly payload: { readonly message: string };
  readonly created_at: string;
}

describe("a webhook beside the guide's stream", () => {
  it("posts each event of a run exactly as the stream tells it", { timeout: 90_000 }, async () => {
    await using receiver = await WebhookReceiver.open();
    await using env = await startWebhookEnv({ runners: 1 });
    await create(env.client, receiver.url, { events: ["*"] });

    const runs = await Promise.all([
      decided(env.client, "approve"),
      decided(env.client, "reject"),
      env.client.runs.create({
        plan: {
          goal: "Try twice",
          steps: [
            {
              name: "flaky",
              tool: "command",
              inputs: { shell: "exit 3" },
              retry: { maxAttempts: 2, initialDelayMs: 1 },
            },
          ],
        },
      }),
      cancelled(env.client),
    ]);
    const streams = await Promise.all(runs.map(({ id }) => eventsOf(env, id)));
    const told = streams.flat().filter(({ event_type }) => !STAYS_INSIDE.test(event_type));
    await eventually(
      () => receiver.posts.filter(({ message }) => message.stream?.startsWith("run_")).length >= told.length,
      LONG,
    );

    const posted = receiver.posts.map(({ message }) => message).filter(({ stream }) => stream?.startsWith("run_"));
    for (const { id } of runs)
      expect(posted.filter(({ run_id }) => run_id === id).map(asGuideEvent)).toEqual(
        told.filter(({ run_id }) => run_id === id),
      );
    expect(new Set(told.map(({ event_type }) => event_type))).toEqual(
      new Set([
        "run.created",
        "run.started",
        "run.cancel_requested",
        "run.succeeded",
        "run.failed",
        "run.cancelled",
        "step.started",
        "step.delayed",
        "step.finished",
        "gate.pending",
        "gate.approved",
        "gate.denied",
        "artifact.created",
      ]),
    );
    const aboutSteps = told.filter(({ event_type }) => /^(step|gate|artifact)\./.test(event_type));
    expect(aboutSteps.filter(({ step_id }) => step_id === undefined)).toEqual([]);
    expect(told.filter(({ payload }) => payload.message === "")).toEqual([]);
  });
});

/** What is for readers of a stream alone. */
const STAYS_INSIDE = /^(step\.progress|attempt\..+)$/;

function asGuideEvent({ event_type, run_id, step_id, payload, created_at }: WebhookMessage): unknown {
  return { event_type, run_id, ...(step_id === undefined ? {} : { step_id }), payload, created_at };
}

/** A run with an artifact and a gate that somebody decides. */
async function decided(client: Client, decision: "approve" | "reject") {
  const steps = [
    { name: "write", tool: "command", inputs: { shell: "echo hi > report.txt" }, artifacts: ["report.txt"] },
    { name: "ask", tool: "gate:manual", inputs: { description: "Deploy?" } },
  ];
  const run = await client.runs.create({ plan: { goal: `Ship it, ${decision}`, steps } });
  const gate = await eventually(
    async () => (await client.gates.list({ runId: run.id, status: "pending" })).items[0],
    LONG,
  );
  await client.gates[decision](gate.id, { note: "as agreed" });
  return run;
}

async function cancelled(client: Client) {
  const run = await client.runs.create({ command: "sleep 600" });
  await eventually(async () => (await client.runs.get(run.id)).run.status === "running", LONG);
  await client.runs.cancel(run.id, { reason: "changed my mind" });
  return run;
}

/** Reads a run's stream of the NOFX face to its end. */
async function eventsOf(env: DevEnv, runId: string): Promise<GuideEvent[]> {
  const text = await (await env.server.fetch(`/runs/${runId}/stream`)).text();
  return text.split("\n\n").flatMap((message) => {
    const data = message
      .split("\n")
      .flatMap((line) => (line.startsWith("data: ") ? [line.slice("data: ".length)] : []));
    return data.length === 0 ? [] : (JSON.parse(data.join("\n")) as GuideEvent[]);
  });
}
