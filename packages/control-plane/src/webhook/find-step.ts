import { toldStep } from "@signalbox/protocol";
import { readRun, stepIdOf, stepIdOfSession, type RunProgress, type SignalboxStore } from "@signalbox/store";

import type { ToldDelivery } from "./spell-message.ts";

/** The id of the step that a delivery tells of, where it tells of one. Events say its name, which a plan never changes. */
export async function findStep(store: SignalboxStore, { row, event }: ToldDelivery): Promise<string | undefined> {
  const { stream, run_id: runId, org_id: orgId } = row;
  if (stream === null || runId === null || !event) return undefined;
  if (stream !== runId) return stepIdOfSession(stream);
  const name = toldStep({ type: row.event_type, data: JSON.parse(event.data) as Record<string, unknown> });
  if (name === undefined) return undefined;
  const run = await store.view(() => readRun(runId, orgId));
  const { steps } = JSON.parse(run?.progress ?? '{"steps":[]}') as Pick<RunProgress, "steps">;
  const index = steps.findIndex((step) => step.name === name);
  return index === -1 ? undefined : stepIdOf(runId, index);
}
