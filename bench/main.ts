import { parseArgs } from "node:util";

import type { BenchOptions } from "./harness/bench-options.ts";
import { describeMachine } from "./harness/machine.ts";
import { render, type Report } from "./harness/report.ts";
import { writeTables } from "./harness/write-tables.ts";

// `pnpm bench [suite …] [--quick] [--write] [--rounds n] [--profile directory]`

type Suite = (options: BenchOptions) => Promise<Report[]>;

const SUITES: Readonly<Record<string, () => Promise<Suite>>> = {
  runs: async () => (await import("./durable-runs/suite.ts")).durableRuns,
  http: async () => (await import("./http/suite.ts")).http,
  latency: async () => (await import("./latency/suite.ts")).latency,
  output: async () => (await import("./output/suite.ts")).output,
  footprint: async () => (await import("./footprint/suite.ts")).footprint,
  bus: async () => (await import("./bus/suite.ts")).bus,
  breaker: async () => (await import("./breaker/suite.ts")).breaker,
  terminals: async () => (await import("./terminals/suite.ts")).terminals,
  sessions: async () => (await import("./sessions/suite.ts")).sessions,
  state: async () => (await import("./state/suite.ts")).state,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    rounds: { type: "string" },
    profile: { type: "string" },
  },
});
const chosen = positionals.length > 0 ? positionals : Object.keys(SUITES);
const unknown = chosen.filter((name) => !Object.hasOwn(SUITES, name));
if (unknown.length > 0) {
  console.error(`there is no suite ${unknown.join(", ")}; there are ${Object.keys(SUITES).join(", ")}`);
  process.exit(2);
}

const options: BenchOptions = {
  isQuick: values.quick,
  rounds: Math.max(1, Number(values.rounds) || (values.quick ? 1 : 3)),
  ...(values.profile === undefined ? {} : { profileDir: values.profile }),
  say: (words) => process.stderr.write(`${words}\n`),
};
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));

const machine = describeMachine(options);
console.log(`${machine}\n`);
for (const name of chosen) {
  try {
    const suite = await SUITES[name]?.();
    const reports = (await suite?.(options)) ?? [];
    const text = reports.map(render).join("\n\n");
    console.log(`${text}\n`);
    if (values.write) writeTables(name, `${machine}\n\n${text}`);
  } catch (error) {
    // The other suites have something to say all the same.
    console.error(`suite ${name} failed:`, error);
    process.exitCode = 1;
  }
}
