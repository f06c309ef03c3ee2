import { mkdir } from "node:fs/promises";
import { tempDir } from "@signalbox/testkit";
import { describe, expect, it } from "vitest";
import { findDamage, openParcels } from "./_support/parcel-store.ts";
import { canTrace, runTraced } from "./_support/strace.ts";
import type { Traced } from "./_support/strace.ts";

const POINTS = Number(process.env["SIGNALBOX_CRASH_POINTS"] ?? 12);
const CALLS = "pwrite64,fdatasync,fsync,ftruncate,unlink,rename";
const PROGRAM = new URL("./_support/crash-point-process.ts", import.meta.url);
const isPossible = canTrace();

if (!isPossible) console.warn("crash-points: skipped, as strace is missing or may not trace here");

describe.skipIf(!isPossible)("a writer that is killed at a system call", () => {
  it(
    `loses nothing that it acknowledged, at up to ${POINTS} calls spread over its work`,
    { timeout: 90_000 + POINTS * 5_000 },
    async () => {
      const whole = await crashAt(undefined);
      expect(whole.damage).toEqual([]);
      expect(whole.traced.lines.at(-1)).toBe("closed");
      for (const point of spread(pointsOf(whole.traced), POINTS)) {
        const { traced, damage } = await crashAt(point);
        expect({ point, damage, ended: traced.lines.at(-1) === "closed" }).toEqual({ point, damage: [], ended: false });
      }
    },
  );
});

/** The n-th call of its name. */
interface CrashPoint {
  readonly call: string;
  readonly n: number;
}

/** Runs the work, killed at a call if one is given; opens what is left as a server would, and looks at it. */
async function crashAt(point: CrashPoint | undefined): Promise<{ traced: Traced; damage: string[] }> {
  await using dir = await tempDir();
  const directory = dir.file("data");
  await mkdir(directory, { mode: 0o700 });
  const kill = point ? ["-e", `inject=${point.call}:signal=KILL:when=${point.n}`] : [];
  const traced = await runTraced(PROGRAM, [directory], ["-e", `trace=${CALLS}`, ...kill]);
  const acknowledged = traced.lines.flatMap((line) => (line.startsWith("stored ") ? [line.slice(7)] : []));
  await (await openParcels(directory)).close();
  return { traced, damage: findDamage(directory, acknowledged) };
}

/** Every call that was made, in its order: strace counts the calls of each name apart. */
function pointsOf({ calls }: Traced): CrashPoint[] {
  const counts = new Map<string, number>();
  return calls.map((line) => {
    const call = /\w+(?=\()/.exec(line)?.[0] ?? "";
    const n = (counts.get(call) ?? 0) + 1;
    counts.set(call, n);
    return { call, n };
  });
}

function spread<T>(points: readonly T[], count: number): T[] {
  const step = Math.max(1, points.length / count);
  return points.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}
