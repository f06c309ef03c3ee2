import { OUTPUT_STREAMS, type OutputStream } from "../run/output.ts";

/** A piece of an attempt's output on its way from runner to control plane. A `gap` stands for bytes that are lost. */
export interface OutputFrame {
  readonly attemptId: string;
  readonly epoch: number;
  readonly stream: OutputStream;
  /** Bytes of this stream before this piece. */
  readonly offset: number;
  /** Bytes that it carries, or that a gap stands for. */
  readonly length: number;
  /** CRC-32 (IEEE 802.3, as zlib has it) of `bytes`. */
  readonly crc32: number;
  readonly bytes: Uint8Array;
  readonly gap?: string;
}

const VERSION = 1;
const HEADER_BYTES = 28;
const MAX_TEXT_BYTES = 255;

/**
 * A frame as bytes: version, stream, two text lengths, epoch, offset (as a double), length, CRC-32 (all big-endian,
 * 28 bytes with four left free), the attempt id, the reason of a gap, the bytes.
 */
export function encodeOutputFrame(frame: OutputFrame): Uint8Array {
  const id = encodeText(frame.attemptId);
  const gap = encodeText(frame.gap ?? "");
  const message = new Uint8Array(HEADER_BYTES + id.length + gap.length + frame.bytes.length);
  const view = new DataView(message.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, OUTPUT_STREAMS.indexOf(frame.stream));
  view.setUint8(2, id.length);
  view.setUint8(3, gap.length);
  view.setUint32(4, frame.epoch);
  view.setFloat64(8, frame.offset);
  view.setUint32(16, frame.length);
  view.setUint32(20, frame.crc32);
  message.set(id, HEADER_BYTES);
  message.set(gap, HEADER_BYTES + id.length);
  message.set(frame.bytes, HEADER_BYTES + id.length + gap.length);
  return message;
}

/** Reads a frame; undefined when the bytes are none. `bytes` is a view on the message, not a copy. */
export function decodeOutputFrame(message: Uint8Array): OutputFrame | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const stream = OUTPUT_STREAMS[view.getUint8(1)];
  const gapAt = HEADER_BYTES + view.getUint8(2);
  const bytesAt = gapAt + view.getUint8(3);
  const offset = view.getFloat64(8);
  if (view.getUint8(0) !== VERSION || stream === undefined || bytesAt > message.length) return undefined;
  if (!Number.isSafeInteger(offset) || offset < 0) return undefined;

  const gap = decodeText(message.subarray(gapAt, bytesAt));
  const bytes = message.subarray(bytesAt);
  const length = view.getUint32(16);
  if (gap === "" ? bytes.length !== length || length === 0 : bytes.length !== 0) return undefined;
  return {
    attemptId: decodeText(message.subarray(HEADER_BYTES, gapAt)),
    epoch: view.getUint32(4),
    stream,
    offset,
    length,
    crc32: view.getUint32(20),
    bytes,
    ...(gap === "" ? {} : { gap }),
  };
}

/** As much of a text as fits, cut between characters. */
function encodeText(text: string): Uint8Array {
  const bytes = new Uint8Array(MAX_TEXT_BYTES);
  return bytes.subarray(0, new TextEncoder().encodeInto(text, bytes).written);
}

function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
