import type { Envelope } from "@signalbox/protocol";
import { hashEnvironment } from "@signalbox/protocol/hash";
import type { ReadyStep } from "@signalbox/store";

/** What goes into an envelope beside the step itself. */
export interface EnvelopeFacts {
  readonly approvals: readonly { readonly gateId: string; readonly contentHash: string }[];
  readonly secretNames: readonly string[];
  readonly session?: Envelope["session"];
  /** What the gates showed. */
  readonly changes?: Envelope["changes"];
}

/** Exactly what an attempt at a step will run. Pure: the same step makes the same envelope. */
export function envelopeOf(ready: ReadyStep, facts: EnvelopeFacts): Envelope {
  const { step } = ready;
  return {
    v: 1,
    orgId: ready.orgId,
    projectId: ready.projectId,
    runId: ready.runId,
    step: step.name,
    idempotencyKey: `${ready.runId}/${ready.index}`,
    tool: step.tool,
    inputs: step.inputs,
    command: step.command,
    toolsAllowed: step.toolsAllowed ?? null,
    envAllowed: step.envAllowed ?? [],
    environmentHash: hashEnvironment(step.environment),
    secretsScope: step.secretsScope ?? null,
    secretNames: [...facts.secretNames],
    repo: ready.repo,
    baseManifest: ready.manifest,
    artifacts: step.artifacts ?? [],
    sandbox: step.sandbox,
    network: step.network,
    timeoutMs: step.timeoutMs,
    onDisconnect: step.onDisconnect,
    ...(facts.session ? { session: facts.session } : {}),
    ...(facts.changes ? { changes: facts.changes } : {}),
    approvals: facts.approvals.map(({ gateId, contentHash }) => ({ gateId, contentHash })),
  };
}
