import {
  GateStateSchema,
  limit,
  OpaqueIdSchema,
  ResolveGateRequestSchema,
  type ApiResponse,
  type Gate,
  type GateState,
  type ResolveGateRequest,
} from "@signalbox/protocol";
import { readGate, readGates, type SignalboxStore } from "@signalbox/store";
import * as z from "zod";

import { answer, check } from "../answer.ts";
import type { Clock } from "../clock.ts";
import { NotFoundError } from "../errors.ts";
import type { RunLog } from "../events/run-log.ts";
import {
  actorOf,
  idempotencyOf,
  LOCAL_CONTEXT,
  requireDecider,
  requireScope,
  type RequestContext,
} from "../request-context.ts";
import { toGate } from "./run-view.ts";

const ListGatesQuerySchema = z.strictObject({
  status: GateStateSchema.optional(),
  runId: OpaqueIdSchema.optional(),
  limit: z.coerce.number().int().min(1).max(limit("page.size")).default(50),
});
/** What a `GateHandler` works with. */
export interface GateHandlerDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly runLog: RunLog;
  /** Looked at before a yes; refuses one to something that is not any more what it was. */
  readonly requireUnchanged?: (gate: Gate, orgId: string) => Promise<void>;
}

/** Decisions at the gates of runs: shows what is asked, and takes the first answer. */
export class GateHandler {
  readonly #deps: GateHandlerDeps;

  constructor(deps: GateHandlerDeps) {
    this.#deps = deps;
  }

  /** One gate, with exactly what it asks. */
  async getGate(gateId: string, context: RequestContext = LOCAL_CONTEXT): Promise<ApiResponse<Gate>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      return this.#requireGate(gateId, context);
    });
  }

  /** Gates, newest first. */
  async listGates(
    query: { readonly status?: GateState; readonly runId?: string; readonly limit?: number } = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<{ items: Gate[] }>> {
    return answer(async () => {
      requireScope(context, "runs:read");
      const wanted = check(ListGatesQuerySchema, query);
      const rows = await this.#deps.store.view(() => readGates({ ...wanted, orgId: context.principal.orgId }));
      return { items: rows.map(toGate) };
    });
  }

  /** Says yes to a gate. The first answer counts; the same again is fine. */
  async approveGate(
    gateId: string,
    request: ResolveGateRequest = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Gate>> {
    return this.#resolveGate(gateId, "approve", request, context);
  }

  /** Says no to a gate: its run fails with the reason `gate_denied`. */
  async rejectGate(
    gateId: string,
    request: ResolveGateRequest = {},
    context: RequestContext = LOCAL_CONTEXT,
  ): Promise<ApiResponse<Gate>> {
    return this.#resolveGate(gateId, "deny", request, context);
  }

  async #resolveGate(
    gateId: string,
    move: "approve" | "deny",
    request: ResolveGateRequest,
    context: RequestContext,
  ): Promise<ApiResponse<Gate>> {
    return answer(async () => {
      requireScope(context, "gates:decide");
      const { note, contentHash } = check(ResolveGateRequestSchema, request);
      const gate = await this.#requireGate(gateId, context);
      requireDecider(`gate ${gate.id}`, gate.content, context, move === "approve" ? "allow" : "deny");
      if (move === "approve" && gate.status === "pending")
        await this.#deps.requireUnchanged?.(gate, context.principal.orgId);
      const now = this.#deps.clock.now();
      await this.#deps.runLog.commit("resolveGate", {
        gateId,
        orgId: context.principal.orgId,
        move,
        note: note ?? undefined,
        contentHash,
        now,
        actor: actorOf(context),
        idempotency: idempotencyOf(context, now, limit("idempotency.ttlMs")),
      });
      return this.#requireGate(gateId, context);
    });
  }

  async #requireGate(gateId: string, context: RequestContext): Promise<Gate> {
    const row = await this.#deps.store.view(() => readGate(gateId, context.principal.orgId));
    if (!row) throw new NotFoundError("gate", gateId);
    return toGate(row);
  }
}
