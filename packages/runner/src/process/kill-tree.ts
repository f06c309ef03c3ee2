import type { AttemptCgroup } from "./attempt-cgroup.ts";
import { delay } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { readProcessTable } from "./process-table.ts";
import type { ProcessEntry } from "./process-table.ts";
import { keyOf, membersOf } from "./process-tree.ts";
import type { TreeRoot } from "./process-tree.ts";

/** Whose tree dies, and by what means. */
export interface KillTreeRequest {
  readonly root: TreeRoot;
  /** The attempt's cgroup, when it has one: then no process can hide. */
  readonly cgroup?: AttemptCgroup | undefined;
  readonly clock: Clock;
  /** How long to go on looking for survivors, in milliseconds. Default 2000. */
  readonly deadlineMs?: number;
  readonly readTable?: () => Promise<readonly ProcessEntry[]>;
}

/** What `killTree` found: the pids it killed, and those that were still alive at the deadline. */
export interface KillReport {
  readonly killed: readonly number[];
  readonly survivors: readonly number[];
}

/**
 * Kills all processes of an attempt, wherever they went, and looks again until a look finds none: a process forked
 * between the look and the signal is found by the next. Never throws; who cannot be killed is named in `survivors`
 * (a process stuck in the kernel, or one that is not ours to signal).
 */
export async function killTree(request: KillTreeRequest): Promise<KillReport> {
  const {
    root,
    cgroup,
    clock,
    deadlineMs = 2000,
    readTable = () => readProcessTable(undefined, root.startTime),
  } = request;
  const deadline = clock.monotonic() + deadlineMs;
  const killed = new Set<number>();
  for (;;) {
    await cgroup?.kill();
    const members = membersOf(root, await readTable());
    const inCgroup = (await cgroup?.processes()) ?? [];
    const pids = [...new Set([...members.map(({ pid }) => pid), ...inCgroup])];
    if (pids.length === 0) return { killed: [...killed], survivors: [] };
    if (clock.monotonic() >= deadline)
      return { killed: [...killed].filter((pid) => !pids.includes(pid)), survivors: pids };

    for (const member of members) root.known.add(keyOf(member));
    for (const pid of pids) if (sendSignal(pid, "SIGKILL")) killed.add(pid);
    await delay(clock, LOOK_AGAIN_MS);
  }
}

/** A killed process is gone after a few milliseconds; looking more often would only cost. */
const LOOK_AGAIN_MS = 10;

/** Whether the signal was delivered; a process that is gone, or not ours, is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
