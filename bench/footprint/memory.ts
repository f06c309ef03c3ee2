import { readFile } from "node:fs/promises";

/** What a process holds in memory, in MB; with its children. */
export async function residentMb(pid: number): Promise<number> {
  const [status, children] = await Promise.all([
    readFile(`/proc/${pid}/status`, "utf8"),
    readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => ""),
  ]);
  const own = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) * 1_024;
  let all = own / 1e6;
  for (const child of children.split(" ").filter(Boolean)) all += await residentMb(Number(child));
  return all;
}
