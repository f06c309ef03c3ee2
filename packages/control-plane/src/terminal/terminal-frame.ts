import type { WsServerMessageOf } from "@signalbox/protocol";

import { unfinishedBytes } from "./terminal-text.ts";

/** A message for all watchers that are at its offset, as the bytes that each of them is sent. */
export interface TerminalFrame {
  readonly offset: number;
  /** Where the next one begins. */
  readonly end: number;
  readonly bytes: Buffer;
  /** Where what follows is to be looked for in the store. */
  readonly nextSeq?: number;
}

/** What frames are made with. */
export interface FrameMaker {
  readonly sessionId: string;
  readonly now: () => string;
}

/**
 * The frame of output that begins at an offset. A character whose rest has not come is left to the next frame, unless
 * nothing can follow; undefined when that leaves nothing. Bytes that are no text are shown as U+FFFD. Pure but for the time.
 */
export function outputFrame(
  maker: FrameMaker,
  {
    offset,
    bytes,
    isLast,
    nextSeq,
  }: {
    readonly offset: number;
    readonly bytes: Uint8Array;
    readonly isLast: boolean;
    readonly nextSeq?: number;
  },
): TerminalFrame | undefined {
  const text = bytes.subarray(0, isLast ? bytes.length : bytes.length - unfinishedBytes(bytes));
  if (text.length === 0) return undefined;
  const data = Buffer.from(text.buffer, text.byteOffset, text.length).toString("utf8");
  return make(maker, { action: "output", data, offset, length: text.length }, nextSeq);
}

/** The frame that tells of lost bytes. */
export function gapFrame(
  maker: FrameMaker,
  {
    offset,
    length,
    gap,
    nextSeq,
  }: {
    readonly offset: number;
    readonly length: number;
    readonly gap: string;
    readonly nextSeq?: number;
  },
): TerminalFrame {
  return make(maker, { action: "gap", data: gap, offset, length }, nextSeq);
}

/** A message that takes no place in the output: a new size, the end, who has the keyboard. */
export function noteFrame(maker: FrameMaker, action: "resize" | "control", data: string): Buffer {
  return encode(maker, { action, data });
}

function make(
  maker: FrameMaker,
  message: {
    readonly action: "output" | "gap";
    readonly data: string;
    readonly offset: number;
    readonly length: number;
  },
  nextSeq: number | undefined,
): TerminalFrame {
  const { offset, length } = message;
  const bytes = encode(maker, message);
  return { offset, end: offset + length, bytes, ...(nextSeq === undefined ? {} : { nextSeq }) };
}

function encode(
  { sessionId, now }: FrameMaker,
  message: Pick<WsServerMessageOf<"terminal">, "action" | "data" | "offset" | "length">,
): Buffer {
  const whole: WsServerMessageOf<"terminal"> = { type: "terminal", sessionId, timestamp: now(), ...message };
  return Buffer.from(JSON.stringify(whole));
}
