import type { BenchOptions } from "../harness/bench-options.ts";
import type { Report } from "../harness/report.ts";
import { crowd } from "./crowd.ts";
import { starts } from "./starts.ts";

/** Sessions: what Signalbox adds to the start of an agent, and a hundred of them on one runner. */
export async function sessions(options: BenchOptions): Promise<Report[]> {
  return [await starts(options), await crowd(options)];
}
