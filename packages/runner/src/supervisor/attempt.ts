import {
  nextState,
  type AttemptResult,
  type ControlMessageOf,
  type MoveOf,
  type RunnerMessage,
  type SandboxReport,
} from "@signalbox/protocol";

import type { OutputLink } from "../link/output-link.ts";
import type { Logger } from "../logger.ts";
import { SessionInbox } from "../session/session-inbox.ts";
import { ATTEMPT_LIFE, type AttemptLifeState } from "./attempt-states.ts";
import type { AttemptSpool } from "./attempt-spool.ts";
import type { RecordedOutput } from "./output-recorder.ts";
import { StopSwitch, type StopCause } from "./stop-switch.ts";

/** What an attempt has come to, as the spool and the hello need it. */
export interface AttemptSettings {
  readonly spool: AttemptSpool;
  readonly state: Extract<AttemptLifeState, "preparing" | "interrupted" | "finished">;
  readonly cancelGraceMs: number;
  readonly send: (message: RunnerMessage) => boolean;
  readonly output: OutputLink;
  readonly logger: Logger;
  /** Sends blobs that the control plane lacks, from where the attempt left its files. */
  readonly sendBlobs: (sha256s: readonly string[]) => Promise<void>;
  /** Nobody needs its files any more; the next step of the run may already be on its way. */
  readonly onSettled: () => void;
  /** Nothing is left to do for it: its spool is empty, its processes are gone. */
  readonly onOver: (attempt: Attempt) => void;
}

/** One attempt at a step on this machine, from its start to the moment when the control plane has all of it. */
export class Attempt {
  readonly stop = new StopSwitch();
  /** What the session that it is the work of is told. */
  readonly inbox = new SessionInbox();
  /** Resolves when no process of it is left and, unless it was fenced, its result is on disk. */
  readonly worked: Promise<void>;
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  /** Aborted when the attempt is fenced, and not before: what is left to be sent is sent also after a cancel. */
  readonly fenced: AbortSignal;
  readonly #fencing = new AbortController();
  readonly #settings: AttemptSettings;
  readonly #worked = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #state: AttemptLifeState;

  constructor(settings: AttemptSettings) {
    this.#settings = settings;
    this.#state = settings.state;
    this.fenced = this.#fencing.signal;
    this.worked = this.#worked.promise;
    this.over = this.#over.promise;
    if (settings.state === "finished") this.#worked.resolve();
  }

  get id(): string {
    return this.#settings.spool.attemptId;
  }

  get epoch(): number {
    return this.#settings.spool.epoch;
  }

  get state(): AttemptLifeState {
    return this.#state;
  }

  /** Whether the control plane has all of its output. */
  get isDelivered(): boolean {
    const { spool } = this.#settings;
    return [...spool.lengths()].every(([stream, length]) => spool.acknowledged(stream) >= length);
  }

  /** As a hello names it. */
  get helloState(): "live" | "finished" | "interrupted" {
    return this.#state === "finished" || this.#state === "interrupted" ? this.#state : "live";
  }

  /** Whether it takes up a slot. */
  get isWorking(): boolean {
    return this.#state === "preparing" || this.#state === "running" || this.#state === "stopping";
  }

  /** A process of it has started; told to the control plane the first time. */
  spawned(envelopeHash: string, sandbox: SandboxReport): void {
    const isFirst = this.#state === "preparing";
    if (!this.#move("spawn") || !isFirst) return;
    this.#send({ type: "started", attemptId: this.id, epoch: this.epoch, envelopeHash, sandbox });
  }

  /** The control plane or the clock wants it to end. What has ended already is left alone. */
  end(cause: StopCause, graceMs = this.#settings.cancelGraceMs): void {
    if (this.#move("stop")) this.stop.stop(cause, graceMs);
  }

  /** Writes the result down, then sends it. A fenced attempt has none. */
  async finish(result: AttemptResult, tails: RecordedOutput["tails"] = []): Promise<void> {
    if (nextState(ATTEMPT_LIFE, this.#state, "finish")) {
      await this.#save(result, tails);
      // It may have been fenced while the disk was busy.
      if (this.#move("finish")) this.report();
    }
    this.#worked.resolve();
  }

  /**
   * Says of an attempt that was found without a result that its work is gone, as soon as the control plane has the output
   * that is left. Others are left alone.
   */
  async interrupt(): Promise<void> {
    if (this.#state !== "interrupted" || !this.isDelivered) return;
    const message = "the runner restarted, and the work had stopped";
    await this.finish({ outcome: "interrupted", reason: "interrupted", message, streams: [], artifacts: [] });
  }

  /** Sends the result, if there is one; again and again until `acknowledged`. */
  report(): void {
    const { result } = this.#settings.spool;
    if (this.#state === "finished" && result)
      this.#send({ type: "finish", attemptId: this.id, epoch: this.epoch, result });
  }

  /** The control plane's answer to the result. */
  async acknowledged({ verdict, missing }: ControlMessageOf<"finish_ack">): Promise<void> {
    if (verdict === "fenced" || verdict === "unknown") return this.fence();
    if (verdict === "incomplete") return this.#complete(missing);
    if (this.#move("acknowledge")) await this.#close();
  }

  /** The attempt belongs to another, or to nobody: kills what runs and forgets what was kept. */
  async fence(): Promise<void> {
    const wasWorking = this.isWorking;
    if (!this.#move("fence")) return;
    this.#settings.logger.warn({ attemptId: this.id, epoch: this.epoch }, "attempt is fenced; its work is dropped");
    this.#settings.output.detach(this.id);
    this.#fencing.abort();
    this.stop.stop("fenced", 0);
    if (wasWorking) await this.worked;
    await this.#close();
  }

  /** The runner goes: what runs is killed, and what is on disk waits for its next process. */
  async abandon(): Promise<void> {
    if (this.#state === "over") return this.over;
    const wasWorking = this.isWorking;
    this.#state = "over";
    this.#settings.output.detach(this.id);
    this.#fencing.abort();
    this.stop.stop("fenced", 0);
    if (wasWorking) await this.worked;
    await this.#settings.spool.close();
    this.#over.resolve();
  }

  async #complete(missing: ControlMessageOf<"finish_ack">["missing"]): Promise<void> {
    this.#settings.output.resend(this.id, missing?.streams ?? []);
    await this.#settings.sendBlobs(missing?.blobs ?? []);
  }

  /** A result that the disk does not take is sent all the same; only a crash before the answer would lose it. */
  async #save(result: AttemptResult, tails: RecordedOutput["tails"]): Promise<void> {
    const { spool, output, logger } = this.#settings;
    await spool
      .saveResult(result, tails)
      .catch((error: unknown) => logger.error({ error, attemptId: this.id }, "the result is not on disk"));
    output.notify(this.id);
  }

  async #close(): Promise<void> {
    const { output, spool, logger } = this.#settings;
    output.detach(this.id);
    this.#settings.onSettled();
    await spool
      .drop()
      .catch((error: unknown) => logger.warn({ error, attemptId: this.id }, "a spool could not be removed"));
    this.#over.resolve();
    this.#settings.onOver(this);
  }

  #move(move: MoveOf<typeof ATTEMPT_LIFE>): boolean {
    const next = nextState(ATTEMPT_LIFE, this.#state, move);
    if (next) this.#state = next;
    return next !== undefined;
  }

  #send(message: RunnerMessage): void {
    this.#settings.send(message);
  }
}
