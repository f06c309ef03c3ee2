import { PassThrough, Writable } from "node:stream";

import { delay, within } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { isAgentError } from "../errors.ts";
import type { AgentLimits } from "../limits.ts";
import type { AgentExit, AgentProcess } from "../process/agent-process.ts";
import { toError } from "../to-error.ts";
import { isWorthAnotherTry, OmnaraCallError } from "./omnara-failure.ts";
import type { OmnaraStreamFrame } from "./omnara-frames.ts";
import { SseMessages } from "./sse-messages.ts";

/** What a link works with. */
export interface OmnaraLinkParts {
  readonly clock: Clock;
  readonly limits: AgentLimits;
  /** Tells Omnara to stop what the agent does. */
  readonly stopWork: () => Promise<void>;
  readonly isWorking: () => boolean;
  /** Ends every call to Omnara. */
  readonly abortCalls: () => void;
}

/** Opens an event stream after an event. */
export type OpenStream = (lastEventId: string, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>;

/** The frame that tells of a stream that was opened, for the first time or again. */
export const CONNECTED = "signalbox.connected";

/**
 * What stands for the process of an agent that runs elsewhere: its output is Omnara's event stream, one message a line. The
 * stream is opened again where it breaks, from the last event on; when that fails for `remote.outageMs`, or Omnara says no,
 * the link ends, as a process would that crashed. Nothing is read that nobody takes.
 */
export class OmnaraLink implements AgentProcess {
  readonly pid = undefined;
  readonly stdin: Writable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exited: Promise<AgentExit>;
  readonly #parts: OmnaraLinkParts;
  readonly #leaving = new AbortController();
  #exit: (exit: AgentExit) => void;
  #isOver = false;
  #stopping: Promise<void> | undefined;

  constructor(parts: OmnaraLinkParts) {
    const { promise, resolve } = Promise.withResolvers<AgentExit>();
    this.#parts = parts;
    this.#exit = resolve;
    this.exited = promise;
    this.stdin = new Writable({
      // Omnara is spoken to by calls: there is nothing to write here, and its end is a farewell.
      write: (_chunk, _encoding, done) => done(),
      final: (done) => {
        if (!this.#parts.isWorking()) this.#leave({ code: 0, signal: null });
        done();
      },
    });
  }

  /** Opens the stream after an event, and resolves when it is open. Rejects with an `OmnaraCallError`. */
  async follow(open: OpenStream, lastEventId: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let isOpen = false;
    const onOpen = (): void => {
      isOpen = true;
      resolve();
    };
    void this.#follow(open, lastEventId, onOpen).then(resolve, (error: unknown) => {
      // One that never was open is for whoever opens it to end.
      if (!isOpen) return reject(toError(error));
      this.complain(toError(error).message);
      this.#leave({ code: 1, signal: null });
    });
    await promise;
  }

  /** Says something that no event tells; it is among the last words of the session. */
  complain(words: string): void {
    if (!this.stderr.writableEnded) this.stderr.write(`${words}\n`);
  }

  askToEnd(): Promise<void> {
    void this.#stopWork().then(() => this.#leave({ code: 0, signal: null }));
    return Promise.resolve();
  }

  /** There is nothing here to kill; what works elsewhere is told to stop, if it was not, and not waited for long. */
  async killTree(): Promise<readonly number[]> {
    if (!this.#isOver) {
      const { clock, limits } = this.#parts;
      const isLate = (await within(clock, limits["kill.deadlineMs"], this.#stopWork())) === "late";
      if (isLate) this.complain("omnara did not answer that it stopped: what the agent did may go on there");
      this.#leave({ code: null, signal: "SIGKILL" });
    }
    this.#parts.abortCalls();
    return [];
  }

  #stopWork(): Promise<void> {
    this.#stopping ??= this.#parts
      .stopWork()
      .catch((error: unknown) => this.complain(`omnara could not be told to stop: ${toError(error).message}`));
    return this.#stopping;
  }

  #leave(exit: AgentExit): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#leaving.abort();
    this.stdout.end();
    this.stderr.end();
    this.#exit(exit);
  }

  async #follow(open: OpenStream, from: string, onOpen: () => void): Promise<void> {
    const { clock, limits } = this.#parts;
    let last = from;
    let downSince: number | undefined;
    for (let tries = 0; !this.#isOver; tries++) {
      try {
        const stream = await open(last, this.#leaving.signal);
        onOpen();
        await this.#say({ event: CONNECTED, id: last, data: null });
        for await (const message of this.#messagesOf(stream)) {
          await this.#say(message);
          if (message.id !== "") last = message.id;
          [tries, downSince] = [0, undefined];
        }
      } catch (error) {
        if (this.#isOver) return;
        if (isFinal(error)) throw error;
        downSince ??= clock.monotonic();
        if (clock.monotonic() - downSince >= limits["remote.outageMs"]) throw error;
      }
      await delay(clock, Math.min(limits["remote.retryMs"] * 2 ** tries, limits["remote.pauseMs"]));
    }
  }

  /** A stream that says nothing for `remote.silenceMs`, not even that it is there, has broken unseen. */
  async *#messagesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<OmnaraStreamFrame, void> {
    const { clock, limits } = this.#parts;
    const silenceMs = limits["remote.silenceMs"];
    const messages = new SseMessages(limits["line.bytes"]);
    const reader = stream.getReader();
    try {
      for (;;) {
        const read = await within(clock, silenceMs, reader.read());
        if (read === "late") throw new Error(`omnara's event stream was silent for ${silenceMs} ms`);
        if (read.done) return;
        for (const { event, id, data } of messages.push(read.value)) yield { event, id, data: parse(data) };
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  /** Resolves when there is room for more. */
  async #say(frame: OmnaraStreamFrame): Promise<void> {
    if (this.#isOver || this.stdout.write(`${JSON.stringify(frame)}\n`)) return;
    await new Promise<void>((resolve) => {
      this.stdout.once("drain", resolve);
      this.stdout.once("close", resolve);
      this.#leaving.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

/** What no further try can change. */
function isFinal(error: unknown): boolean {
  return error instanceof OmnaraCallError ? !isWorthAnotherTry(error.status) : isAgentError(error);
}

/** A message that is no JSON is told as the text that it is, and is then no frame of the protocol. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
