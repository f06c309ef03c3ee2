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
