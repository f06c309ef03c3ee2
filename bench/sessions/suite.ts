import type { BenchOptions } from "../harness/bench-options.ts";
import type { Report } from "../harness/report.ts";
import { crowd } from "./crowd.ts";
import { starts } from "./starts.ts";
import { stops } from "./stops.ts";

/** Sessions: what Signalbox adds to the start of an agent, and a hundred of them on one runner, and a stop while they flood. */
export async function sessions(options: BenchOptions): Promise<Report[]> {
  return [await starts(options), await crowd(options), await stops(options)];
}
