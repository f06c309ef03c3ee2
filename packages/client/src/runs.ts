import {
  EventRecordSchema,
  RunDetailsSchema,
  RunSchema,
  StepDetailsSchema,
  WaitingReasonSchema,
  type CancelRunRequest,
  type CreateRunInput,
  type EventRecord,
  type OutputChunk,
  type Run,
  type RunDetails,
  type RunState,
  type StepDetails,
  type WaitingReason,
} from "@signalbox/protocol";
import * as z from "zod";

import type { FollowOptions } from "./follow.ts";
import type { CallOptions, Requester } from "./request.ts";
import { watchOutput, watchRun, type Gap, type WatchOutputOptions } from "./watch.ts";

/** Which runs are listed. `cursor` is the `nextCursor` of the page before. */
export interface ListRunsQuery {
  readonly projectId?: string | undefined;
  readonly status?: RunState | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** One page of runs, newest first. */
export interface RunPage {
  readonly items: readonly Run[];
  readonly nextCursor?: string | undefined;
}

/** One page of a run's events. `gap`: what came before `earliest` was removed by retention. */
export interface EventPage {
  readonly events: readonly EventRecord[];
  readonly lastSeq: number;
  readonly gap?: { readonly earliest: number } | undefined;
}

const RunPageSchema = z.object({ items: z.array(RunSchema), nextCursor: z.string().optional() });
const EventPageSchema = z.object({
  events: z.array(EventRecordSchema),
  lastSeq: z.int(),
  gap: z.object({ earliest: z.int() }).optional(),
});

/** Orders: made, watched, cancelled. */
export class RunsClient {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Makes a run from exactly one of a plan, a prompt (`standard`), instructions and a command. */
  create(request: CreateRunInput, options?: CallOptions): Promise<Run> {
    return this.#requester.json({ method: "POST", path: "/runs", body: request, ...options }, RunSchema);
  }

  /** A run with its steps, gates and artifacts. */
  get(runId: string, options?: CallOptions): Promise<RunDetails> {
    return this.#requester.json({ path: pathOf(runId), ...options }, RunDetailsSchema);
  }

  /** One page of runs, newest first. */
  list(query: ListRunsQuery = {}, options?: CallOptions): Promise<RunPage> {
    return this.#requester.json({ path: "/runs", query: { ...query }, ...options }, RunPageSchema);
  }

  /** Every run, newest first, page by page as they are read. */
  async *all(query: ListRunsQuery = {}, options?: CallOptions): AsyncGenerator<Run, void, undefined> {
    for (let cursor = query.cursor; ;) {
      const page = await this.list({ ...query, cursor }, options);
      yield* page.items;
      if (page.nextCursor === undefined) return;
      cursor = page.nextCursor;
    }
  }

  /** Asks for a run to be cancelled; it is cancelled once nothing of it runs any more. */
  cancel(runId: string, request: Partial<CancelRunRequest> = {}, options?: CallOptions): Promise<Run> {
    return this.#requester.json(
      { method: "POST", path: `${pathOf(runId)}/cancel`, body: request, ...options },
      RunSchema,
    );
  }

  /** One step by its name or id. */
  step(runId: string, step: string, options?: CallOptions): Promise<StepDetails> {
    return this.#requester.json(
      { path: `${pathOf(runId)}/steps/${encodeURIComponent(step)}`, ...options },
      StepDetailsSchema,
    );
  }

  /** Why steps that could run do not. */
  waiting(runId: string, options?: CallOptions): Promise<WaitingReason[]> {
    return this.#requester.json({ path: `${pathOf(runId)}/waiting`, ...options }, z.array(WaitingReasonSchema));
  }

  /** One page of events after a cursor. */
  events(runId: string, query: { after?: number; limit?: number } = {}, options?: CallOptions): Promise<EventPage> {
    return this.#requester.json({ path: `${pathOf(runId)}/events`, query, ...options }, EventPageSchema);
  }

  /** The events of a run, live, until it has ended; see `watchRun`. */
  watch(runId: string, options?: FollowOptions): AsyncGenerator<EventRecord | Gap, void, undefined> {
    return watchRun(this.#requester, runId, options);
  }

  /** The output of a run, live, until it has ended; see `watchOutput`. */
  watchOutput(runId: string, options?: WatchOutputOptions): AsyncGenerator<OutputChunk, void, undefined> {
    return watchOutput(this.#requester, runId, options);
  }

  /** The run as it is once it has ended, whatever its end was. */
  async wait(runId: string, options: FollowOptions = {}): Promise<RunDetails> {
    for await (const _ of this.watch(runId, options));
    return await this.get(runId, { signal: options.signal });
  }
}

function pathOf(runId: string): string {
  return `/runs/${encodeURIComponent(runId)}`;
}
