import { createHash } from "node:crypto";
import { Readable } from "node:stream";

import {
  canonicalJson,
  type AttemptResult,
  type ControlMessageOf,
  type FailureReason,
  type Repository,
  type RunnerMessageOf,
  type WorkspaceChanges,
  type WorkspaceManifest,
} from "@signalbox/protocol";
import { readAttempt, readRun, UnitRefusal, type FinishAttemptArgs, type SignalboxStore } from "@signalbox/store";
import * as z from "zod";

import { refusalOf } from "../answer.ts";
import type { Clock } from "../clock.ts";
import type { OutputFeed } from "../events/output-feed.ts";
import type { RunLog } from "../events/run-log.ts";
import type { Logger } from "../logger.ts";
import { mergeWorkspace } from "../run/merge-workspace.ts";
import { readableRun } from "../run/run-view.ts";
import { readChanges, readManifest } from "../run/workspace-files.ts";
import type { AttemptBoard, LiveAttempt } from "./attempt-board.ts";
import type { OutputIntake } from "./output-intake.ts";

/** What `AttemptResults` works with. */
export interface AttemptResultsDeps {
  readonly store: SignalboxStore;
  readonly clock: Clock;
  readonly runLog: RunLog;
  readonly board: AttemptBoard;
  readonly outputIntake: OutputIntake;
  readonly outputFeed: OutputFeed;
  readonly logger: Logger;
  /** Told when an attempt no longer holds its place. */
  readonly onReleased: (attempt: LiveAttempt) => void;
}

type FinishAnswer = Pick<ControlMessageOf<"finish_ack">, "verdict" | "missing">;

/** Nobody can merge for ever: after this many rounds against other steps the attempt counts as a conflict. */
const MERGE_TRIES = 10;

/** What runners say of attempts: each thing recorded once, and only from the holder of the epoch. */
export class AttemptResults {
  readonly #deps: AttemptResultsDeps;

  constructor(deps: AttemptResultsDeps) {
    this.#deps = deps;
  }

  /** An attempt has begun. False: it is not the runner's any more. */
  async started(
    runnerId: string,
    { attemptId, epoch, envelopeHash, sandbox }: RunnerMessageOf<"started">,
  ): Promise<boolean> {
    const { runLog, clock } = this.#deps;
    return this.#whileHeld(() =>
      runLog.commit("startAttempt", { attemptId, epoch, runnerId, envelopeHash, sandbox, now: clock.now() }),
    );
  }

  /** How far an attempt has come. False: it is not the runner's any more. */
  async progressed(
    runnerId: string,
    { attemptId, epoch, percent, message }: RunnerMessageOf<"progress">,
  ): Promise<boolean> {
    const { runLog, clock, board } = this.#deps;
    if (board.get(attemptId)?.epoch !== epoch) return false;
    return this.#whileHeld(() =>
      runLog.commit("reportProgress", { attemptId, epoch, runnerId, percent, message, now: clock.now() }),
    );
  }

  /** An attempt is over, its runner says. Applied once its output and files are all here. */
  async finished(runnerId: string, { attemptId, epoch, result }: RunnerMessageOf<"finish">): Promise<FinishAnswer> {
    try {
      const changes = await this.#changesOf(result);
      const missing = await this.#missingBlobs(result, changes);
      if (missing.length > 0) return { verdict: "incomplete", missing: { blobs: missing, streams: [] } };
      const { verdict } = await this.#apply(
        { attemptId, epoch, runnerId, result, now: this.#deps.clock.now() },
        changes,
      );
      this.#release(attemptId, epoch);
      return { verdict };
    } catch (error) {
      return this.#refusedFinish(error);
    }
  }

  /** An attempt ended without a word, or its runner came back without it. */
  async lost(attempt: LiveAttempt, reason: "runner_lost" | "interrupted", message: string): Promise<void> {
    const { attemptId, epoch } = attempt;
    const { runLog, clock, logger } = this.#deps;
    logger.warn({ attempt: attemptId, runner: attempt.runnerId, run: attempt.runId, reason }, "attempt lost");
    await runLog.commit("loseAttempt", { attemptId, epoch, reason, message, now: clock.now() });
    this.#release(attemptId, epoch, attempt);
  }

  #release(attemptId: string, epoch: number, known?: LiveAttempt): void {
    const attempt = this.#deps.board.remove(attemptId, epoch) ?? known;
    this.#deps.outputIntake.forget(attemptId);
    if (!attempt) return;
    this.#deps.onReleased(attempt);
    this.#deps.outputFeed.notify(attempt.runId);
  }

  async #whileHeld(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof UnitRefusal) return false;
      throw error;
    }
  }

  /** What a result says that it changed: undefined when nothing, or not here yet; a text that is no such list is told apart. */
  async #changesOf({ changes }: AttemptResult): Promise<WorkspaceChanges | "unreadable" | undefined> {
    const { blobs } = this.#deps.store;
    if (!changes || (await blobs.size(changes.sha256)) === undefined) return undefined;
    try {
      return await readChanges(blobs, changes.sha256);
    } catch (error) {
      if (error instanceof SyntaxError || error instanceof z.ZodError) return "unreadable";
      throw error;
    }
  }

  async #missingBlobs(result: AttemptResult, changes: WorkspaceChanges | "unreadable" | undefined): Promise<string[]> {
    const named = new Set(result.artifacts.map(({ sha256 }) => sha256));
    if (result.changes) named.add(result.changes.sha256);
    if (typeof changes === "object") for (const { sha256 } of changes.written) named.add(sha256);
    if (named.size === 0) return [];
    const here = await this.#deps.store.blobs.has([...named]);
    return [...named].filter((sha256) => !here.has(sha256));
  }

  /** Applies a result; with changed files, merged into the run's workspace as it is now, again if it changed meanwhile. */
  async #apply(
    args: FinishAttemptArgs,
    changes: WorkspaceChanges | "unreadable" | undefined,
  ): Promise<{ verdict: "applied" | "duplicate" }> {
    const { runLog } = this.#deps;
    const result = await this.#withChecksums(args);
    const fail = (reason: FailureReason, message: string) =>
      runLog.commit("finishAttempt", { ...args, result: { ...result, outcome: "failed", reason, message } });
    if (changes === undefined || result.outcome !== "succeeded")
      return runLog.commit("finishAttempt", { ...args, result });
    if (changes === "unreadable") return fail("runtime_error", "the list of what it changed cannot be read");
    for (let round = 0; round < MERGE_TRIES; round++) {
      const merged = await this.#merge(args.attemptId, changes);
      if (merged === "conflict") break;
      try {
        return await runLog.commit("finishAttempt", { ...args, result, ...(merged ? { merged } : {}) });
      } catch (error) {
        if (!(error instanceof UnitRefusal) || error.code !== "CONTENT_CHANGED") throw error;
      }
    }
    return fail("workspace_conflict", "another step changed the same files meanwhile");
  }

  async #merge(attemptId: string, changes: WorkspaceChanges): Promise<FinishAttemptArgs["merged"] | "conflict"> {
    const { store } = this.#deps;
    const attempt = await store.view(() => readAttempt(attemptId));
    const row = attempt && (await store.view(() => readRun(attempt.runId, attempt.orgId)));
    if (!attempt || !row) return undefined;
    const { progress } = readableRun(row);
    const [base, current] = await Promise.all([
      readManifest(store.blobs, attempt.baseManifest),
      readManifest(store.blobs, progress.manifest),
    ]);
    const merge = mergeWorkspace(base, current, changes);
    if (merge.kind === "conflict") return "conflict";
    return {
      from: progress.manifest,
      to: await this.#putManifest(merge.manifest),
      repo: pinned(progress.repo, merge.manifest.commit),
    };
  }

  async #putManifest(manifest: WorkspaceManifest): Promise<string> {
    const bytes = Buffer.from(canonicalJson(manifest));
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await this.#deps.store.blobs.put(sha256, Readable.from([bytes]), { maxBytes: bytes.length });
    return sha256;
  }

  /** A stream whose stored bytes are not what the runner sent is said out loud; it cannot happen to an honest disk. */
  async #withChecksums({ attemptId, result }: FinishAttemptArgs): Promise<AttemptResult> {
    if (result.streams.length === 0) return result;
    const runId =
      this.#deps.board.get(attemptId)?.runId ?? (await this.#deps.store.view(() => readAttempt(attemptId)))?.runId;
    if (runId === undefined) return result;
    for (const { stream, length, sha256 } of result.streams) {
      if (length === 0) continue;
      const stored = await this.#deps.outputIntake.checksum(runId, attemptId, stream, length);
      if (stored !== undefined && stored !== sha256) {
        this.#deps.logger.error(
          { attempt: attemptId, stream, stored, sent: sha256 },
          "stored output differs from what was sent",
        );
        return {
          ...result,
          outcome: "failed",
          reason: "runtime_error",
          message: `stored ${stream} differs from what the runner sent`,
        };
      }
    }
    return result;
  }

  #refusedFinish(error: unknown): FinishAnswer {
    if (!(error instanceof UnitRefusal)) throw error;
    if (error.code === "INCOMPLETE_OUTPUT") {
      // Thrown by finishAttempt with exactly this; details cross the writer's thread as plain data.
      const { streams } = error.details as unknown as { streams: NonNullable<FinishAnswer["missing"]>["streams"] };
      return { verdict: "incomplete", missing: { blobs: [], streams } };
    }
    if (error.code === "ATTEMPT_NOT_FOUND") return { verdict: "unknown" };
    if (error.code === "FENCED") return { verdict: "fenced" };
    throw new Error(`result of an attempt refused: ${refusalOf(error)?.message ?? error.message}`, { cause: error });
  }
}

/** The repository of a run, at the commit that its first step found. */
function pinned(repo: Repository | null, commit: string | null): Repository | null {
  return repo === null || commit === null ? repo : { ...repo, commit };
}
