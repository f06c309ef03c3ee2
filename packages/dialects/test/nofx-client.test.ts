import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { attachObligingRunner } from "./_support/obliging-runner.ts";
import { realControlPlane } from "./_support/real-control-plane.ts";
import { serveFaces } from "./_support/serve-faces.ts";

interface Session {
  readonly deployment: { id: string; status: string; projectId: string };
  readonly seen: {
    event_type: string;
    run_id: string;
    step_id?: string;
    payload?: Record<string, unknown>;
    created_at: string;
  }[];
  readonly finished: { run: Record<string, unknown>; steps: Record<string, unknown>[]; artifacts: unknown[] };
  readonly streamed: string[];
  readonly decided: { run: { status: string } };
  readonly failure: string;
  readonly runs: { id: string }[];
  readonly mine: { runs: { id: string; projectId: string }[] };
}

describe("the client of the NOFX guide, as printed, with an EventSource as browsers have it", () => {
  it("makes runs, watches them to their end, decides gates and lists", async () => {
    await using real = await realControlPlane();
    await attachObligingRunner(real.controlPlane);
    await using server = await serveFaces(real.controlPlane, { auth: "none" });

    const script = join(import.meta.dirname, "_support", "seed-000", "session.mts");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--experimental-eventsource", "--no-warnings", script, server.url],
      { timeout: 60_000 },
    );
    const session = JSON.parse(stdout) as Session;

    expect(session.deployment).toMatchObject({ status: "queued", projectId: "my-project" });
    expect(session.finished.run).toMatchObject({
      status: "succeeded",
      goal: "Deploy with quality checks",
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
    expect(session.finished.steps.map(({ name, status }) => [name, status])).toEqual([
      ["typecheck", "succeeded"],
      ["tests", "succeeded"],
      ["deploy", "succeeded"],
    ]);
    expect(session.seen.map(({ event_type }) => event_type)).toEqual(
      expect.arrayContaining(["run.created", "step.started", "step.finished", "run.succeeded"]),
    );
    expect(
      session.seen.every(
        ({ payload, run_id }) => typeof payload?.["message"] === "string" && run_id === session.deployment.id,
      ),
    ).toBe(true);
    expect(session.seen.find(({ event_type }) => event_type === "step.started")).toMatchObject({
      step_id: session.finished.steps[0]?.["id"],
      payload: { name: "typecheck" },
    });
    expect(session.seen.at(-1)?.payload).toMatchObject({
      goal: "Deploy with quality checks",
      duration: expect.any(Number),
      steps_count: 3,
    });
    expect(session.streamed).toContain("run.created");
    expect(session.decided.run.status).toBe("succeeded");
    expect(session.failure).toBe("API error: 404");
    expect(session.runs).toHaveLength(3);
    expect(session.mine.runs.map(({ id, projectId }) => [id, projectId])).toEqual([
      [session.deployment.id, "my-project"],
    ]);
    expect(server.bugs).toEqual([]);
  });
});
