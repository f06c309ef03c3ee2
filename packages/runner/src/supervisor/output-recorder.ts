import type { AttemptResult, OutputStream } from "@signalbox/protocol";
import { createHash, type Hash } from "node:crypto";

import type { ByteRedaction, Redactor } from "../redaction/redactor.ts";
import type { AttemptSpool } from "./attempt-spool.ts";

export interface OutputRecorderSettings {
  readonly spool: AttemptSpool;
  readonly redactor: Redactor;
  /** The most bytes kept of the attempt; what comes after is a gap. */
  readonly maxBytes: number;
  /** There is something new to send. */
  readonly onOutput: () => void;
}

/** What the streams of an attempt came to, and what was dropped at the end of each. */
export interface RecordedOutput {
  readonly streams: AttemptResult["streams"];
  readonly tails: { stream: OutputStream; length: number; reason: string }[];
}

interface Recorded {
  readonly redaction: ByteRedaction;
  /** Over the bytes that were kept. */
  readonly hash: Hash;
  length: number;
  /** Bytes over the limit: counted, not kept. */
  dropped: number;
  /** The last append; they come to their end in order. */
  last: Promise<void>;
}

/** Bytes that may wait for the disk; appends made together share one fsync, so a few should be under way. */
const WAITING_BYTES = 4 * 1024 * 1024;

/** Takes the output of an attempt through redaction into its spool, and knows what each stream came to. */
export class OutputRecorder {
  readonly #settings: OutputRecorderSettings;
  readonly #streams = new Map<OutputStream, Recorded>();
  #keptBytes = 0;
  #waitingBytes = 0;
  #failure: Error | undefined;

  constructor(settings: OutputRecorderSettings) {
    this.#settings = settings;
  }

  /** Records a stream of a process to its end. While the spool has no room, it is not read, and the process waits. */
  async record(stream: OutputStream, bytes: AsyncIterable<Buffer>): Promise<void> {
    const recorded = this.#streamOf(stream);
    for await (const chunk of bytes) await this.#keep(stream, recorded, recorded.redaction.push(chunk));
    await this.#keep(stream, recorded, recorded.redaction.flush());
  }

  /** Records the runner's own words. */
  async write(stream: OutputStream, text: string | Buffer): Promise<void> {
    const recorded = this.#streamOf(stream);
    await this.#keep(stream, recorded, recorded.redaction.push(Buffer.from(text)));
    await this.#keep(stream, recorded, recorded.redaction.flush());
  }

  /** Waits for the disk, and says what each stream came to. Afterwards nothing may be recorded. */
  async finish(): Promise<RecordedOutput> {
    const output: RecordedOutput = { streams: [], tails: [] };
    for (const [stream, recorded] of this.#streams) {
      await recorded.last;
      const { hash, length, dropped } = recorded;
      if (length + dropped > 0) output.streams.push({ stream, length: length + dropped, sha256: hash.digest("hex") });
      if (dropped > 0)
        output.tails.push({
          stream,
          length: dropped,
          reason: `output over the limit of ${this.#settings.maxBytes} bytes`,
        });
    }
    return output;
  }

  #streamOf(stream: OutputStream): Recorded {
    const known = this.#streams.get(stream);
    if (known) return known;
    const redaction = this.#settings.redactor.stream();
    const made = { redaction, hash: createHash("sha256"), length: 0, dropped: 0, last: Promise.resolve() };
    this.#streams.set(stream, made);
    return made;
  }

  async #keep(stream: OutputStream, recorded: Recorded, bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    // What the control plane acts on is kept, however much an agent says.
    const isFacts = stream === "session";
    const left = isFacts ? bytes.length : Math.max(0, this.#settings.maxBytes - this.#keptBytes);
    const room = recorded.dropped > 0 ? 0 : Math.min(bytes.length, left);
    recorded.dropped += bytes.length - room;
    if (room === 0) return;
    if (!isFacts) this.#keptBytes += room;
    recorded.length += room;
    this.#append(stream, recorded, bytes.subarray(0, room));
    if (this.#waitingBytes > WAITING_BYTES) await recorded.last;
    await this.#settings.spool.room();
  }

  #append(stream: OutputStream, recorded: Recorded, bytes: Buffer): void {
    this.#waitingBytes += bytes.length;
    const appending = this.#settings.spool.append(stream, bytes);
    const before = recorded.last;
    recorded.last = Promise.all([appending, before])
      .then(([isStored]) => {
        if (isStored) recorded.hash.update(bytes);
        this.#settings.onOutput();
      })
      .catch((error: unknown) => void (this.#failure = error instanceof Error ? error : new Error(String(error))))
      .finally(() => (this.#waitingBytes -= bytes.length));
  }
}
