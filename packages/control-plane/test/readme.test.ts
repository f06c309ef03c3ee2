import { createControlPlane } from "@signalbox/control-plane";
import { openSignalboxStore } from "@signalbox/store/sqlite";
import { describe, expect, it } from "vitest";

describe("the program in the README", () => {
  it("makes a run, decides its gate and reads its events to the end", async () => {
    await using store = await openSignalboxStore({ directory: ":memory:" });
    await using plane = await createControlPlane({ store, secretsKey: new Uint8Array(32) });
    const told: string[] = [];

    const steps = [{ name: "ask", tool: "gate:manual", inputs: { description: "Ship it?" } }];
    const { data: run } = await plane.runs.createRun({ plan: { goal: "release", steps } });
    const { data: details } = await plane.runs.getRun(run.id);
    await plane.gates.approveGate(details.gates[0]!.id, { note: "looks good" });
    const { data: events } = await plane.runs.followEvents(run.id, { signal: AbortSignal.timeout(1_000) });
    for await (const batch of events) for (const event of batch) told.push(`${event.seq} ${event.type}`);

    expect(told).toEqual([
      "1 run.created",
      "2 gate.pending",
      "3 gate.approved",
      "4 run.started",
      "5 step.finished",
      "6 run.succeeded",
    ]);
  });
});
