import { spawn } from "node:child_process";
import { once } from "node:events";

import type { BenchOptions } from "../harness/bench-options.ts";
import { startRunner, startServer } from "../harness/signalbox.ts";
import { tempDir } from "../harness/temp-dir.ts";

// From the order to the first thing that the step's process does, which is to tell the time.

const CLOCK = ["date", "+%s%N"] as const;

/** Milliseconds from the spawning of a process here to its first act: the bare machine. */
export async function bareStarts(samples: number): Promise<number[]> {
  const waits: number[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const from = now();
    const child = spawn(CLOCK[0], [CLOCK[1]], { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    child.stdout.on("data", (data: Buffer) => (text += data.toString()));
    await once(child, "close");
    waits.push(Number(text) / 1e6 - from);
  }
  return waits;
}

/** The same through a server and a runner in processes of their own, from the POST on. */
export async function signalboxStarts(
  samples: number,
  sandbox: "auto" | "none",
  { profileDir }: BenchOptions,
): Promise<number[]> {
  await using directory = await tempDir();
  await using server = await startServer({ dataDir: directory.file("server"), profileDir });
  await using _runner = await startRunner(server, { dataDir: directory.file("runner"), sandbox, profileDir });
  const waits: number[] = [];
  for (let sample = 0; sample < samples + WARM; sample++) {
    const from = now();
    const { id } = await server.call<{ id: string }>("POST", "/runs", { command: { argv: CLOCK } });
    const output = await fetch(`${server.url}/api/v1/runs/${id}/output?format=raw&follow=true`, {
      headers: server.headers,
    });
    const text = await output.text();
    if (!/^\d+\n$/.test(text)) throw new Error(`run ${id} said ${JSON.stringify(text)}`);
    if (sample >= WARM) waits.push(Number(text) / 1e6 - from);
  }
  return waits;
}

const WARM = 30;

/** Milliseconds since the epoch, with fractions: the clock of `date`. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
