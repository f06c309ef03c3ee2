import {
  AttemptResultSchema,
  OpaqueIdSchema,
  OutputStreamSchema,
  type AttemptResult,
  type OutputStream,
} from "@signalbox/protocol";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import * as z from "zod";

import type { OutputPiece, OutputSource } from "../link/output-sender.ts";
import type { Clock } from "../process/clock.ts";
import { Spool, type SpoolSettings } from "../spool/spool.ts";
import { SpoolReader } from "./spool-reader.ts";

/** Bytes at the end of a stream that were dropped because the attempt may not keep more. */
const TailSchema = z.object({ stream: OutputStreamSchema, length: z.int().min(1), reason: z.string() });
const StoredFinishSchema = z.object({ result: AttemptResultSchema, tails: z.array(TailSchema) });
type Tail = z.infer<typeof TailSchema>;

export interface AttemptSpoolSettings extends Omit<SpoolSettings, "clock"> {
  readonly clock: Clock;
  /** While so many bytes are not acknowledged a writer waits. Default half of `maxBytes`. */
  readonly pauseBytes?: number;
}

/**
 * What is kept of one attempt until the control plane has all of it, in a directory that is named after the attempt and its
 * epoch. Opening does not wait for the disk; the first append does.
 */
export class AttemptSpool implements OutputSource {
  readonly attemptId: string;
  readonly epoch: number;
  readonly #spool: Promise<Spool>;
  readonly #pauseBytes: number;
  readonly #readers = new Map<OutputStream, SpoolReader>();
  /** How far each stream is on disk, so that it may be sent. */
  readonly #lengths = new Map<OutputStream, number>();
  readonly #acknowledged = new Map<OutputStream, number>();
  /** On their way to the disk. */
  #waitingBytes = 0;
  #tails: readonly Tail[] = [];
  #result: AttemptResult | undefined;
  #isDropped = false;
  #room: PromiseWithResolvers<void> | undefined;

  /** Begins a spool. The directory is there when this returns; the rest follows. */
  static create(
    root: string,
    held: { attemptId: string; epoch: number },
    settings: AttemptSpoolSettings,
  ): AttemptSpool {
    const directory = join(root, `${OpaqueIdSchema.parse(held.attemptId)}.${held.epoch}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const spool = Spool.open(directory, { segmentBytes: SEGMENT_BYTES, ...settings });
    // Whoever appends next sees the failure; until then it is nobody's.
    spool.then((opened) => opened.append({ type: "meta", value: held })).catch(() => undefined);
    return new AttemptSpool(held, spool, settings);
  }

  /** Takes up a spool that an earlier process of this runner left behind; undefined for a directory that is none. */
  static async recover(directory: string, settings: AttemptSpoolSettings): Promise<AttemptSpool | undefined> {
    const held = parseName(basename(directory));
    if (!held) return undefined;
    const spool = await Spool.open(directory, { segmentBytes: SEGMENT_BYTES, ...settings });
    const recovered = new AttemptSpool(held, Promise.resolve(spool), settings);
    recovered.#takeUp(spool);
    return recovered;
  }

  private constructor(
    held: { attemptId: string; epoch: number },
    spool: Promise<Spool>,
    { pauseBytes, maxBytes = DEFAULT_BYTES }: AttemptSpoolSettings,
  ) {
    this.attemptId = held.attemptId;
    this.epoch = held.epoch;
    this.#spool = spool;
    this.#pauseBytes = pauseBytes ?? maxBytes / 2;
  }

  /** The result, once there is one. */
  get result(): AttemptResult | undefined {
    return this.#result;
  }

  lengths(): ReadonlyMap<OutputStream, number> {
    if (this.#tails.length === 0) return this.#lengths;
    const lengths = new Map(this.#lengths);
    for (const { stream, length } of this.#tails) lengths.set(stream, (lengths.get(stream) ?? 0) + length);
    return lengths;
  }

  acknowledged(stream: OutputStream): number {
    return this.#acknowledged.get(stream) ?? 0;
  }

  acknowledge(stream: OutputStream, offset: number): void {
    this.#acknowledged.set(stream, offset);
    this.#room?.resolve();
    this.#room = undefined;
    void this.#letGo(stream, offset);
  }

  async read(stream: OutputStream, offset: number, maxBytes: number): Promise<OutputPiece | undefined> {
    const length = this.#lengths.get(stream) ?? 0;
    const tail = this.#tails.find((one) => one.stream === stream);
    if (offset >= length)
      return tail && { offset, length: length + tail.length - offset, bytes: new Uint8Array(0), gap: tail.reason };
    const spool = await this.#spool;
    const known = this.#readers.get(stream);
    const reader = known?.offset === offset ? known : new SpoolReader(spool, stream, offset);
    this.#readers.set(stream, reader);
    return reader.take(maxBytes, length);
  }

  /** Waits until there is room for more. Whoever reads a process waits here, and so does the process. */
  async room(): Promise<void> {
    while (this.#unacknowledgedBytes > this.#pauseBytes && !this.#isDropped) {
      this.#room ??= Promise.withResolvers();
      await this.#room.promise;
    }
  }

  /** Keeps bytes. Resolves when they are on disk; false: they are lost, and a gap will say so. */
  async append(stream: OutputStream, bytes: Buffer): Promise<boolean> {
    if (this.#isDropped) return false;
    const spool = await this.#spool;
    const appending = spool.append({ type: "output", stream, bytes });
    const end = spool.positions.get(stream)?.offset ?? 0;
    this.#waitingBytes += bytes.length;
    const { stored } = await appending.finally(() => (this.#waitingBytes -= bytes.length));
    if (stored) this.#lengths.set(stream, Math.max(this.#lengths.get(stream) ?? 0, end));
    return stored;
  }

  /** Keeps the result for good, and what was dropped at the end of each stream. Gaps of the spool are told before it. */
  async saveResult(result: AttemptResult, tails: readonly Tail[]): Promise<void> {
    this.#result = result;
    const spool = await this.#spool;
    await spool.append({ type: "finish", value: { result, tails } });
    this.#tails = tails;
    this.#measure(spool);
  }

  /** Forgets everything. */
  async drop(): Promise<void> {
    this.#isDropped = true;
    this.#room?.resolve();
    const spool = await this.#spool.catch(() => undefined);
    await spool?.remove();
  }

  /** Lets go of the files; what is kept stays for the next process. */
  async close(): Promise<void> {
    this.#isDropped = true;
    this.#room?.resolve();
    const spool = await this.#spool.catch(() => undefined);
    await spool?.close();
  }

  /** Without what was lost since the last bytes that were kept: nothing will be acknowledged of it before more is. */
  get #unacknowledgedBytes(): number {
    return [...this.#lengths].reduce(
      (sum, [stream, length]) => sum + length - this.acknowledged(stream),
      this.#waitingBytes,
    );
  }

  #takeUp(spool: Spool): void {
    const finish = StoredFinishSchema.safeParse(spool.finish);
    this.#result = finish.data?.result;
    this.#tails = finish.data?.tails ?? [];
    this.#measure(spool);
    for (const [stream, { acknowledged }] of spool.positions)
      this.#acknowledged.set(OutputStreamSchema.parse(stream), acknowledged);
  }

  #measure(spool: Spool): void {
    for (const [stream, { offset }] of spool.positions) this.#lengths.set(OutputStreamSchema.parse(stream), offset);
  }

  async #letGo(stream: OutputStream, offset: number): Promise<void> {
    const spool = await this.#spool.catch(() => undefined);
    spool?.acknowledge(stream, Math.min(offset, this.#lengths.get(stream) ?? 0));
  }
}

const DEFAULT_BYTES = 64 * 1024 * 1024;
/** A new file costs three waits for the disk, so they are large; what is acknowledged goes by whole files. */
const SEGMENT_BYTES = 8 * 1024 * 1024;

function parseName(name: string): { attemptId: string; epoch: number } | undefined {
  const dot = name.lastIndexOf(".");
  const epoch = Number(name.slice(dot + 1));
  const attemptId = OpaqueIdSchema.safeParse(name.slice(0, dot)).data;
  return attemptId !== undefined && Number.isSafeInteger(epoch) && epoch >= 1 ? { attemptId, epoch } : undefined;
}
