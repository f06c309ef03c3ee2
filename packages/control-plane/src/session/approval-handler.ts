import {
  actorText,
  type ApiResponse,
  type Approval,
  ApprovalKindSchema,
  ApprovalStateSchema,
  type ApprovalState,
  limit,
  OpaqueIdSchema,
  ResolveApprovalRequestSchema,
  type ResolveApprovalInput,
} from "@signalbox/protocol";
import { readApproval, readApprovals, readGate, readGates, whyLapsed, type SignalboxStore } from "@signalbox/store";
import * as z from "zod";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { ControlPlaneError, NotFoundError } from "../errors.ts";
import type { GateHandler } from "../run/gate-handler.ts";
import { toGate } from "../run/run-view.ts";
import {
  actorOf,
  idempotencyOf,
  LOCAL_CONTEXT,
  requireDecider,
  requireScope,
  type RequestContext,
} from "../request-context.ts";
import { approvalOfGate } from "./approval-of-gate.ts";
import type { SessionLog } from "./session-log.ts";
import { toApproval } from "./session-view.ts";

const ListApprovalsQuerySchema = z.strictObject({
  state: ApprovalStateSchema.optional(),
  kind: ApprovalKindSchema.optional(),
  sessionId: OpaqueIdSchema.optional(),
  limit: z.coerce.number().int().min(1).max(limit("page.size")).default(50),
});
/** Which approvals are wanted. */
export type ListApprovalsQuery = z.input<typeof ListApprovalsQuerySchema>;

/** What an `ApprovalHandler` works with. */
export interface ApprovalHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly sessionLog: SessionLog;
  readonly gates: GateHandler;
}

/** The one desk for decisions: what agents, people and budgets of sessions ask for, and the gates of runs. */
export class ApprovalHandler {
  readonly #deps: ApprovalHandlerDeps;

  constructor(deps: ApprovalHandlerDeps) {
    this.#deps = deps;
  }

  /** Approvals of an org, newest first. */
  async listApprovals(
    query: ListApprovalsQuery = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ items: Approval[] }>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      const wanted = check(ListApprovalsQuerySchema, query);
      const { orgId } = context.principal;
      const own = wanted.kind === "gate" ? [] : await this.#ofSessions({ ...wanted, orgId });
      const isAboutGates = (wanted.kind ?? "gate") === "gate" && wanted.sessionId === undefined;
      const gates = isAboutGates ? await this.#ofRuns(orgId, wanted.state, wanted.limit) : [];
      const items = [...own, ...gates].sort((one, other) => (one.requestedAt < other.requestedAt ? 1 : -1));
      return { items: items.slice(0, wanted.limit) };
    });
  }

  /** One approval, with everything that it lets happen, and whether a yes to it still counts. */
  async getApproval(approvalId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Approval>> {
    return answer(async () => {
      requireScope(context, "sessions:read");
      const approval = await this.#require(approvalId, context);
      const { state, decidedBy } = approval;
      if (state !== "allowed" || !decidedBy) return approval;
      const at = { orgId: context.principal.orgId, now: this.#deps.clock.now() };
      const lapsed = await this.#deps.store.view(() => whyLapsed(actorText(decidedBy), approval, at));
      return lapsed ? { ...approval, lapsed: lapsed.message } : approval;
    });
  }

  /** Decides an approval. The first answer counts; the same again is fine, another is an INVALID_STATE refusal. */
  async resolveApproval(
    approvalId: string,
    request: Omit<ResolveApprovalInput, "approvalId">,
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Approval>> {
    return answer(async () => {
      requireScope(context, "gates:decide");
      const { decision, reason, contentHash, ...wanted } = check(ResolveApprovalRequestSchema, {
        ...request,
        approvalId,
      });
      const approval = await this.#require(approvalId, context);
      requireDecider(`approval ${approvalId}`, approval, context, decision);
      if (approval.kind === "gate") await this.#resolveGate(approvalId, { decision, reason, contentHash }, context);
      else {
        const now = this.#deps.clock.now();
        await this.#deps.sessionLog.commit("resolveApproval", {
          ...wanted,
          reason,
          contentHash,
          move: decision,
          orgId: context.principal.orgId,
          now,
          actor: actorOf(context),
          idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
        });
      }
      return this.#require(approvalId, context);
    });
  }

  async #resolveGate(
    gateId: string,
    wanted: {
      readonly decision: "allow" | "deny";
      readonly reason?: string | undefined;
      readonly contentHash?: string | undefined;
    },
    context: RequestContext,
  ): Promise<void> {
    const { gates } = this.#deps;
    const request = { note: wanted.reason, contentHash: wanted.contentHash };
    const decided =
      wanted.decision === "allow"
        ? await gates.approveGate(gateId, request, context)
        : await gates.rejectGate(gateId, request, context);
    if (decided.success) return;
    const { code, message, details } = decided.error;
    throw new ControlPlaneError(code, message, details);
  }

  async #ofSessions(query: Parameters<typeof readApprovals>[0]): Promise<Approval[]> {
    return (await this.#deps.store.view(() => readApprovals(query))).map(toApproval);
  }

  async #ofRuns(orgId: string, state: ApprovalState | undefined, count: number): Promise<Approval[]> {
    const status = state === "allowed" ? "approved" : state;
    const rows = await this.#deps.store.view(() => readGates({ orgId, status, limit: count }));
    return rows.map((row) => approvalOfGate(toGate(row)));
  }

  async #require(approvalId: string, { principal }: RequestContext): Promise<Approval> {
    const { store } = this.#deps;
    const row = await store.view(() => readApproval(approvalId, principal.orgId));
    if (row) return toApproval(row);
    const gate = await store.view(() => readGate(approvalId, principal.orgId));
    if (gate) return approvalOfGate(toGate(gate));
    throw new NotFoundError("approval", approvalId);
  }
}
