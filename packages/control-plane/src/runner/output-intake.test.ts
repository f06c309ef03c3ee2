import { crc32 } from "node:zlib";

import { encodeOutputFrame, limit, LIMITS, type OutputStream } from "@signalbox/protocol";
import type { OutputPiece, SignalboxStore } from "@signalbox/store";
import { ManualClock } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";

import { OutputIntake } from "./output-intake.ts";
import { dividePiece, unitLength, weightOf } from "./output-units.ts";

const FRAME = limit("output.frameBytes");
const UNIT = limit("output.unitBytes");
const STORING = limit("output.storingBytes");

const pieceOf = (length: number, stream: OutputStream = "agent", offset = 0): OutputPiece => ({
  attemptId: "att_1",
  epoch: 1,
  stream,
  offset,
  length,
  bytes: new Uint8Array(length),
});

function frameOf(runner: number, offset: number, stream: OutputStream = "agent"): Uint8Array {
  const bytes = new Uint8Array(FRAME);
  const at = { attemptId: `att_${runner}`, epoch: 1, stream, offset, length: FRAME };
  return encodeOutputFrame({ ...at, crc32: crc32(bytes), bytes });
}

/** An intake whose store takes units, and commits one when it is told to. */
function intakeOf() {
  const units: { readonly pieces: readonly OutputPiece[]; readonly commit: () => void }[] = [];
  const run = (_name: string, { pieces }: { readonly pieces: readonly OutputPiece[] }) =>
    new Promise((resolve) => units.push({ pieces, commit: () => resolve(pieces.map(verdictOn)) }));
  const verdictOn = ({ attemptId, epoch, stream, offset, length }: OutputPiece) => ({
    kind: "ack",
    attemptId,
    epoch,
    stream,
    offset: offset + length,
    runId: "run_1",
  });
  const silent = { warn: () => undefined, emit: () => undefined, tell: () => undefined, notify: () => undefined };
  const intake = new OutputIntake({
    // What it needs of them here is no more than this.
    store: { run } as unknown as SignalboxStore,
    sessionLog: silent as never,
    outputFeed: silent as never,
    logger: silent as never,
    clock: new ManualClock(),
    limits: (name) => LIMITS[name].value,
  });
  return { intake, units };
}

const turn = () => new Promise(setImmediate);
const weigh = (pieces: readonly OutputPiece[]) => pieces.reduce((sum, piece) => sum + weightOf(piece), 0);

describe("the intake of output", () => {
  // Seen red: every runner had a unit of up to 16 MB in the store at once, and a stop waited behind all of them.
  it("has no more on its way into the store at once than what people may wait behind, however many runners flood", async () => {
    const { intake, units } = intakeOf();
    const waiting: number[] = [];
    let acknowledged = 0;
    for (let runner = 1; runner <= 50; runner++) {
      const channel = intake.open(`run_${runner}`, () => (acknowledged += 1));
      for (let frame = 0; frame < 8; frame++) channel.take(frameOf(runner, frame * FRAME));
    }

    await turn();
    while (units.length > 0) {
      waiting.push(units.reduce((sum, { pieces }) => sum + weigh(pieces), 0));
      units.shift()?.commit();
      await turn();
    }

    expect(Math.max(...waiting)).toBeLessThanOrEqual(STORING);
    expect(acknowledged).toBeGreaterThanOrEqual(50);
  });

  it("lets each runner in in its turn, in the order of its own frames", async () => {
    const { intake, units } = intakeOf();
    const offsets: number[] = [];
    const flood = intake.open("run_1", () => undefined);
    for (let frame = 0; frame < 64; frame++) flood.take(frameOf(1, frame * FRAME));
    const quiet = intake.open("run_2", () => undefined);
    quiet.take(frameOf(2, 0));

    await turn();
    let before = 0;
    let passed: number | undefined;
    while (units.length > 0) {
      const pieces = units[0]?.pieces ?? [];
      if (pieces.some(({ attemptId }) => attemptId === "att_2")) passed = before;
      else offsets.push(...pieces.map(({ offset }) => offset));
      before += weigh(pieces);
      units.shift()?.commit();
      await turn();
    }

    expect(passed).toBeLessThanOrEqual(2 * UNIT);
    expect(offsets).toEqual(Array.from({ length: 64 }, (_, frame) => frame * FRAME));
  });
});

describe("a unit of output", () => {
  it("has a bounded weight, in which facts count for more than words", () => {
    const words = Array.from({ length: 20 }, () => pieceOf(FRAME));
    const facts = dividePiece(pieceOf(FRAME, "session"), UNIT);

    expect(unitLength(words, UNIT)).toBe(UNIT / FRAME);
    expect(facts.length).toBeGreaterThan(1);
    expect(facts.every((piece) => weightOf(piece) <= UNIT)).toBe(true);
    expect(unitLength([pieceOf(2 * UNIT), pieceOf(1)], UNIT)).toBe(1);
    expect(
      unitLength(
        Array.from({ length: 1_000 }, () => pieceOf(1)),
        UNIT,
      ),
    ).toBe(64);
  });

  it("loses nothing by being divided", () => {
    const parts = dividePiece(pieceOf(200_001, "session", 7), UNIT);

    const end = parts.reduce((offset, piece) => {
      expect([piece.offset, piece.length]).toEqual([offset, piece.bytes.length]);
      return offset + piece.length;
    }, 7);

    expect(end).toBe(200_008);
  });

  it("leaves a gap whole", () => {
    const gap = { ...pieceOf(0, "session"), length: 1e9, gap: "lost" };

    expect(dividePiece(gap, UNIT)).toEqual([gap]);
  });
});
