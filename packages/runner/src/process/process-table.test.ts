import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { parseStat, readProcess, readProcessTable } from "./process-table.ts";

describe("readProcessTable", () => {
  it("tells a process's place in the tree and the attempt that it belongs to", async () => {
    const env = { SIGNALBOX_ATTEMPT: "att_1" };
    const child = spawn("/bin/cat", { env, detached: true, stdio: ["pipe", "ignore", "ignore"] });
    await once(child, "spawn");

    const table = await readProcessTable();
    child.stdin.end();

    expect(table.find(({ pid }) => pid === child.pid)).toMatchObject({
      parent: process.pid,
      group: child.pid,
      session: child.pid,
      attemptId: "att_1",
    });
  });

  it("keeps a start time for each process, the same at every look", () => {
    const [first, second] = [readProcess("/proc/self"), readProcess("/proc/self")];

    expect(first?.startTime).toBeGreaterThan(0);
    expect(second?.startTime).toBe(first?.startTime);
  });

  it("is not misled by a name with spaces and parentheses", () => {
    const stat = `42 (a) Z 1 1 (b) S 7 8 9 0 -1 0 ${"0 ".repeat(12)}4711 0 0`;

    expect(parseStat(stat)).toMatchObject({
      pid: 42,
      parent: 7,
      group: 8,
      session: 9,
      startTime: 4711,
      isZombie: false,
    });
  });

  it("takes one look for all who ask in one turn of the event loop, and a new one for those who ask later", async () => {
    const tables = await Promise.all([readProcessTable(), later(readProcessTable), later(readProcessTable)]);

    expect(tables[1]).toBe(tables[2]);
    expect(tables[1]).not.toBe(tables[0]);
  });

  // Seen red: read in small steps, a look needed dozens of turns, each as long as all that floods in makes it.
  it("needs one turn of the event loop, however many processes there are", async () => {
    let turns = 0;
    const count = (): void => {
      turns += 1;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);

    const table = await readProcessTable();
    clearImmediate(counting);

    expect(table.length).toBeGreaterThan(0);
    expect(turns).toBeLessThanOrEqual(1);
  });

  it("shows whoever asks a process that had begun before", async () => {
    const asked = Array.from({ length: 20 }, async () => {
      const child = spawn("/bin/cat", { stdio: ["pipe", "ignore", "ignore"] });
      await once(child, "spawn");
      const table = await readProcessTable();
      child.stdin.end();
      return table.some(({ pid }) => pid === child.pid);
    });

    expect(await Promise.all(asked)).toEqual(asked.map(() => true));
  });

  it("finds nobody where there is no /proc", async () => {
    expect(await readProcessTable("/nonexistent")).toEqual([]);
  });
});

/** Calls when what was begun before is under way. */
async function later<Value>(call: () => Promise<Value>): Promise<Value> {
  await new Promise((resolve) => setImmediate(resolve));
  return call();
}
