import { readProcessTable } from "../../src/process/process-table.ts";

/** Whether a process of an attempt lives on this machine. */
export async function isAlive(attemptId: string): Promise<boolean> {
  return (await readProcessTable()).some((entry) => entry.attemptId === attemptId && !entry.isZombie);
}
