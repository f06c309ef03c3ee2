import {
  toldPayload,
  toldStep,
  type Artifact,
  type CreateRunInput,
  type EventRecord,
  type Gate,
  type ResolveGateRequest,
  type Run,
  type RunDetails,
  type StepDetails,
  type StepState,
  type Webhook,
} from "@signalbox/protocol";

import type { NofxArtifact, NofxEvent, NofxGate, NofxRun, NofxRunDetails, NofxStep, NofxWebhook } from "./wire.ts";

/** The seed's spellings, ours beside them; what is not here is left as it is, for the handler to take or refuse. */
const RUN_NAMES = { project_id: "projectId" };
const STANDARD_NAMES = { open_pr: "openPr", file_path: "filePath" };
const GATE_NAMES = { content_hash: "contentHash" };

export function fromNofxCreateRun(body: unknown): CreateRunInput {
  const request = renamed(body, RUN_NAMES);
  if (!isObject(request) || !isObject(request["standard"])) return request as CreateRunInput;
  return { ...request, standard: renamed(request["standard"], STANDARD_NAMES) } as CreateRunInput;
}

export function fromNofxResolveGate(body: unknown): ResolveGateRequest | undefined {
  return renamed(body, GATE_NAMES) as ResolveGateRequest | undefined;
}

export function toNofxRun(run: Run): NofxRun {
  return {
    id: run.id,
    status: run.status,
    projectId: run.projectId,
    goal: run.goal,
    ...(run.message === undefined ? {} : { error: run.message }),
    created_at: run.createdAt,
    updated_at: run.updatedAt,
    ...(run.startedAt === undefined ? {} : { started_at: run.startedAt }),
    ...(run.endedAt === undefined ? {} : { ended_at: run.endedAt }),
  };
}

export function toNofxRunDetails({ run, steps, artifacts }: RunDetails): NofxRunDetails {
  return { run: toNofxRun(run), steps: steps.map(toNofxStep), artifacts: artifacts.map(toNofxArtifact) };
}

export function toNofxGate({ id, runId, step, status, content, contentHash, note }: Gate): NofxGate {
  const told = { id, run_id: runId, step, status, description: content.description, content_hash: contentHash };
  return note === undefined ? told : { ...told, note };
}

export function toNofxWebhook({ id, url, events, active, createdAt }: Webhook): NofxWebhook {
  return { id, url, events, active, created_at: createdAt };
}

/** An event, its payload with a sentence for people. `stepIds` gives each step's id by its name. */
export function toNofxEvent(record: EventRecord, stepIds: ReadonlyMap<string, string>): NofxEvent {
  const stepId = stepIds.get(toldStep(record) ?? "");
  return {
    event_type: record.type,
    run_id: record.stream,
    ...(stepId === undefined ? {} : { step_id: stepId }),
    payload: toldPayload(record),
    created_at: record.at,
  };
}

function toNofxStep(step: StepDetails): NofxStep {
  return {
    id: step.id,
    name: step.name,
    tool: step.tool,
    status: STEP_STATUS[step.status],
    inputs: step.inputs,
    ...(step.outputs === undefined ? {} : { outputs: step.outputs }),
    ...(step.message === undefined && step.reason === undefined ? {} : { error: step.message ?? step.reason ?? "" }),
    idempotency_key: step.key,
  };
}

/** The seed's readers know a step that is queued, at work or over; waiting for a person is what a gate does. */
const STEP_STATUS: Readonly<Record<StepState, string>> = {
  pending: "pending",
  ready: "queued",
  delayed: "queued",
  running: "running",
  waiting: "waiting",
  succeeded: "succeeded",
  failed: "failed",
  skipped: "skipped",
  cancelled: "cancelled",
};

function toNofxArtifact({ id, type, path, kind, bytes, sha256, step, metadata }: Artifact): NofxArtifact {
  return { id, type, path, metadata: { kind, bytes, sha256, step, ...metadata } };
}

function renamed(value: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  // Both spellings at once are left for the handler, which refuses the one that it does not know.
  return Object.fromEntries(
    entries.map(([key, item]) => {
      const ours = Object.hasOwn(names, key) ? names[key] : undefined;
      return [ours === undefined || Object.hasOwn(value, ours) ? key : ours, item];
    }),
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
