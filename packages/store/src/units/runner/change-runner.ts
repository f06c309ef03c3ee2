import { SYSTEM_ACTOR, type Actor } from "@signalbox/protocol";

import type { RunnerRow } from "../../rows.ts";
import type { Statement } from "../../unit.ts";
import { once, type Answer, type Idempotency } from "../idempotency.ts";
import { loadRunner, moveRunner, recordRunner, saveRunner } from "./runner-change.ts";

export interface ChangeRunnerArgs {
  readonly runnerId: string;
  readonly orgId?: string | undefined;
  readonly move: "drain" | "resume" | "retire";
  readonly reason?: string | undefined;
  readonly now: number;
  readonly actor: Actor;
  readonly idempotency?: Idempotency | undefined;
}

const EVENTS = { drain: "runner.draining", resume: "runner.resumed", retire: "runner.deregistered" } as const;
const ALREADY: Readonly<Record<ChangeRunnerArgs["move"], readonly string[]>> = {
  drain: ["draining", "offline_draining"],
  resume: ["online", "offline"],
  retire: ["retired"],
};

/** Drains, resumes or retires a runner. Asking for what is so already is fine. */
export function changeRunner(args: ChangeRunnerArgs): Generator<Statement, Answer<RunnerRow>, unknown> {
  return once(args, moveTo);
}

function* moveTo(args: ChangeRunnerArgs): Generator<Statement, RunnerRow, unknown> {
  const runner = yield* loadRunner(args.runnerId, args.orgId);
  if (ALREADY[args.move].includes(runner.state)) return runner;

  moveRunner(runner, args.move);
  if (args.move === "retire") runner.retired_at = args.now;
  const origin = { orgId: runner.org_id, now: args.now, actor: args.actor };
  yield* recordRunner(runner, EVENTS[args.move], args.reason === undefined ? {} : { reason: args.reason }, origin);
  yield* saveRunner(runner);
  return runner;
}

export interface BeatRunnersArgs {
  readonly beats: readonly {
    runnerId: string;
    at: number;
    load: string;
    runtimeVersions: string | null;
    capabilities: string | null;
  }[];
  readonly now: number;
}

/** Writes the last signs of life of many runners at once; returns those that came back from being offline. */
export function* beatRunners(args: BeatRunnersArgs): Generator<Statement, string[], unknown> {
  const back: string[] = [];
  for (const beat of args.beats) {
    const runner = yield* loadRunner(beat.runnerId);
    if (runner.state === "retired") continue;
    runner.last_heartbeat_at = beat.at;
    runner.load = beat.load;
    runner.runtime_versions = beat.runtimeVersions ?? runner.runtime_versions;
    runner.capabilities = beat.capabilities ?? runner.capabilities;
    if (runner.state === "offline" || runner.state === "offline_draining") {
      moveRunner(runner, "beat");
      back.push(runner.id);
      yield* recordRunner(runner, "runner.online", {}, { orgId: runner.org_id, now: args.now, actor: SYSTEM_ACTOR });
    }
    yield* saveRunner(runner);
  }
  return back;
}

/** Notes that nothing was heard of runners for too long. Those that are offline or gone already stay as they are. */
export function* silenceRunners(args: {
  runnerIds: readonly string[];
  now: number;
}): Generator<Statement, string[], unknown> {
  const silenced: string[] = [];
  for (const runnerId of args.runnerIds) {
    const runner = yield* loadRunner(runnerId);
    if (runner.state !== "online" && runner.state !== "draining") continue;
    moveRunner(runner, "silence");
    yield* recordRunner(runner, "runner.offline", {}, { orgId: runner.org_id, now: args.now, actor: SYSTEM_ACTOR });
    yield* saveRunner(runner);
    silenced.push(runnerId);
  }
  return silenced;
}
