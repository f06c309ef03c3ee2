/** Whole numbers from 0 up to a limit, the same for the same seed. */
export type SeededRandom = (limit: number) => number;

/** The seed of this run of the tests: `SIGNALBOX_FAULT_SEED`, else a new one. Tests name it when they fail. */
export const SEED = Number(process.env["SIGNALBOX_FAULT_SEED"] ?? Date.now() % 1_000_000);

/** How much longer than by default the fault tests go on: `SIGNALBOX_FAULT_SCALE`, else 1. */
export const SCALE = Number(process.env["SIGNALBOX_FAULT_SCALE"] ?? 1);

/** Numbers from a seed. */
export function seededRandom(seed: number): SeededRandom {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}
