import { Worker } from "node:worker_threads";
import { OutcomeUnknownError, StoreOpenError } from "../errors.ts";
import { isCloneable } from "./error-wire.ts";
import type { ErrorReviver } from "./error-wire.ts";
import { siblingModule } from "./sibling-module.ts";
import { threadEnvironment } from "./thread-environment.ts";
import type { QueuedUnit } from "./unit-queue.ts";
import type { Writer, WriterEvents } from "./writer.ts";
import type { FromWriter, ToWriter, WriterAnswerMessage, WriterThreadSettings } from "./writer-messages.ts";

export interface ThreadWriterOptions extends WriterEvents {
  readonly settings: WriterThreadSettings;
  readonly reviver: ErrorReviver;
}

/** Runs units in a thread of its own, so that the wait for the disk stops nothing else. */
export class ThreadWriter implements Writer {
  readonly #options: ThreadWriterOptions;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #isClosing = false;
  #hasFailed = false;
  #onCheckpointed: (() => void) | undefined;

  private constructor(options: ThreadWriterOptions) {
    this.#options = options;
    const file = siblingModule("writer-thread", import.meta.url);
    this.#worker = new Worker(file, {
      workerData: options.settings,
      name: "signalbox-writer",
      env: threadEnvironment(),
    });
    this.#exited = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
  }

  /** Resolves when the thread has opened the database. */
  static async start(options: ThreadWriterOptions): Promise<ThreadWriter> {
    const writer = new ThreadWriter(options);
    await writer.#ready();
    return writer;
  }

  send(units: QueuedUnit[]): void {
    try {
      this.#post(units);
    } catch {
      // One unit's arguments cannot cross threads. It keeps its place, so that the answers stay in order.
      this.#post(units.map(withoutUnsendable));
    }
  }

  async checkpoint(): Promise<void> {
    if (this.#hasFailed) return;
    await new Promise<void>((resolve) => {
      this.#onCheckpointed = resolve;
      this.#post("checkpoint");
    });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#hasFailed) await this.#worker.terminate();
    else this.#post("close");
    await this.#exited;
  }

  async #ready(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error) => {
        reject(new StoreOpenError(`the writer did not start: ${error.message}`, {}, { cause: error }));
      };
      this.#worker.once("error", refuse);
      void this.#exited.then(() => refuse(new Error("its thread ended")));
      this.#worker.once("message", () => {
        this.#worker.off("error", refuse);
        resolve();
      });
    });
    this.#worker.on("message", (message: FromWriter) => this.#receive(message));
    this.#worker.on("error", (error) => this.#lost(`the writer's thread failed: ${(error as Error).message}`));
    void this.#exited.then(() => {
      if (!this.#isClosing) this.#lost("the writer's thread ended");
    });
  }

  #receive(message: FromWriter): void {
    if (message.kind === "checkpointed") this.#onCheckpointed?.();
    else if (message.kind === "answer") this.#answer(message);
    else if (message.kind === "fatal") this.#lost(message.error.message);
  }

  #answer({ results, failures, fatal }: WriterAnswerMessage): void {
    const revived = failures.map(({ index, error }) => ({ index, error: this.#options.reviver.revive(error) }));
    this.#options.onAnswer({
      results: typeof results === "string" ? (JSON.parse(results) as unknown[]) : results,
      failures: revived,
    });
    if (fatal) this.#lost(fatal.message);
  }

  /** Everything that has no answer yet may have happened or not. */
  #lost(reason: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#options.onFatal(new OutcomeUnknownError(reason));
    this.#onCheckpointed?.();
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message);
  }
}

function withoutUnsendable(unit: QueuedUnit): QueuedUnit {
  if (unit.text !== undefined || isCloneable(unit.args)) return unit;
  return { ...unit, args: undefined, unsendable: `the arguments of ${unit.name} are not plain data` };
}
