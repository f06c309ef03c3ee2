import { eventually, ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import type { TerminalFrame } from "./terminal-frame.ts";
import { TerminalWatcher, type TerminalSink } from "./terminal-watcher.ts";

const STALL_MS = 1_000;

/** A connection whose socket takes bytes only while it `reads`. */
class Sink implements TerminalSink {
  readonly id = "c1";
  readonly sent: string[] = [];
  pendingBytes = 0;
  reads = true;
  wasClosed = false;
  #gone: (() => void) | undefined;

  send(bytes: Buffer): void {
    this.sent.push(bytes.toString());
    if (!this.reads) this.pendingBytes += bytes.length;
  }

  sendAndTell(bytes: Buffer, gone: () => void): void {
    this.send(bytes);
    if (this.reads) gone();
    else this.#gone = gone;
  }

  /** Everything that waits goes out. */
  drain(): void {
    this.pendingBytes = 0;
    this.reads = true;
    this.#gone?.();
  }

  closeAsSlow(): void {
    this.wasClosed = true;
  }

  closeToRetry(): void {}
}

/** A terminal that writes a letter at a time. */
function terminal(sink: Sink, text = "") {
  const clock = new ManualClock();
  const state = { text, failures: [] as unknown[], live: 0 };
  const frameAt = (offset: number): TerminalFrame => {
    return { offset, end: offset + 1, bytes: Buffer.from(state.text.slice(offset, offset + 1)) };
  };
  const watcher = new TerminalWatcher({
    sink,
    begin: async () => 0,
    clock,
    stallMs: STALL_MS,
    pendingBytes: 2,
    end: () => state.text.length,
    frameAt: async (offset) => frameAt(offset),
    onLive: () => void state.live++,
    onFailure: (error) => void state.failures.push(error),
  });
  const write = (more: string) => {
    for (const letter of more) {
      state.text += letter;
      watcher.offer(frameAt(state.text.length - 1));
    }
  };
  return { watcher, clock, state, write };
}

describe("a watcher of a terminal", () => {
  it("reads what was there, and then each frame as it comes", async () => {
    const sink = new Sink();
    const { watcher, state, write } = terminal(sink, "abc");
    watcher.start();
    await eventually(() => expect(state.live).toBe(1));
    write("de");

    expect(sink.sent.join("")).toBe("abcde");
  });

  it("that does not read is queued nothing, and later reads all that it missed, once and in order", async () => {
    const sink = new Sink();
    const { watcher, state, write } = terminal(sink);
    watcher.start();
    await eventually(() => expect(state.live).toBe(1));
    sink.reads = false;
    write("abcdefghij");
    // Three fill its socket, and one is on the way; the others are nowhere.
    expect(sink.sent.join("")).toBe("abcd");

    sink.drain();
    await eventually(() => expect(state.live).toBe(2));
    write("k");

    expect(sink.sent.join("")).toBe("abcdefghijk");
    expect(sink.wasClosed).toBe(false);
  });

  it("that takes nothing for the time of a stall is closed", async () => {
    const sink = new Sink();
    const { watcher, clock, state } = terminal(sink, "abc");
    sink.reads = false;
    watcher.start();
    await eventually(() => expect(sink.sent).toEqual(["a"]));

    clock.advance(STALL_MS - 1);
    expect(sink.wasClosed).toBe(false);
    clock.advance(1);

    expect(sink.wasClosed).toBe(true);
    expect(state.live).toBe(0);
  });

  it("that is gone is sent nothing more, and closed by nothing", async () => {
    const sink = new Sink();
    const { watcher, clock, write } = terminal(sink, "abc");
    sink.reads = false;
    watcher.start();
    await eventually(() => expect(sink.sent).toEqual(["a"]));
    watcher.stop();
    sink.drain();
    write("d");
    clock.advance(2 * STALL_MS);

    expect(sink.sent).toEqual(["a"]);
    expect(sink.wasClosed).toBe(false);
  });
});
