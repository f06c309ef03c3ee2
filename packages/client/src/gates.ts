import {
  GateDiffSchema,
  GateSchema,
  type Gate,
  type GateDiff,
  type GateState,
  type ResolveGateRequest,
} from "@signalbox/protocol";
import * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

/** Which gates are listed. */
export interface ListGatesQuery {
  readonly status?: GateState | undefined;
  readonly runId?: string | undefined;
  readonly limit?: number | undefined;
}

const GateListSchema = z.object({ items: z.array(GateSchema) });

/** Decisions that somebody must take. */
export class GatesClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  get(gateId: string, options?: CallOptions): Promise<Gate> {
    return this.#requester.json({ path: pathOf(gateId), ...options }, GateSchema);
  }

  list(query: ListGatesQuery = {}, options?: CallOptions): Promise<{ items: Gate[] }> {
    return this.#requester.json({ path: "/gates", query: { ...query }, ...options }, GateListSchema);
  }

  /** The whole diff that is decided on; refused with DIFF_NOT_FOUND where the gate shows none. */
  diff(gateId: string, options?: CallOptions): Promise<GateDiff> {
    return this.#requester.json({ path: `${pathOf(gateId)}/diff`, ...options }, GateDiffSchema);
  }

  /** Says yes. Send the `contentHash` of what was shown: another content is then refused with CONTENT_CHANGED. */
  approve(gateId: string, request: ResolveGateRequest = {}, options?: CallOptions): Promise<Gate> {
    return this.#requester.json(
      { method: "POST", path: `${pathOf(gateId)}/approve`, body: request, ...options },
      GateSchema,
    );
  }

  /** Says no; what waits behind the gate will not run. */
  reject(gateId: string, request: ResolveGateRequest = {}, options?: CallOptions): Promise<Gate> {
    return this.#requester.json(
      { method: "POST", path: `${pathOf(gateId)}/reject`, body: request, ...options },
      GateSchema,
    );
  }
}

function pathOf(gateId: string): string {
  return `/gates/${encodeURIComponent(gateId)}`;
}
