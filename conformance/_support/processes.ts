import { readdir, readFile } from "node:fs/promises";

/** Pids of the processes on this machine whose environment says that they belong to an attempt of a run. */
export async function processesOf(runId: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await belongsTo(pid, runId)) ? [pid] : [])));
  return found.flat();
}

/** Pids of the living processes whose command line holds a text. */
export async function processesWith(text: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return line.includes(text) && (await isAlive(pid)) ? [pid] : [];
    }),
  );
  return found.flat();
}

/** Whether a process of this pid is alive; one that is dead and not yet reaped is not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return stat !== undefined && !/\) [ZX] /.test(stat);
}

async function belongsTo(pid: number, runId: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
  return environment.includes(`SIGNALBOX_RUN_ID=${runId}\0`) && (await isAlive(pid));
}
