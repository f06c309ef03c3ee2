import { readdirSync, readFileSync } from "node:fs";

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
 * rest, and what was there before an attempt carries no marker of it. All who ask in one turn of the event loop share a look.
 *
 * A look is taken in one go. /proc waits for no disk, and a look in hundreds of small steps would be as slow as hundreds of
 * turns of the event loop: where agents flood, that is many seconds for whoever wants one of them stopped.
 */
export function readProcessTable(procRoot = "/proc", since = 0): Promise<readonly ProcessEntry[]> {
  const shared = coming.get(procRoot);
  if (shared) {
    shared.since = Math.min(shared.since, since);
    return shared.table;
  }
  const { promise, resolve } = Promise.withResolvers<readonly ProcessEntry[]>();
  const look: Look = { since, table: promise };
  coming.set(procRoot, look);
  setImmediate(() => {
    coming.delete(procRoot);
    resolve(readAll(procRoot, look.since));
  });
  return promise;
}

/** A look that has not begun, for all who wait for it. */
interface Look {
  since: number;
  readonly table: Promise<readonly ProcessEntry[]>;
}

const coming = new Map<string, Look>();

function readAll(procRoot: string, since: number): readonly ProcessEntry[] {
  return namesIn(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => readProcess(`${procRoot}/${pid}`, since))
    .filter((entry) => entry !== undefined)
    .filter((entry) => !entry.isZombie);
}

/** The process of one directory of /proc, zombies included; undefined when there is none. */
export function readProcess(directory: string, since = 0): ProcessEntry | undefined {
  const parsed = parseStat(textOf(`${directory}/stat`));
  if (!parsed) return undefined;
  if (parsed.startTime < since) return { ...parsed, attemptId: undefined };
  return { ...parsed, attemptId: attemptIdIn(textOf(`${directory}/environ`)) };
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

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Nothing where the process has ended meanwhile, or is another user's. */
function textOf(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
