import {
  pageSchema,
  RunnerSchema,
  type CreateEnrolmentTokenRequest,
  type Page,
  type PaginationParams,
  type Runner,
} from "@signalbox/protocol";
import * as z from "zod";

import type { CallOptions, Requester } from "./request.ts";

/** A single-use token that admits one runner. */
export interface EnrolmentToken {
  readonly token: string;
  readonly expiresAt: string;
}

const RunnerPageSchema = pageSchema(RunnerSchema);
const EnrolmentTokenSchema = z.object({ token: z.string(), expiresAt: z.string() });

/** The machines of the fleet. */
export class RunnersClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  get(runnerId: string, options?: CallOptions): Promise<Runner> {
    return this.#requester.json({ path: pathOf(runnerId), ...options }, RunnerSchema);
  }

  list(params: Partial<PaginationParams> = {}, options?: CallOptions): Promise<Page<Runner>> {
    return this.#requester.json({ path: "/runners", query: { ...params }, ...options }, RunnerPageSchema);
  }

  /** Gives a runner no new work; what it has goes on. */
  drain(runnerId: string, options?: CallOptions): Promise<Runner> {
    return this.#requester.json({ method: "POST", path: `${pathOf(runnerId)}/drain`, ...options }, RunnerSchema);
  }

  /** Gives a draining runner work again. */
  resume(runnerId: string, options?: CallOptions): Promise<Runner> {
    return this.#requester.json({ method: "POST", path: `${pathOf(runnerId)}/resume`, ...options }, RunnerSchema);
  }

  /** Removes a runner for good; its key is refused from then on. */
  remove(runnerId: string, query: { readonly reason?: string } = {}, options?: CallOptions): Promise<Runner> {
    return this.#requester.json({ method: "DELETE", path: pathOf(runnerId), query, ...options }, RunnerSchema);
  }

  /** Makes a token with which one machine can join within its life of at most an hour. */
  createEnrolmentToken(
    request: Partial<CreateEnrolmentTokenRequest> = {},
    options?: CallOptions,
  ): Promise<EnrolmentToken> {
    return this.#requester.json(
      { method: "POST", path: "/runners/enrolment-tokens", body: request, ...options },
      EnrolmentTokenSchema,
    );
  }
}

function pathOf(runnerId: string): string {
  return `/runners/${encodeURIComponent(runnerId)}`;
}
