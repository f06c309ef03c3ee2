import type { ProcessEntry } from "./process-table.ts";

/** What makes a process one of an attempt. */
export interface TreeRoot {
  readonly attemptId: string;
  /** The first process, which leads its own session and process group. */
  readonly pid: number;
  /** Its start time, which tells it from a later process of the same pid; undefined when it had ended at once. */
  readonly startTime: number | undefined;
  /** Processes seen in the tree so far, as `keyOf` names them: they stay members when their parent dies. */
  readonly known: Set<string>;
}

/**
 * The attempt's processes in a table, and all their descendants: those that carry its marker, those in the first
 * process's session or group, and those known from before. A process that wiped its environment, left the session and
 * lost its parent between two looks is found by none of these; a PID namespace or a cgroup holds it.
 *
 * This process, those that it stems from, and the machine's first are never members, whatever the root says: a wrong
 * number must not end more than it means.
 */
export function membersOf(root: TreeRoot, table: readonly ProcessEntry[], self = process.pid): ProcessEntry[] {
  const isNeverOne = lineOf(self, table);
  const isStranger = pidWasReused(root, table);
  const members = new Set<number>();
  const children = Map.groupBy(table, ({ parent }) => parent);
  const add = (entry: ProcessEntry): void => {
    if (members.has(entry.pid) || isNeverOne.has(entry.pid)) return;
    members.add(entry.pid);
    for (const child of children.get(entry.pid) ?? []) add(child);
  };
  for (const entry of table) {
    const isInSession = root.pid > 1 && !isStranger && (entry.session === root.pid || entry.group === root.pid);
    const isOther = entry.attemptId !== undefined && entry.attemptId !== root.attemptId;
    if (entry.attemptId === root.attemptId || root.known.has(keyOf(entry)) || (isInSession && !isOther)) add(entry);
  }
  return table.filter(({ pid }) => members.has(pid));
}

/** A process and those that it stems from, with the first of the machine. */
function lineOf(self: number, table: readonly ProcessEntry[]): ReadonlySet<number> {
  const parents = new Map(table.map(({ pid, parent }) => [pid, parent]));
  const line = new Set([0, 1]);
  for (let pid: number | undefined = self; pid !== undefined && !line.has(pid); pid = parents.get(pid)) line.add(pid);
  return line;
}

/** The tree of an attempt whose runner died: only the marker still tells who belongs to it. */
export function lostTree(attemptId: string): TreeRoot {
  return { attemptId, pid: -1, startTime: undefined, known: new Set() };
}

/**
 * Whom a polite signal reaches: all members but the topmost `supervisors` processes (two of bubblewrap's own), whose
 * death would kill the rest at once. While there are only supervisors, it is them.
 */
export function politeTargets(root: TreeRoot, members: readonly ProcessEntry[], supervisors: number): ProcessEntry[] {
  let spared = new Set<number>();
  for (let level = 0; level < supervisors; level++) {
    const next = members.filter(({ pid, parent }) => (level === 0 ? pid === root.pid : spared.has(parent)));
    spared = new Set([...spared, ...next.map(({ pid }) => pid)]);
  }
  const targets = members.filter(({ pid }) => !spared.has(pid));
  return targets.length > 0 ? targets : [...members];
}

/** Names one process for good: a pid is used again, a pid with its start time is not. */
export function keyOf({ pid, startTime }: ProcessEntry): string {
  return `${pid}@${startTime}`;
}

/** A group's number is free again once all its members are gone; then it says nothing about the attempt. */
function pidWasReused(root: TreeRoot, table: readonly ProcessEntry[]): boolean {
  const holder = table.find(({ pid }) => pid === root.pid);
  return holder !== undefined && root.startTime !== undefined && holder.startTime !== root.startTime;
}
