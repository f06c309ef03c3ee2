import { readdir, readFile } from "node:fs/promises";

/** One process as /proc tells it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot: together with the pid it names one process, for a pid alone is used again. */
  readonly startTime: number;
}

/** What makes a process one of an agent. */
export interface TreeRoot {
  readonly pid: number;
  readonly startTime: number;
  /** An entry of the environment, `NAME=value`, that nobody else has. */
  readonly marker: string | undefined;
  /** Processes seen in the tree so far, as `keyOf` names them: they stay members when their parent dies. */
  readonly known: Set<string>;
}

/** A process with what marks it. */
export interface MarkedEntry extends ProcessEntry {
  readonly isMarked: boolean;
}

/**
 * The processes of a tree: the first, those that carry its marker, those in its session or group, those known from
 * before, and all their descendants. Who wiped its environment, left the session and lost its parent between two looks is
 * found by none of these; a PID namespace or cgroup holds it. This process and those it stems from are never members.
 */
export function membersOf(root: TreeRoot, table: readonly MarkedEntry[], self = process.pid): MarkedEntry[] {
  const isNeverOne = lineOf(self, table);
  const holder = table.find(({ pid }) => pid === root.pid);
  const isReused = holder !== undefined && holder.startTime !== root.startTime;
  const children = Map.groupBy(table, ({ parent }) => parent);
  const members = new Set<number>();
  const add = (entry: MarkedEntry): void => {
    if (members.has(entry.pid) || isNeverOne.has(entry.pid)) return;
    members.add(entry.pid);
    for (const child of children.get(entry.pid) ?? []) add(child);
  };
  for (const entry of table) {
    const isInSession = !isReused && root.pid > 1 && (entry.session === root.pid || entry.group === root.pid);
    if (entry.isMarked || isInSession || root.known.has(keyOf(entry))) add(entry);
  }
  return table.filter(({ pid }) => members.has(pid));
}

/** Names one process for good. */
export function keyOf({ pid, startTime }: ProcessEntry): string {
  return `${pid}@${startTime}`;
}

/** All living processes that a root may have (Linux; elsewhere none), zombies left out. */
export async function readTable(root: TreeRoot): Promise<MarkedEntry[]> {
  const names = await readdir("/proc").catch(() => []);
  const entries = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((name) => readMarked(name, root)));
  return entries.filter((entry) => entry !== undefined);
}

/** When a process started, in clock ticks since boot; undefined when it has ended. */
export async function startTimeOf(pid: number): Promise<number | undefined> {
  return parseStat(await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ""))?.startTime;
}

/** Field numbers as in proc_pid_stat(5); the name in parentheses may itself hold spaces and parentheses. */
export function parseStat(stat: string): (ProcessEntry & { readonly isZombie: boolean }) | undefined {
  const nameEnd = stat.lastIndexOf(") ");
  if (nameEnd < 0) return undefined;
  const [state, parent, group, session, ...rest] = stat.slice(nameEnd + 2).split(" ");
  return {
    pid: Number.parseInt(stat, 10),
    parent: Number(parent),
    group: Number(group),
    session: Number(session),
    startTime: Number(rest[15]),
    isZombie: state === "Z" || state === "X",
  };
}

async function readMarked(name: string, root: TreeRoot): Promise<MarkedEntry | undefined> {
  const parsed = parseStat(await readFile(`/proc/${name}/stat`, "latin1").catch(() => ""));
  if (!parsed || parsed.isZombie) return undefined;
  const { isZombie: _, ...entry } = parsed;
  // What was there before the agent is none of it; its environment is not read.
  if (root.marker === undefined || entry.startTime < root.startTime) return { ...entry, isMarked: false };
  const environment = await readFile(`/proc/${name}/environ`, "latin1").catch(() => "");
  return { ...entry, isMarked: environment.split("\0").includes(root.marker) };
}

/** A process and those that it stems from, with the first of the machine. */
function lineOf(self: number, table: readonly ProcessEntry[]): ReadonlySet<number> {
  const parents = new Map(table.map(({ pid, parent }) => [pid, parent]));
  const line = new Set([0, 1]);
  for (let pid: number | undefined = self; pid !== undefined && !line.has(pid); pid = parents.get(pid)) line.add(pid);
  return line;
}
