import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { GroupedWriter } from "../harness/grouped-writer.ts";
import type { Contender, Task } from "./contender.ts";
import { bodies, recordRun } from "./recorded-run.ts";

/** What the bare writer is given at its start. */
export interface BareSettings {
  readonly file: string;
  readonly recorded: Awaited<ReturnType<typeof recordRun>>;
}

/** One of the four commits of a run: `create`, `lease`, `start`, `finish`. */
export interface BareWork {
  readonly phase: 0 | 1 | 2 | 3;
  readonly body: string;
  readonly now: number;
}

const PHASES = [0, 1, 2, 3] as const;

/**
 * The least program that keeps the same record: a thread with better-sqlite3 that writes the same rows of a run in the
 * same four commits, as many as wait in one transaction. It checks nothing, reads nothing back and tells nobody.
 */
export async function openBare({ directory }: Task): Promise<Contender> {
  mkdirSync(directory, { recursive: true });
  const recorded = await recordRun(join(directory, "mould"));
  const settings: BareSettings = { file: join(directory, "bare.db"), recorded };
  const writer = new GroupedWriter<BareWork>(new URL("./bare-writer.ts", import.meta.url), settings);
  const next = bodies(recorded.body);
  return {
    async runOne() {
      const body = next.next().value;
      for (const phase of PHASES) await writer.commit({ phase, body, now: Date.now() });
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}
