import { readdir, readFile } from "node:fs/promises";
import { inParallel } from "../in-parallel.ts";

/** One process as /proc tells it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot: together with the pid it names one process, for a pid alone is used again. */
  readonly startTime: number;
  /** It has ended, and only its parent's knowing of it is missing. */
  readonly isZombie: boolean;
  /** Value of SIGNALBOX_ATTEMPT in its environment; undefined where it has none or may not be read. */
  readonly attemptId: string | undefined;
}

/** The environment variable that every process of an attempt carries, unless it wiped its own environment. */
export const ATTEMPT_VARIABLE = "SIGNALBOX_ATTEMPT";

/**
 * All living processes of this machine (Linux; elsewhere none), zombies left out: they hold nothing but a number.
 * `procRoot` is /proc unless a test says otherwise. Processes that end while being read are left out. The environment of
 * processes that are older than `since`, in clock ticks since boot, is not read: reading it takes longer than all the
 * rest, and what was there before an attempt carries no marker of it. One look at a time is taken: those who ask during it
 * share the next, for a hundred attempts that end at once would have more files open than there may be.
 */
export function readProcessTable(procRoot = "/proc", since = 0): Promise<readonly ProcessEntry[]> {
  const shared = coming.get(procRoot);
  if (shared) {
    shared.since = Math.min(shared.since, since);
    return shared.table;
  }
  const look: Look = {
    since,
    table: latest.then(() => {
      coming.delete(procRoot);
      return readAll(procRoot, look.since);
    }),
  };
  coming.set(procRoot, look);
  latest = look.table;
  return look.table;
}

/** A look that has not begun, for all who wait for it. */
interface Look {
  since: number;
  readonly table: Promise<readonly ProcessEntry[]>;
}

const coming = new Map<string, Look>();
/** It never rejects. */
let latest: Promise<unknown> = Promise.resolve();

async function readAll(procRoot: string, since: number): Promise<readonly ProcessEntry[]> {
  const names = await readdir(procRoot).catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name));
  const entries = await inParallel(pids, (pid) => readProcess(`${procRoot}/${pid}`, since));
  return entries.filter((entry) => entry !== undefined).filter((entry) => !entry.isZombie);
}

/** The process of one directory of /proc, zombies included; undefined when there is none. */
export async function readProcess(directory: string, since = 0): Promise<ProcessEntry | undefined> {
  const stat = await readFile(`${directory}/stat`, "latin1").catch(() => "");
  const parsed = parseStat(stat);
  if (!parsed) return undefined;
  if (parsed.startTime < since) return { ...parsed, attemptId: undefined };
  const environment = await readFile(`${directory}/environ`, "latin1").catch(() => "");
  return { ...parsed, attemptId: attemptIdIn(environment) };
}

/** Field numbers as in proc_pid_stat(5); the name in parentheses may itself hold spaces and parentheses. */
export function parseStat(stat: string): Omit<ProcessEntry, "attemptId"> | undefined {
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

function attemptIdIn(environment: string): string | undefined {
  const prefix = `${ATTEMPT_VARIABLE}=`;
  const variable = environment.split("\0").find((entry) => entry.startsWith(prefix));
  return variable?.slice(prefix.length);
}
