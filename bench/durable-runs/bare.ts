import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { GroupedWriter } from "../harness/grouped-writer.ts";
import type { Contender, Task } from "./contender.ts";
import { bodies, recordRun, type RecordedRun } from "./recorded-run.ts";

/** What the bare writer is given at its start. */
export interface BareSettings {
  readonly file: string;
  readonly recorded: Pick<RecordedRun, "body" | "commits" | "schema">;
}

/** One of the commits of a run: create, lease, start, finish. */
export interface BareWork {
  readonly commit: number;
  readonly body: string;
}

/**
 * The least program that keeps the same record: a thread with better-sqlite3 that carries out the very statements with
 * which the store writes a run, in the same commits one after the other, as many as wait in one transaction. It checks
 * nothing, reads nothing back and tells nobody.
 */
export async function openBare({ directory }: Task): Promise<Contender> {
  mkdirSync(directory, { recursive: true });
  const { body: mould, commits, schema } = await recordRun(":memory:");
  if (commits.length === 0) throw new Error("the recorded run wrote nothing");
  const settings: BareSettings = { file: join(directory, "bare.db"), recorded: { body: mould, commits, schema } };
  const writer = new GroupedWriter<BareWork>(new URL("./bare-writer.ts", import.meta.url), settings);
  const next = bodies(mould);
  return {
    async runOne() {
      const body = next.next().value;
      for (let commit = 0; commit < commits.length; commit++) await writer.commit({ commit, body });
    },
    [Symbol.asyncDispose]: () => writer[Symbol.asyncDispose](),
  };
}
