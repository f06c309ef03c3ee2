import { readFileSync } from "node:fs";

/** Clock ticks of Linux, which it tells to programs as 100 a second whatever its own are. */
const TICK_MS = 10;

/** Time that all threads of a process have spent at work, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // After the name in parentheses: fields 14 and 15 of proc_pid_stat(5).
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** What a process holds in memory, in kB. */
export function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? Number.NaN);
}

/** What all processes below one hold in memory, pages that they share counted by their share, in kB. */
export function shareBelowKb(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + shareKb(child) + shareBelowKb(child), 0);
}

function childrenOf(pid: number): readonly number[] {
  return textOf(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

function shareKb(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

/** A process that has ended meanwhile says nothing. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
