import { limit } from "@signalbox/protocol";

import { ControlPlaneError } from "../errors.ts";
import type { RunLog } from "../events/run-log.ts";

/** Which runs are not over, by org: what the limit `runs.active` counts. */
export class ActiveRuns {
  readonly #byOrg = new Map<string, Set<string>>();
  readonly #max: number;

  constructor(deps: { readonly runLog: RunLog; readonly max?: number }) {
    this.#max = deps.max ?? limit("runs.active");
    deps.runLog.on("changed", ({ runId, orgId, isOver }) =>
      isOver ? this.remove(runId, orgId) : this.add(runId, orgId),
    );
  }

  /** Runs that are not over, in all orgs. */
  get count(): number {
    let count = 0;
    for (const runs of this.#byOrg.values()) count += runs.size;
    return count;
  }

  add(runId: string, orgId: string): void {
    const runs = this.#byOrg.get(orgId);
    if (runs) runs.add(runId);
    else this.#byOrg.set(orgId, new Set([runId]));
  }

  remove(runId: string, orgId: string): void {
    this.#byOrg.get(orgId)?.delete(runId);
  }

  /** Refuses with RUN_LIMIT_EXCEEDED when an org may not have another run. */
  requireRoom(orgId: string): void {
    if ((this.#byOrg.get(orgId)?.size ?? 0) < this.#max) return;
    throw new ControlPlaneError(
      "RUN_LIMIT_EXCEEDED",
      `org ${orgId} has ${this.#max} unfinished runs, as many as it may have`,
      { limit: this.#max },
    );
  }
}
