import { hashEnvelope, hashEnvironment } from "@signalbox/protocol/hash";
import type { Envelope, FailureReason, StartGrant } from "@signalbox/protocol";

import { matchesAny } from "../policy/matches-pattern.ts";
import type { RunnerPolicy } from "../policy/policy.ts";

/** Why nothing is started. */
export interface GrantRefusal {
  readonly reason: FailureReason;
  readonly message: string;
}

/**
 * The last look before a process starts: is this what was approved, and does the owner of the machine let it happen?
 * `envelopeHash` is what this runner computed from the envelope that it got.
 */
export function checkGrant(request: {
  readonly grant: StartGrant;
  readonly envelopeHash: string;
  readonly policy: RunnerPolicy;
  readonly nowMs: number;
}): GrantRefusal | undefined {
  const { grant, envelopeHash, policy, nowMs } = request;
  const mismatch = findMismatch(grant, envelopeHash) ?? findExpiry(policy, nowMs);
  if (mismatch !== undefined) return { reason: "envelope_mismatch", message: mismatch };
  const refusal = findPolicyRefusal(grant.envelope, policy);
  return refusal === undefined ? undefined : { reason: "policy_refused", message: refusal };
}

/** The envelope's hash, as the runner computes it. */
export function envelopeHashOf(grant: StartGrant): string {
  return hashEnvelope(grant.envelope);
}

function findMismatch(
  { envelope, envelopeHash, environment, secrets }: StartGrant,
  ownHash: string,
): string | undefined {
  if (ownHash !== envelopeHash) return `the envelope hashes to ${ownHash}, but ${envelopeHash} was granted`;
  if (hashEnvironment(environment) !== envelope.environmentHash)
    return "the environment is not the one in the envelope";
  const names = secrets
    .map(({ name }) => name)
    .sort()
    .join();
  return names === [...envelope.secretNames].sort().join() ? undefined : "the secrets are not those in the envelope";
}

function findExpiry({ expiresAt }: RunnerPolicy, nowMs: number): string | undefined {
  if (expiresAt === undefined || nowMs < Date.parse(expiresAt)) return undefined;
  return `the policy of this machine's owner expired at ${expiresAt}`;
}

function findPolicyRefusal(envelope: Envelope, policy: RunnerPolicy): string | undefined {
  const { orgId, projectId, tool, repo, timeoutMs } = envelope;
  if (!matchesAny(policy.orgs, orgId)) return `this machine's owner does not take work of org ${orgId}`;
  if (!matchesAny(policy.projects, projectId)) return `this machine's owner does not take work of project ${projectId}`;
  if (!matchesAny(policy.tools, tool)) return `this machine's owner does not allow the tool ${tool}`;
  if (repo && !matchesAny(policy.repositories, repo.url))
    return `this machine's owner does not allow the repository ${repo.url}`;
  if (repo && isFileUrl(repo.url) && !policy.allowFileRepositories) {
    return "this machine's owner does not allow repositories on its own disk (allowFileRepositories)";
  }
  if (policy.maxTimeoutMs !== undefined && timeoutMs > policy.maxTimeoutMs) {
    return `this machine's owner allows ${policy.maxTimeoutMs} ms for a step; this one asks for ${timeoutMs}`;
  }
  return undefined;
}

function isFileUrl(url: string): boolean {
  return url.toLowerCase().startsWith("file:");
}
