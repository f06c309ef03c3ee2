import { decodeOutputFrame, type OutputStream } from "@signalbox/protocol";
import { describe, expect, it } from "vitest";

import { OutputSender, type OutputSource } from "./output-sender.ts";

const WINDOW = { windowBytes: 1_000, frameBytes: 100 };

/** Output in memory; `onRead` happens while a piece of a stream is being read. */
class Source implements OutputSource {
  readonly attemptId = "att_1.0.1";
  readonly epoch = 1;
  readonly texts = new Map<OutputStream, string>();
  readonly #acknowledged = new Map<OutputStream, number>();
  onRead: (stream: OutputStream) => void = () => {};

  write(stream: OutputStream, text: string): void {
    this.texts.set(stream, (this.texts.get(stream) ?? "") + text);
  }

  lengths(): ReadonlyMap<OutputStream, number> {
    return new Map([...this.texts].map(([stream, text]) => [stream, text.length]));
  }

  acknowledged(stream: OutputStream): number {
    return this.#acknowledged.get(stream) ?? 0;
  }

  acknowledge(stream: OutputStream, offset: number): void {
    this.#acknowledged.set(stream, offset);
  }

  async read(stream: OutputStream, offset: number, maxBytes: number) {
    this.onRead(stream);
    const bytes = Buffer.from((this.texts.get(stream) ?? "").slice(offset, offset + maxBytes));
    return bytes.length === 0 ? undefined : { offset, length: bytes.length, bytes };
  }
}

function sending() {
  const source = new Source();
  const sender = new OutputSender(source);
  const frames: string[] = [];
  const pump = () =>
    sender.pump(WINDOW, (bytes) => {
      const frame = decodeOutputFrame(bytes);
      if (frame) frames.push(`${frame.stream} ${Buffer.from(frame.bytes).toString()}`);
      return true;
    });
  return { source, sender, frames, pump };
}

describe("the output of an attempt", () => {
  it("goes out with the words of a session before the facts that came after them", async () => {
    const { source, frames, pump } = sending();
    source.write("session", "READY");
    source.write("agent", "words");
    source.write("session", " ENDED");

    await pump();

    expect(frames).toEqual(["agent words", "session READY ENDED"]);
  });

  it("leaves facts that come while a round goes on to the next, behind the words that came before them", async () => {
    const { source, frames, pump } = sending();
    source.write("agent", "a");
    source.write("session", "A");
    let isFirst = true;
    source.onRead = (stream) => {
      if (stream !== "session" || !isFirst) return;
      isFirst = false;
      source.write("agent", "b");
      source.write("session", "B");
      void pump();
    };

    await pump();

    expect(frames).toEqual(["agent a", "session A", "agent b", "session B"]);
  });

  it("lets no stream that grows without end keep another waiting", async () => {
    const { source, frames, pump } = sending();
    source.write("agent", "x".repeat(300));
    source.write("stderr", "an error");
    source.onRead = (stream) => {
      if (stream === "agent" && source.lengths().get("agent")! < 700) source.write("agent", "x".repeat(100));
    };

    await pump();

    expect(frames.indexOf("stderr an error")).toBe(3);
  });

  it("is sent no further than the window, and goes on where it was acknowledged", async () => {
    const { source, sender, frames, pump } = sending();
    source.write("stdout", "y".repeat(1_500));
    await pump();
    expect(frames).toHaveLength(10);

    sender.acknowledge("stdout", 300);
    await pump();

    expect(frames).toHaveLength(13);
  });
});
