import {
  DEFAULT_ORG,
  permits,
  refusalOfDecision,
  type Actor,
  type DecisionRule,
  type Principal,
  type Scope,
} from "@signalbox/protocol";
import type { Idempotency } from "@signalbox/store";

import { ControlPlaneError } from "./errors.ts";

/** Who asks, and how the request is told apart from its own repetition. */
export interface RequestContext {
  readonly principal: Principal;
  readonly requestId?: string;
  readonly traceparent?: string;
  readonly idempotency?: { readonly key: string; readonly route: string; readonly bodyHash: string };
}

/** The program itself, on the default org: what a handler assumes when nobody says who asks. */
export const LOCAL_CONTEXT: RequestContext = {
  principal: { kind: "local", id: "local", orgId: DEFAULT_ORG, scopes: new Set(["admin"]) },
};

/** Refuses what the caller's scopes do not permit. */
export function requireScope(context: RequestContext, scope: Scope): void {
  if (permits(context.principal, scope)) return;
  throw new ControlPlaneError("FORBIDDEN", `this needs the scope ${scope}`, { scope });
}

/** Refuses a decision that is not the caller's to take. What was asked never changes, so that this can be looked at before the commit. */
export function requireDecider(
  what: string,
  rule: DecisionRule,
  { principal }: RequestContext,
  decision: "allow" | "deny",
): void {
  const refusal = refusalOfDecision(rule, principal, decision);
  if (!refusal) return;
  const { approvers = [], selfApproval = "allowed" } = rule;
  throw new ControlPlaneError(refusal.code, `${what}: ${refusal.message}`, { approvers, selfApproval });
}

/** The caller as the cause of an event. */
export function actorOf(context: RequestContext): Actor {
  return { kind: context.principal.kind, id: context.principal.id };
}

/** The caller's idempotency key as a unit takes it. */
export function idempotencyOf(context: RequestContext, now: number, ttlMs: number): Idempotency | undefined {
  if (!context.idempotency) return undefined;
  const { orgId, kind, id } = context.principal;
  return { orgId, principal: `${kind}:${id}`, ...context.idempotency, expiresAt: now + ttlMs };
}
