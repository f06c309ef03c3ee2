import { crc32 } from "node:zlib";

import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { OUTPUT_STREAMS } from "../run/output.ts";
import { decodeOutputFrame, encodeOutputFrame, type OutputFrame } from "./output-frame.ts";

const head = {
  attemptId: fc.stringMatching(/^att_[0-9a-z]{1,60}\.\d{1,3}\.\d{1,3}$/),
  epoch: fc.nat({ max: 2 ** 32 - 1 }),
  stream: fc.constantFrom(...OUTPUT_STREAMS),
  offset: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
};
const data = fc
  .record({ ...head, bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) })
  .map((frame): OutputFrame => ({ ...frame, length: frame.bytes.length, crc32: crc32(frame.bytes) }));
const gap = fc
  .record({
    ...head,
    length: fc.nat({ max: 2 ** 32 - 1 }),
    gap: fc.string({ minLength: 1, maxLength: 60, unit: "grapheme-ascii" }),
  })
  .map((frame): OutputFrame => ({ ...frame, crc32: 0, bytes: new Uint8Array(0) }));
const frame = fc.oneof(data, gap);

const one: OutputFrame = {
  attemptId: "att_1.0.1",
  epoch: 1,
  stream: "stdout",
  offset: 0,
  length: 3,
  crc32: 7,
  bytes: Buffer.from("abc"),
};

describe("an output frame", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(frame, (sent) => {
        const received = decodeOutputFrame(encodeOutputFrame(sent));

        expect(received && { ...received, bytes: Uint8Array.from(received.bytes) }).toEqual({
          ...sent,
          bytes: Uint8Array.from(sent.bytes),
        });
      }),
    );
  });

  it("is read where it lies in a larger buffer, without a copy", () => {
    const message = encodeOutputFrame(one);
    const buffer = Buffer.concat([Buffer.alloc(5), message]);

    const received = decodeOutputFrame(buffer.subarray(5));

    expect(received?.bytes.buffer).toBe(buffer.buffer);
    expect(Buffer.from(received?.bytes ?? []).toString()).toBe("abc");
  });

  it("is refused when any part of its end is missing, and when something is added to it", () => {
    fc.assert(
      fc.property(frame, fc.nat(), (sent, cut) => {
        const message = encodeOutputFrame(sent);

        expect(decodeOutputFrame(message.subarray(0, cut % message.length))).toBeUndefined();
        expect(decodeOutputFrame(Buffer.concat([message, Buffer.of(0)]))).toBeUndefined();
      }),
    );
  });

  it("shows bytes that were damaged on the way by their checksum", () => {
    fc.assert(
      fc.property(data, fc.nat(), fc.integer({ min: 1, max: 255 }), (sent, at, flip) => {
        const message = encodeOutputFrame(sent);
        const place = message.length - 1 - (at % sent.bytes.length);
        message[place] = (message[place] ?? 0) ^ flip;

        const received = decodeOutputFrame(message);

        expect(received && crc32(received.bytes)).not.toBe(sent.crc32);
      }),
    );
  });

  it.each([
    ["another version", 0, 2],
    ["a stream that does not exist", 1, 5],
    ["an id longer than the frame", 2, 255],
    ["a negative offset", 8, 0xc0],
    ["an offset that is no number", 8, 0x7f],
    ["another length than that of its bytes", 19, 4],
  ])("is refused with %s", (_, at, value) => {
    const message = encodeOutputFrame({ ...one, offset: 1 });
    message[at] = value;
    if (at === 8) message[9] = 0xff;

    expect(decodeOutputFrame(message)).toBeUndefined();
  });

  it("is refused without bytes and without a gap", () => {
    expect(decodeOutputFrame(encodeOutputFrame({ ...one, length: 0, bytes: new Uint8Array(0) }))).toBeUndefined();
  });

  it("cuts a reason that is too long between two characters", () => {
    const sent = { ...one, length: 9, bytes: new Uint8Array(0), gap: "é".repeat(200) };

    expect(decodeOutputFrame(encodeOutputFrame(sent))?.gap).toBe("é".repeat(127));
  });

  it("never throws, and is never read out of less than a head, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const isRead = decodeOutputFrame(bytes) !== undefined;

        expect(isRead && bytes.length < 28).toBe(false);
      }),
    );
  });
});
