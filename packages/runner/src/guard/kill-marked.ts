import { markersOf } from "../process/beside.ts";
import type { Clock } from "../process/clock.ts";
import { killTree, type KillReport } from "../process/kill-tree.ts";
import { readProcessTable, type ProcessEntry } from "../process/process-table.ts";

/**
 * Kills the processes that carry an attempt's marker in their environment, those beside its work included, and what
 * descends from them; nobody else. For
 * when the attempt's first process is not known any more.
 */
export async function killMarked(request: {
  readonly attemptId: string;
  readonly clock: Clock;
  readonly readTable?: () => Promise<readonly ProcessEntry[]>;
}): Promise<KillReport> {
  const { attemptId } = request;
  const reports = await Promise.all(markersOf(attemptId).map((name) => killNamed({ ...request, name })));
  return {
    killed: reports.flatMap(({ killed }) => killed),
    survivors: reports.flatMap(({ survivors }) => survivors),
  };
}

function killNamed({
  name,
  clock,
  readTable = readProcessTable,
}: {
  readonly name: string;
  readonly clock: Clock;
  readonly readTable?: () => Promise<readonly ProcessEntry[]>;
}): Promise<KillReport> {
  return killTree({
    // No process, session or group has this number. Zero would be wrong: init and the kernel's threads are in session 0.
    root: { attemptId: name, pid: NOBODY, startTime: undefined, known: new Set() },
    clock,
    readTable: async () => markedOnly(await readTable(), name),
  });
}

const NOBODY = -1;

/** The second lock on the same door: only marked processes and their descendants are even shown to the killer. */
export function markedOnly(table: readonly ProcessEntry[], attemptId: string): ProcessEntry[] {
  const isMarked = new Map(table.map((entry) => [entry.pid, entry.attemptId === attemptId]));
  const parents = new Map(table.map((entry) => [entry.pid, entry.parent]));
  const descends = (pid: number | undefined, depth = 0): boolean => {
    if (pid === undefined || pid <= 1 || pid === process.pid || depth > MAX_DEPTH) return false;
    return isMarked.get(pid) === true || descends(parents.get(pid), depth + 1);
  };
  return table.filter(({ pid }) => descends(pid));
}

/** A table is not read at one moment, so it could seem to hold a circle. */
const MAX_DEPTH = 1_000;
