import {
  ApprovalSchema,
  type Approval,
  type ApprovalKind,
  type ApprovalState,
  type ResolveApprovalInput,
} from "@signalbox/protocol";
import * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

const ApprovalListSchema = z.object({ items: z.array(ApprovalSchema) });

/** Decisions: what agents, people and budgets ask for, and the gates of runs. */
export class ApprovalsClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Approvals, newest first. */
  list(
    query: {
      readonly state?: ApprovalState;
      readonly kind?: ApprovalKind;
      readonly sessionId?: string;
      readonly limit?: number;
    } = {},
    options?: CallOptions,
  ): Promise<{ items: Approval[] }> {
    return this.#requester.json({ path: "/approvals", query: { ...query }, ...options }, ApprovalListSchema);
  }

  /** One approval, with everything that it lets happen. */
  get(approvalId: string, options?: CallOptions): Promise<Approval> {
    return this.#requester.json({ path: pathOf(approvalId), ...options }, ApprovalSchema);
  }

  /** Decides. Send the `contentHash` of what was shown: another content is then CONTENT_CHANGED, and nothing is decided. */
  resolve(
    approvalId: string,
    request: Omit<ResolveApprovalInput, "approvalId">,
    options?: CallOptions,
  ): Promise<Approval> {
    const path = `${pathOf(approvalId)}/resolve`;
    return this.#requester.json({ method: "POST", path, body: request, ...options }, ApprovalSchema);
  }
}

function pathOf(approvalId: string): string {
  return `/approvals/${encodeURIComponent(approvalId)}`;
}
