import type { BenchOptions } from "../harness/bench-options.ts";
import { startNats } from "../harness/nats.ts";
import type { Report } from "../harness/report.ts";
import { betweenProcesses } from "./between-processes.ts";
import { calling } from "./calling.ts";
import { publishing } from "./publishing.ts";

/** Messages and calls between plugins, in one process and between two. */
export async function bus(options: BenchOptions): Promise<Report[]> {
  await using nats = await startNats();
  const service = nats && String(nats.port);
  return [
    ...(await publishing(service, options)),
    await calling(service, options),
    ...(await betweenProcesses(nats?.port, options)),
  ];
}
