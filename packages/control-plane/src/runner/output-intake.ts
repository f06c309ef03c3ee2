import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";

import { decodeOutputFrame, limit, type LimitLookup, type OutputAnswer, type OutputStream } from "@signalbox/protocol";
import { readStream, type OutputPiece, type OutputVerdict, type SignalboxStore } from "@signalbox/store";

import type { Clock } from "../clock.ts";
import type { OutputFeed } from "../events/output-feed.ts";
import type { Logger } from "../logger.ts";
import type { SessionLog } from "../session/session-log.ts";
import { OutputTurns } from "./output-turns.ts";
import { dividePiece, unitLength, weightOf } from "./output-units.ts";

const PAUSE_MS = 1_000;
/** Rows of one look at stored output. */
const ROWS_AT_ONCE = 64;
const UNIT_BYTES = limit("output.unitBytes");
/** Of one runner, in memory. Beyond it, its socket is not read. */
const MAX_WAITING_BYTES = 4 * limit("output.windowBytes");

/** Where the answers to one runner's output go. */
export type AnswerOutput = (answer: OutputAnswer) => void;

/**
 * Takes the output of runners: checks each frame, stores what waits in units of a bounded size and all runners in turn, answers
 * after the commit, and keeps the running checksum of every stream that it has seen from its beginning.
 */
export class OutputIntake {
  readonly #store: SignalboxStore;
  readonly #clock: Clock;
  readonly #sessionLog: SessionLog;
  readonly #limits: LimitLookup;
  readonly #outputFeed: OutputFeed;
  readonly #logger: Logger;
  readonly #onStored: (pieces: readonly OutputPiece[]) => void;
  readonly #turns = new OutputTurns(limit("output.storingBytes"));
  readonly #hashes = new Map<string, { readonly hash: Hash; length: number }>();

  constructor(deps: {
    readonly store: SignalboxStore;
    readonly clock: Clock;
    readonly sessionLog: SessionLog;
    readonly limits: LimitLookup;
    readonly outputFeed: OutputFeed;
    readonly logger: Logger;
    /** Told of pieces that are stored now, in their order; some may have been before. */
    readonly onStored?: (pieces: readonly OutputPiece[]) => void;
  }) {
    this.#store = deps.store;
    this.#clock = deps.clock;
    this.#sessionLog = deps.sessionLog;
    this.#limits = deps.limits;
    this.#outputFeed = deps.outputFeed;
    this.#logger = deps.logger;
    this.#onStored = deps.onStored ?? (() => {});
  }

  /**
   * The output channel of one runner: frames go in one after the other, and are stored in that order. `hold` is told
   * when more waits than an honest runner's window explains, and again when that is stored.
   */
  open(
    runnerId: string,
    answer: AnswerOutput,
    hold: (isFull: boolean) => void = () => {},
  ): { take(frame: Uint8Array): boolean } {
    let waiting: OutputPiece[] = [];
    let waitingBytes = 0;
    let isFull = false;
    let isStoring = false;
    const count = (bytes: number) => {
      waitingBytes += bytes;
      if (isFull ? waitingBytes > MAX_WAITING_BYTES / 2 : waitingBytes <= MAX_WAITING_BYTES) return;
      isFull = !isFull;
      hold(isFull);
    };
    const store = async () => {
      isStoring = true;
      while (waiting.length > 0) {
        const length = unitLength(waiting, UNIT_BYTES);
        const pieces = waiting.slice(0, length);
        waiting = waiting.slice(length);
        using _turn = await this.#turns.enter(sumOf(pieces, weightOf));
        await this.#storePieces(runnerId, pieces, answer);
        count(-sumOf(pieces, ({ bytes }) => bytes.length));
      }
      isStoring = false;
    };
    return {
      take: (message) => {
        const piece = readFrame(message);
        if (!piece) return false;
        waiting.push(...dividePiece(piece, UNIT_BYTES));
        count(piece.bytes.length);
        if (!isStoring) void store();
        return true;
      },
    };
  }

  /** sha256 of what is stored of a stream; undefined when a part of it was lost. */
  async checksum(runId: string, attemptId: string, stream: OutputStream, length: number): Promise<string | undefined> {
    const known = this.#hashes.get(streamKey(attemptId, stream));
    if (known?.length === length) return known.hash.copy().digest("hex");
    return this.#checksumOfStored(runId, attemptId, stream, length);
  }

  /** Forgets the running checksums of an attempt that is over. */
  forget(attemptId: string): void {
    for (const key of this.#hashes.keys()) if (key.startsWith(`${attemptId}/`)) this.#hashes.delete(key);
  }

  async #storePieces(runnerId: string, pieces: readonly OutputPiece[], answer: AnswerOutput): Promise<void> {
    try {
      const verdicts = await this.#store.run("appendOutput", {
        runnerId,
        pieces,
        maxBytes: this.#limits("step.outputBytes"),
        now: this.#clock.now(),
      });
      for (const [index, verdict] of verdicts.entries()) {
        const piece = pieces[index];
        if (piece && verdict.kind === "ack") this.#addToChecksum(piece);
      }
      this.#onStored(pieces.filter((_, index) => verdicts[index]?.kind === "ack"));
      for (const verdict of lastOfEach(verdicts)) answer(toAnswer(verdict));
      for (const { session } of verdicts) if (session) this.#sessionLog.tell(session);
      for (const runId of new Set(verdicts.map((verdict) => verdict.runId))) this.#outputFeed.notify(runId);
    } catch (error) {
      // The runner still has all of it in its spool; it sends again from what was acknowledged.
      this.#logger.warn({ err: error, runner: runnerId }, "output not stored; the runner is asked to wait");
      for (const { attemptId, epoch } of pieces) answer({ type: "pause", attemptId, epoch, retryAfterMs: PAUSE_MS });
    }
  }

  #addToChecksum(piece: OutputPiece): void {
    const key = streamKey(piece.attemptId, piece.stream);
    const known = this.#hashes.get(key) ?? { hash: createHash("sha256"), length: 0 };
    if (piece.gap !== undefined || piece.offset > known.length || piece.offset + piece.length <= known.length) return;
    known.hash.update(piece.bytes.subarray(known.length - piece.offset));
    known.length = piece.offset + piece.length;
    this.#hashes.set(key, known);
  }

  async #checksumOfStored(
    runId: string,
    attemptId: string,
    stream: OutputStream,
    length: number,
  ): Promise<string | undefined> {
    const hash = createHash("sha256");
    let [seen, after] = [0, 0];
    while (seen < length) {
      const rows = await this.#store.view(() => readStream(attemptId, runId, stream, after, ROWS_AT_ONCE));
      const last = rows.at(-1);
      if (!last || rows.some((row) => row.gap !== null)) return undefined;
      for (const row of rows) hash.update(row.bytes);
      seen = last.start + last.length;
      after = last.seq;
    }
    return hash.digest("hex");
  }
}

function sumOf(pieces: readonly OutputPiece[], size: (piece: OutputPiece) => number): number {
  return pieces.reduce((sum, piece) => sum + size(piece), 0);
}

/** A frame that is whole and whose checksum is right. */
function readFrame(message: Uint8Array): OutputPiece | undefined {
  const frame = decodeOutputFrame(message);
  if (!frame || (frame.gap === undefined && crc32(frame.bytes) !== frame.crc32)) return undefined;
  const { attemptId, epoch, stream, offset, length, bytes, gap } = frame;
  return { attemptId, epoch, stream, offset, length, bytes, ...(gap === undefined ? {} : { gap }) };
}

/** Of several verdicts on one stream the last says all. */
function lastOfEach(verdicts: readonly OutputVerdict[]): Iterable<OutputVerdict> {
  return new Map(
    verdicts.map((verdict) => [`${verdict.attemptId}/${verdict.epoch}/${verdict.stream}`, verdict]),
  ).values();
}

function toAnswer({ kind, attemptId, epoch, stream, offset }: OutputVerdict): OutputAnswer {
  return kind === "fenced" ? { type: "fenced", attemptId, epoch } : { type: kind, attemptId, epoch, stream, offset };
}

function streamKey(attemptId: string, stream: string): string {
  return `${attemptId}/${stream}`;
}
