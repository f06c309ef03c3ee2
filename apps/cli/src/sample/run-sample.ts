import type { Client } from "@signalbox/client";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import type { Context } from "../context.ts";
import { summarize } from "../run-view/summary.ts";
import { watchRun } from "../run-view/watch-run.ts";
import { SAMPLE_PLAN } from "./sample-plan.ts";
import { makeSampleProject } from "./sample-project.ts";

/** Runs the sample plan on a repository made for it, and shows it; on a store that has runs already, says so. */
export async function runSample(
  context: Context,
  client: Client,
  dataDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  const { output } = context;
  const { items } = await client.runs.list({ limit: 1 }, { signal });
  if (items.length > 0)
    return output.note("this server has runs already, so the sample is not run again; `signalbox runs` lists them");
  const folder = await makeSampleProject(join(dataDirectory, "sample", "greet"));
  const run = await client.runs.create(
    { plan: SAMPLE_PLAN, name: "sample", repo: { url: pathToFileURL(folder).href } },
    { signal },
  );
  output.note(`a sample run, on the repository ${folder}:`);
  const watched = await watchRun(context, { client, run, waitsAtGates: true, onInterrupt: "leave" });
  await summarize(context, client, run.id, watched);
}
