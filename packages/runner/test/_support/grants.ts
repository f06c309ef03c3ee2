import { hashEnvelope, hashEnvironment } from "@signalbox/protocol/hash";
import type { Envelope, StartGrant } from "@signalbox/protocol";

let made = 0;

/** What a test says of a grant; the rest is filled in and hashed. */
export interface GrantInput {
  readonly tool?: string;
  readonly inputs?: Record<string, unknown>;
  readonly envelope?: Partial<Envelope>;
  readonly environment?: Record<string, string>;
  readonly secrets?: { name: string; value: string }[];
  readonly leaseMs?: number;
  readonly cancelGraceMs?: number;
  readonly outputBytes?: number;
}

/** A grant as a control plane would give it, by default for a `command` in an empty workspace. */
export function grantOf(input: GrantInput = {}): StartGrant {
  const number = ++made;
  const environment = input.environment ?? {};
  const envelope: Envelope = {
    v: 1,
    orgId: "default",
    projectId: "demo",
    runId: `run_${process.pid}x${number}`,
    step: "work",
    idempotencyKey: `key-${number}`,
    tool: input.tool ?? "command",
    inputs: input.inputs ?? { shell: "true" },
    command: null,
    toolsAllowed: null,
    envAllowed: [],
    environmentHash: hashEnvironment(environment),
    secretsScope: null,
    secretNames: (input.secrets ?? []).map(({ name }) => name),
    repo: null,
    baseManifest: null,
    artifacts: [],
    sandbox: "auto",
    network: "none",
    timeoutMs: 60_000,
    onDisconnect: "stop",
    approvals: [],
    ...input.envelope,
  };
  return {
    attemptId: `att_${process.pid}x${number}`,
    epoch: 1,
    leaseMs: input.leaseMs ?? 30_000,
    number: 1,
    envelope,
    envelopeHash: hashEnvelope(envelope),
    environment,
    secrets: input.secrets ?? [],
    cancelGraceMs: input.cancelGraceMs ?? 2_000,
    outputBytes: input.outputBytes ?? 67_108_864,
  };
}

/** A grant for a shell text. */
export function shell(text: string, input: GrantInput = {}): StartGrant {
  return grantOf({ ...input, inputs: { shell: text } });
}
